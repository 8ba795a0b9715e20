// What every page does: draw its plots, show times in the reader's zone, stay live.
import { ask, askPage } from "./ask.js";
import { Live, swap, waits } from "./live.js";
import { Plot } from "./plot.js";
import { localize } from "./times.js";

const AT_ONCE = 4;
/** As many plots are asked for at a time: the answers come in the order of the page. */

const prefix = document.body.dataset.prefix;
let plots = [];

/** Take frames that came into the page, and forget those that left it. */
function findPlots() {
  const before = new Map(plots.map((plot) => [plot.figure, plot]));
  const figures = [...document.querySelectorAll("[data-panel]")];
  plots = figures.map((figure) => before.get(figure) ?? new Plot(figure));
  for (const plot of before.values()) if (!plots.includes(plot)) plot.clear();
}

async function loadMarks(signal) {
  if (!plots.length) return;
  const address = new URL(plots[0].figure.dataset.src, location.href);
  const answer = await ask(`${prefix}marks${address.search}`, { signal });
  if (!answer.ok) return;
  const marks = await answer.json();
  for (const plot of plots) plot.marks = marks;
}

async function loadPlots(signal) {
  await loadMarks(signal).catch(() => {});
  const waiting = [...plots];
  let failure = null;
  const work = Array.from({ length: AT_ONCE }, async () => {
    for (let plot = waiting.shift(); plot && !signal?.aborted; plot = waiting.shift()) {
      try {
        await plot.load(signal);
      } catch (error) {
        failure ??= error;
        if (!plot.data) plot.say("The monitoring service does not answer.");
      }
    }
  });
  await Promise.all(work);
  if (failure) throw failure;
}

async function refresh(page, signal) {
  swap(page);
  findPlots();
  for (const plot of plots) {
    const fresh = page.getElementById(plot.figure.id);
    if (fresh) plot.figure.dataset.src = fresh.dataset.src;
  }
  localize();
  await loadPlots(signal);
}

function redraw() {
  for (const plot of plots) plot.draw();
}

let widthBefore = window.innerWidth;
let resizing;
addEventListener("resize", () => {
  if (window.innerWidth === widthBefore) return;
  widthBefore = window.innerWidth;
  clearTimeout(resizing);
  resizing = setTimeout(redraw, 100);
});
addEventListener("themechange", redraw);
addEventListener("pagechange", () => {
  findPlots();
  localize();
  loadPlots().catch(() => {});
});
document.getElementById("range")?.addEventListener("change", (event) => event.target.form.requestSubmit());
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.about[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const open of document.querySelectorAll("details.about[open]")) open.open = false;
  }
});

/** A filter shows what matches while one types; the address keeps it. */
let typing;
let filtering;
document.addEventListener("input", (event) => {
  const field = event.target.closest("[data-filter]");
  if (!field) return;
  clearTimeout(typing);
  filtering?.abort(); // an older answer must not come after a newer one
  typing = setTimeout(async () => {
    const { signal } = (filtering = new AbortController());
    const url = new URL(location.href);
    url.search = new URLSearchParams(new FormData(field.form)).toString();
    history.replaceState(null, "", url);
    const page = await askPage(url, signal).catch(() => null);
    if (!page || signal.aborted) return;
    swap(page);
    localize();
  }, 250);
});

findPlots();
localize();
setInterval(() => localize(), 30_000);
loadPlots()
  .catch(() => {})
  .finally(() => document.body.toggleAttribute("data-drawn", true));
const seconds = Number(document.body.dataset.live);
if (seconds || waits()) new Live(seconds, refresh).start();
