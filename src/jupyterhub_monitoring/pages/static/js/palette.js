// Colours of lines, from the style sheet, so that they follow the theme.
const COLOURS = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6"];

export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function hash(name) {
  let value = 0;
  for (const char of name) value = (value * 31 + char.codePointAt(0)) >>> 0;
  return value;
}

/** The variable of each line's colour. The same name has the same colour wherever it can. */
export function assign(lines, byName) {
  const taken = new Set();
  const chosen = new Map();
  const named = lines.filter((line) => line.tone === "series" && !/^\d+ others$/.test(line.name));
  const order = byName ? [...named].sort((a, b) => (a.name < b.name ? -1 : 1)) : named;
  order.forEach((line, index) => {
    let place = (byName ? hash(line.name) : index) % COLOURS.length;
    while (taken.has(place) && taken.size < COLOURS.length) place = (place + 1) % COLOURS.length;
    taken.add(place);
    chosen.set(line, COLOURS[place]);
  });
  return lines.map((line) => {
    if (line.tone === "bad") return "--series-bad";
    if (line.tone === "limit") return "--series-limit";
    return chosen.get(line) ?? "--series-rest";
  });
}
