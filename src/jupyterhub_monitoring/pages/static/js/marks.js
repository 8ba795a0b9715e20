// Restarts and new versions of the Hub: thin lines on every plot, with a word when one is near.
import { colour } from "./palette.js";

const NEAR_PIXELS = 6;

function draw(plot, marks) {
  const { ctx } = plot;
  ctx.save();
  ctx.strokeStyle = colour("--quiet");
  ctx.setLineDash([2, 3]);
  for (const { at } of marks) {
    const x = Math.round(plot.valToPos(at, "x", true)) + 0.5;
    if (x < plot.bbox.left || x > plot.bbox.left + plot.bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, plot.bbox.top);
    ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

function name(plot, marks, label) {
  const left = plot.cursor.left ?? -1;
  const near = left < 0 ? undefined : marks.find(({ at }) => Math.abs(plot.valToPos(at, "x") - left) <= NEAR_PIXELS);
  label.hidden = near === undefined;
  if (near === undefined) return;
  const at = new Date(near.at * 1000).toLocaleTimeString(undefined, { timeStyle: "short" });
  label.textContent = `${at} ${near.what}`;
  const room = plot.over.clientWidth - label.offsetWidth;
  label.style.left = `${Math.max(0, Math.min(left + 8, room))}px`;
}

/** Hooks of uPlot that show the marks of *owner*, a Plot. */
export function markHooks(owner) {
  const label = document.createElement("span");
  label.className = "mark-text";
  label.hidden = true;
  return {
    ready: [(plot) => plot.over.append(label)],
    draw: [(plot) => draw(plot, owner.marks)],
    setCursor: [(plot) => name(plot, owner.marks, label)],
  };
}
