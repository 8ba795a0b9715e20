// One panel's plot: fetched, drawn, drawn again when its data, its width or the theme is another.
import uPlot from "../vendor/uplot/uPlot.esm.js";
import { ask } from "./ask.js";
import { heatmap } from "./heatmap.js";
import { inShort, lines } from "./lines.js";
import { markHooks } from "./marks.js";
import { many } from "./many.js";
import { colour } from "./palette.js";

const NARROW = 640;
const DRAWINGS = { heatmap, many };

function height() {
  return window.innerWidth < NARROW ? 160 : 200;
}

/** Whether there is anything to draw: a limit alone is nothing. */
function isEmpty(data) {
  return !data.lines.some((line) => line.tone !== "limit" && line.values.some((v) => v !== null));
}

/** Look at what was marked with the mouse: the page opens again with that time in its address. */
function zoom(plot) {
  if (plot.select.width < 8) return;
  const [from, to] = [plot.select.left, plot.select.left + plot.select.width].map((left) =>
    Math.round(plot.posToVal(left, "x")),
  );
  const url = new URL(location.href);
  url.searchParams.delete("range");
  url.searchParams.set("from", Math.min(from, to - 60));
  url.searchParams.set("to", to);
  location.assign(url);
}

export class Plot {
  constructor(figure) {
    this.figure = figure;
    this.place = figure.querySelector(".plot");
    this.data = null;
    this.marks = [];
    this.drawn = null;
    this.asked = 0;
  }

  /** Fetch the data and draw it. Throws what fetch throws; what the service says is shown here. */
  async load(signal) {
    this.figure.classList.toggle("loading", this.data === null);
    const turn = (this.asked += 1);
    const answer = await ask(this.figure.dataset.src, { signal });
    if (turn !== this.asked) return; // it was asked for anew, with another time
    this.figure.classList.remove("loading");
    if (!answer.ok) {
      const { error } = await answer.json().catch(() => ({ error: `status ${answer.status}` }));
      if (answer.status >= 502 && answer.status <= 504 && this.data) throw new Error(error);
      this.say(error);
      return;
    }
    this.data = await answer.json();
    if (!this.drawn?.select.width) this.draw(); // somebody marks a time with the mouse
  }

  /** Show a sentence in place of a plot. */
  say(sentence) {
    this.clear();
    const line = document.createElement("p");
    line.className = "placeholder";
    line.textContent = sentence;
    this.place.replaceChildren(line);
  }

  clear() {
    this.drawn?.destroy();
    this.drawn = null;
  }

  draw() {
    const data = this.data;
    if (!data) return;
    if (isEmpty(data)) {
      this.say([data.empty, ...(data.warnings ?? [])].join(" "));
      return;
    }
    const part = (DRAWINGS[this.figure.dataset.kind] ?? lines)(data);
    const notes = [...(part.notes ?? []), ...(data.warnings ?? [])];
    const options = this.options(part);
    options.hooks.ready.push(pointAgain(this.pointed()));
    this.clear();
    this.place.replaceChildren();
    this.drawn = new uPlot(options, part.rows, this.place);
    for (const note of notes) this.note(note);
    this.place.setAttribute("aria-label", this.summary());
    this.place.setAttribute("role", "img");
  }

  options(part) {
    const times = this.data.times;
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--plot-grid"), width: 1 }, ticks: { show: false } };
    return {
      width: this.place.clientWidth,
      height: height(),
      cursor: { sync: { key: "page" }, drag: { x: true, y: false, setScale: false }, y: false },
      scales: {
        x: { time: true, range: [times[0], times[times.length - 1]] },
        ...part.scales,
      },
      axes: [{ ...axis, size: 30, space: 70, values: timeTicks }, { ...axis, size: axisWidth, ...part.axis }],
      series: [{ value: (_, at) => (at === null ? "" : moment(at)) }, ...part.series],
      legend: { show: part.legend ?? true },
      hooks: combine(part.hooks ?? {}, markHooks(this), { setSelect: [zoom], ready: [zoomOut] }),
    };
  }

  /** Where on the plot the mouse is; null where it is elsewhere. */
  pointed() {
    const { left, top } = this.drawn?.cursor ?? {};
    return left >= 0 ? { left, top } : null;
  }

  note(sentence) {
    const line = document.createElement("p");
    line.className = "plot-note";
    line.textContent = sentence;
    this.place.append(line);
  }

  /** The latest numbers in words, for who does not see the plot. */
  summary() {
    const shown = this.data.kind === "heatmap" ? [] : this.data.lines;
    const words = shown.map((line) => `${line.name} ${inShort(line, this.data)}`);
    return `${this.figure.querySelector("h2").textContent}: ${words.join(", ") || "a plot"}`;
  }
}

function combine(...all) {
  const hooks = {};
  for (const some of all) {
    for (const [name, functions] of Object.entries(some)) {
      hooks[name] = [...(hooks[name] ?? []), ...functions];
    }
  }
  return hooks;
}

function zoomOut(plot) {
  plot.over.addEventListener("dblclick", (event) => {
    event.stopImmediatePropagation();
    if (new URL(location.href).searchParams.has("from")) history.back();
  });
}

/** As wide as the longest label, so that none is cut off. */
function axisWidth(_, labels) {
  const longest = Math.max(0, ...(labels ?? []).map((label) => label.length));
  return Math.max(50, longest * 7 + 14);
}

/** New numbers come while somebody reads those under the mouse: it stays there. */
function pointAgain(place) {
  return (plot) => place && plot.setCursor(place);
}

/** 14:00, 14:00:30 where ticks are so close, and the date where a day begins. */
function timeTicks(_, splits, __, ___, step) {
  return splits.map((at) => {
    const when = new Date(at * 1000);
    const midnight = when.getHours() === 0 && when.getMinutes() === 0;
    if (step >= 86400 || midnight) return when.toLocaleDateString(undefined, { day: "numeric", month: "short" });
    const second = step < 60 ? { second: "2-digit" } : {};
    return when.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", ...second, hourCycle: "h23" });
  });
}

function moment(at) {
  return new Date(at * 1000).toLocaleString(undefined, { dateStyle: "short", timeStyle: "short" });
}
