// Lines of anything: as many as there are, each a button below the plot that shows it alone.
import { lines } from "./lines.js";
import { text } from "./units.js";

/** From 0 where that is near; else only where the lines are, so that one sees them move. */
function range(_, low, high) {
  if (low === null) return [0, 1];
  const margin = (high - low || Math.abs(high) || 1) * 0.06;
  if (low >= 0 && low < high / 2) return [0, high + margin];
  return [low - margin, high + margin];
}

function lastKnown(values) {
  return values.findLast((value) => value !== null) ?? null;
}

class Legend {
  constructor(data) {
    this.data = data;
    this.alone = null;
    this.list = document.createElement("ul");
    this.list.className = "legend";
    this.entries = data.lines.map((line, index) => this.entry(line, index));
    this.list.replaceChildren(...this.entries.map(({ item }) => item));
  }

  entry(line, index) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const [swatch, name, value] = ["marker", "name", "value"].map((kind) => {
      const part = document.createElement("span");
      part.className = kind;
      return part;
    });
    button.type = "button";
    button.title = "Show it alone, or all again";
    button.setAttribute("aria-pressed", "false");
    name.textContent = line.name;
    button.append(swatch, name, value);
    button.addEventListener("click", () => this.toggle(index));
    item.append(button);
    return { item, button, swatch, value };
  }

  attach(plot) {
    this.plot = plot;
    const figure = plot.root.closest("figure");
    figure.querySelector(".legend")?.remove();
    figure.append(this.list); // beside the plot, which is an image to who does not see it
    this.entries.forEach(({ swatch }, index) => {
      swatch.style.background = plot.series[index + 1].stroke(plot, index + 1);
    });
    this.values(null);
  }

  /** Show the line alone, or all if it is alone already. */
  toggle(index) {
    this.alone = this.alone === index ? null : index;
    this.plot.batch(() => {
      this.entries.forEach(({ button }, each) => {
        button.setAttribute("aria-pressed", String(this.alone === each));
        button.classList.toggle("away", this.alone !== null && this.alone !== each);
        this.plot.setSeries(each + 1, { show: this.alone === null || this.alone === each });
      });
    });
  }

  /** Write the values at that place in time; the latest for null. */
  values(at) {
    this.entries.forEach(({ value }, index) => {
      const all = this.data.lines[index].values;
      value.textContent = text(at === null || at === undefined ? lastKnown(all) : all[at], this.data.unit);
    });
  }
}

export function many(data) {
  const legend = new Legend(data);
  return {
    ...lines(data),
    notes: data.left_out ? [`${data.left_out} more lines are not drawn. topk(10, …) picks some; the CSV has all.`] : [],
    scales: { y: { range } },
    legend: false,
    hooks: {
      ready: [(plot) => legend.attach(plot)],
      setCursor: [(plot) => legend.values(plot.cursor.idx)],
    },
  };
}
