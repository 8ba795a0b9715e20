// Numbers as people read them; dashboards/unit.py writes the same texts.
const UNKNOWN = "–";

const TINY = 1e-4; // below, and from HUGE on, numbers are written with an exponent
const HUGE = 1e15;

/** So many decimal places, ties away from 0, with commas: 1,234.5. */
function fixed(value, places) {
  if (Math.abs(value) >= HUGE) return significant(value, 2);
  const [whole, rest] = value.toFixed(places).split(".");
  const number = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (rest ? `.${rest}` : "");
  return /[1-9]/.test(number) ? number : number.replace("-", "");
}

/** At most so many digits that count; 4.2e-6 where it is tiny. */
function significant(value, places) {
  const rounded = Number(value.toPrecision(places));
  const size = Math.abs(rounded);
  if ((size === 0 || size >= TINY) && size < HUGE) return String(rounded);
  return value.toExponential(places - 1).replace(/\.?0+e/, "e");
}

function digits(value) {
  const size = Math.abs(value);
  if (size >= 100 || value === Math.trunc(value)) return fixed(value, 0);
  return size >= 1 ? fixed(value, 1) : significant(value, 2);
}

function number(value) {
  const size = Math.abs(value);
  for (const [each, unit] of [[1e12, "T"], [1e9, "G"], [1e6, "M"]]) {
    if (size < HUGE && size >= each) return `${significant(value / each, 4)} ${unit}`;
  }
  return digits(value);
}

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let index = 0;
  while (Math.abs(value) >= 1024 && index < units.length - 1) {
    value /= 1024;
    index += 1;
  }
  return `${fixed(value, index === 0 ? 0 : 1)} ${units[index]}`;
}

function seconds(value) {
  const size = Math.abs(value);
  if (size === 0) return "0 s";
  if (size < 1) return `${digits(value * 1000)} ms`;
  if (size < 120) return `${digits(value)} s`;
  if (size < 7200) return `${digits(value / 60)} min`;
  if (size < 172800) return `${digits(value / 3600)} h`;
  return `${digits(value / 86400)} days`;
}

function ratio(value) {
  const percent = value * 100;
  if (percent === Math.trunc(percent) || Math.abs(percent) >= 100) return `${fixed(percent, 0)} %`;
  return `${Math.abs(percent) >= 0.1 ? fixed(percent, 1) : significant(percent, 2)} %`;
}

const TEXTS = {
  count: digits,
  per_second: (value) => `${digits(value)}/s`,
  bytes,
  seconds,
  ratio,
  cores: (value) => `${digits(value)} ${value === 1 ? "core" : "cores"}`,
  number,
};

/** "1.4 GiB", "12 s", "97.2 %"; a dash for what is not known. */
export function text(value, unit) {
  if (value === null || value === undefined || Number.isNaN(value)) return UNKNOWN;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
  return TEXTS[unit](value);
}

const BINARY = Array.from({ length: 51 }, (_, power) => 2 ** power);

/** Distances between ticks of an axis: powers of two for bytes, whole numbers for counts; uPlot's own for numbers of any size. */
export function increments(unit) {
  if (unit === "bytes") return BINARY;
  if (unit === "number") return undefined;
  const steps = [];
  for (let power = unit === "count" ? 0 : -6; power <= 12; power += 1) {
    for (const step of [1, 2, 2.5, 5]) {
      if (unit === "count" && power === 0 && step === 2.5) continue;
      steps.push(step * 10 ** power);
    }
  }
  return steps;
}
