// Times in the reader's own zone; the server writes UTC, so that they are right without a script.
const STEPS = [
  [120, 1, "s"],
  [7200, 60, "min"],
  [172800, 3600, "h"],
  [Infinity, 86400, "days"],
];

function ago(seconds) {
  const size = Math.abs(seconds);
  const [, each, unit] = STEPS.find(([limit]) => size < limit);
  const words = `${Math.round(size / each)} ${unit}`;
  return seconds >= 0 ? `${words} ago` : `in ${words}`;
}

/** Write the times below *root* anew. */
export function localize(root = document) {
  const now = Date.now();
  for (const element of root.querySelectorAll("time[datetime]")) {
    const at = new Date(element.dateTime);
    element.title = at.toLocaleString();
    if (element.dataset.shown === "ago") element.textContent = ago((now - at) / 1000);
    else element.textContent = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  }
}
