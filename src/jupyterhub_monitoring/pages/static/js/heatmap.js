// A distribution over time: a row for each bucket, darker where more fell into it.
import { colour } from "./palette.js";
import { text } from "./units.js";

function bound(name) {
  return name === "+Inf" || name === "Inf" ? Infinity : Number(name);
}

/** Without the rows below and above which nothing ever was. */
function worthShowing(lines) {
  const used = lines.map((line) => line.values.some((value) => value));
  const first = used.indexOf(true);
  const last = used.lastIndexOf(true);
  return lines.slice(Math.max(0, first - 1), Math.min(lines.length, last + 2));
}

function paint(plot, rows, step, strongest) {
  const { ctx } = plot;
  const wide = plot.valToPos(plot.data[0][0] + step, "x", true) - plot.valToPos(plot.data[0][0], "x", true);
  const left = plot.bbox.left;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
  ctx.clip();
  ctx.fillStyle = colour("--series-1");
  rows.forEach((row, index) => {
    const bottom = plot.valToPos(index, "y", true);
    const top = plot.valToPos(index + 1, "y", true);
    row.values.forEach((value, at) => {
      if (!value) return;
      ctx.globalAlpha = 0.15 + 0.85 * Math.sqrt(value / strongest);
      const x = plot.valToPos(plot.data[0][at], "x", true);
      ctx.fillRect(x - wide, top + 1, Math.max(2, wide - 1), bottom - top - 1);
    });
  });
  ctx.restore();
}

export function heatmap(data) {
  const rows = worthShowing(data.lines);
  const step = data.times.length > 1 ? data.times[1] - data.times[0] : 60;
  const strongest = Math.max(...rows.flatMap((row) => row.values.filter((value) => value)));
  const names = rows.map((row) => (bound(row.name) === Infinity ? "more" : text(bound(row.name), data.unit)));
  const all = Math.round(rows.reduce((sum, row) => sum + row.values.reduce((a, b) => a + (b ?? 0), 0), 0));
  const label = (at) => {
    const found = rows
      .map((row, index) => [names[index], row.values[at]])
      .filter(([, count]) => count)
      .map(([name, count]) => `${Math.round(count)} up to ${name}`);
    return found.join(", ") || "none";
  };
  return {
    rows: [data.times, data.times.map(() => 0)],
    series: [
      {
        label: "how many",
        stroke: "transparent",
        points: { show: false },
        value: (_, __, ___, at) => (at === null || at === undefined ? `${all.toLocaleString("en-US")} in all` : label(at)),
      },
    ],
    scales: { y: { range: () => [0, rows.length] } },
    axis: {
      splits: () => rows.map((_, index) => index + 1),
      values: (_, splits) => splits.map((split, index) => (rows.length > 8 && index % 2 ? "" : names[split - 1])),
      grid: { show: false },
    },
    hooks: { draw: [(plot) => paint(plot, rows, step, strongest)] },
  };
}
