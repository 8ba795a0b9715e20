// Numbers as people read them; dashboards/unit.py writes the same texts.
const UNKNOWN = "–";

function digits(value) {
  const size = Math.abs(value);
  if (size >= 100 || value === Math.trunc(value)) return Math.round(value).toLocaleString("en-US");
  return size >= 1 ? value.toFixed(1) : String(Number(value.toPrecision(2)));
}

function number(value) {
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-3)) return value.toExponential(1);
  for (const [each, unit] of [[1e12, "T"], [1e9, "G"], [1e6, "M"]]) {
    if (size >= each) return `${Number((value / each).toPrecision(4))} ${unit}`;
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
  return `${index === 0 ? value.toFixed(0) : value.toFixed(1)} ${units[index]}`;
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
  if (percent === Math.trunc(percent) || Math.abs(percent) >= 100) return `${percent.toFixed(0)} %`;
  return Math.abs(percent) >= 0.1 ? `${percent.toFixed(1)} %` : `${Number(percent.toPrecision(2))} %`;
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
