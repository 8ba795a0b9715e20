// What uPlot needs for lines, and for bars on top of each other.
import uPlot from "../vendor/uplot/uPlot.esm.js";
import { assign, colour } from "./palette.js";
import { increments, text } from "./units.js";

const BARS = uPlot.paths.bars({ size: [0.8, 24] });

/** From 0, or from the lowest where that is below; a little room above. */
function range(_, low, high) {
  if (low === null) return [0, 1];
  const top = Math.max(high, 0);
  return [Math.min(0, low), top === 0 && low >= 0 ? 1 : top * 1.06];
}

const RECENT = 4; // steps; the last ones may not be there yet

/** The number at the end of the time; nothing of what ended before, as a server that was stopped. */
function latest(values) {
  return values.slice(-RECENT).findLast((value) => value !== null) ?? null;
}

/** What a line is worth in one number, while the mouse points nowhere. */
export function inShort(line, { kind, unit }) {
  if (kind !== "bars") return text(latest(line.values), unit);
  return `${text(line.values.reduce((sum, value) => sum + (value ?? 0), 0), unit)} in all`;
}

/** Each row is the sum of those up to it; nothing where no row has anything. */
export function stacked(rows) {
  const totals = [];
  return rows.map((row) => {
    row.forEach((value, index) => {
      if (value !== null) totals[index] = (totals[index] ?? 0) + value;
    });
    return row.map((_, index) => totals[index] ?? null);
  });
}

export function lines(data) {
  const bars = data.kind === "bars";
  const names = assign(data.lines, data.lines.length > 2);
  const order = data.lines.map((_, index) => index);
  let rows = data.lines.map((line) => line.values);
  if (bars) {
    rows = stacked(rows).reverse(); // the highest is painted first, the others over it
    order.reverse();
  }
  const series = order.map((index) => {
    const line = data.lines[index];
    const stroke = colour(names[index]);
    const limit = line.tone === "limit";
    return {
      label: line.name || "(no name)",
      stroke,
      width: bars ? 0 : 1.5,
      dash: limit ? [6, 4] : undefined,
      fill: bars ? stroke : undefined,
      paths: bars ? BARS : undefined,
      points: { show: bars ? false : isolated },
      value: (_, __, ___, at) =>
        at === null || at === undefined ? inShort(line, data) : text(line.values[at], data.unit),
    };
  });
  return {
    rows: [data.times, ...rows],
    series,
    scales: { y: { range } },
    axis: { values: (_, splits) => splits.map((value) => text(value, data.unit)), incrs: increments(data.unit) },
    notes: data.left_out ? [`and ${data.left_out} more, in the CSV`] : [],
  };
}

/** Only what has no neighbour gets a dot: no line leads to it. */
function isolated(plot, index) {
  const row = plot.data[index];
  return row.some((value, at) => value !== null && (row[at - 1] ?? null) === null && (row[at + 1] ?? null) === null);
}
