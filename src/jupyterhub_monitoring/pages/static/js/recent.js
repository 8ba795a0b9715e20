// The expressions that were asked lately, kept in this browser only.
const KEY = "jupyterhub-monitoring-explore";
const MOST = 12;
const LONGEST = 2000;

/** Return them, the latest first; none where the browser keeps nothing. */
export function recent() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((text) => typeof text === "string").slice(0, MOST) : [];
  } catch {
    return [];
  }
}

export function remember(expr) {
  if (expr.length > LONGEST) return;
  const kept = [expr, ...recent().filter((text) => text !== expr)].slice(0, MOST);
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // storage is full or forbidden: nothing is remembered
  }
}

export function forget() {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // there is nothing to forget
  }
}
