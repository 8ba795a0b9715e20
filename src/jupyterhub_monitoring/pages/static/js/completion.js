// A list of what may be typed next, below a text field. Arrows choose, Tab or Enter takes, Escape
// closes; Tab takes the first when none is chosen, and Enter then is not ours.
const WAIT_MS = 120;
const LONGEST = 8000; // characters that are sent; behind them one types without help

let made = 0;

export class Completion {
  constructor(field, address) {
    this.field = field;
    this.address = address;
    this.options = [];
    this.chosen = -1;
    this.word = "";
    this.list = document.createElement("ul");
    this.list.className = "options";
    this.list.id = `options-${(made += 1)}`;
    this.list.hidden = true;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "What may be typed next");
    field.after(this.list);
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-haspopup", "listbox");
    field.setAttribute("aria-controls", this.list.id);
    field.setAttribute("aria-expanded", "false");
    field.addEventListener("input", () => this.plan());
    field.addEventListener("blur", () => this.close());
    field.addEventListener("click", () => this.close());
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault(); // the field keeps the focus
      const index = [...this.list.children].indexOf(event.target.closest("li"));
      if (index >= 0) this.take(index);
    });
  }

  get open() {
    return !this.list.hidden;
  }

  /** Take a key if it is for the list; return whether it was. */
  key(event) {
    if (event.ctrlKey && event.code === "Space") {
      this.ask(true);
      return true;
    }
    if (!this.open) {
      if (["ArrowLeft", "ArrowRight", "Home", "End", "Escape", "Enter"].includes(event.key)) this.close();
      return false;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const last = this.options.length - 1;
    if (event.key === "ArrowDown") this.choose(this.chosen < last ? this.chosen + 1 : 0);
    else if (event.key === "ArrowUp") this.choose(this.chosen > 0 ? this.chosen - 1 : last);
    else if (event.key === "Escape") this.close();
    else if (event.key === "Tab" && !event.shiftKey) this.take(Math.max(0, this.chosen));
    else if (event.key === "Enter" && !event.shiftKey && this.chosen >= 0) this.take(this.chosen);
    else {
      if (["ArrowLeft", "ArrowRight", "Home", "End", "Enter"].includes(event.key)) this.close();
      return false;
    }
    return true;
  }

  plan() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(false), WAIT_MS);
  }

  async ask(wanted) {
    clearTimeout(this.timer);
    this.asking?.abort();
    const { value, selectionStart: at, selectionEnd } = this.field;
    if (at !== selectionEnd || value.length > LONGEST || document.activeElement !== this.field) {
      this.close();
      return;
    }
    const asking = (this.asking = new AbortController());
    const query = new URLSearchParams({ before: value.slice(0, at), after: value.slice(at) });
    if (wanted) query.set("asked", "1");
    try {
      const answer = await fetch(`${this.address}?${query}`, { signal: asking.signal });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const { word, options } = await answer.json();
      if (asking === this.asking && this.field.selectionStart === at && this.field.value === value) {
        this.show(word, options);
      }
    } catch {
      if (asking === this.asking) this.close(); // one can type without help
    }
  }

  show(word, options) {
    const done = options.length === 1 && options[0].text === word && !options[0].then;
    if (!options.length || done) {
      this.close();
      return;
    }
    this.word = word;
    this.options = options;
    this.chosen = -1;
    this.list.replaceChildren(...options.map((option, index) => this.item(option, index)));
    this.list.hidden = false;
    this.list.scrollTop = 0;
    this.field.setAttribute("aria-expanded", "true");
    this.field.removeAttribute("aria-activedescendant");
  }

  item(option, index) {
    const item = document.createElement("li");
    item.id = `${this.list.id}-${index}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    for (const [kind, words] of [
      ["text", option.shown],
      ["detail", option.detail || (["label", "value"].includes(option.kind) ? "" : option.kind)],
      ["help", option.help],
    ]) {
      if (!words) continue;
      const part = document.createElement("span");
      part.className = kind;
      part.textContent = words;
      item.append(part);
    }
    return item;
  }

  choose(index) {
    this.list.children[this.chosen]?.setAttribute("aria-selected", "false");
    this.chosen = index;
    const item = this.list.children[index];
    item.setAttribute("aria-selected", "true");
    item.scrollIntoView({ block: "nearest" });
    this.field.setAttribute("aria-activedescendant", item.id);
  }

  /** Put the option in place of the word at the cursor, so that it can be undone. */
  take(index) {
    const { text, then, kind } = this.options[index];
    const { value, selectionStart: at } = this.field;
    const rest = kind === "value" ? "" : value.slice(at).match(/^[\w:]*/)[0];
    const end = at + rest.length;
    const there = then && value.startsWith(then, end);
    this.close();
    this.field.setSelectionRange(at - this.word.length, there ? end + then.length : end);
    if (!document.execCommand("insertText", false, text + then)) {
      this.field.setRangeText(text + then, this.field.selectionStart, this.field.selectionEnd, "end");
      this.field.dispatchEvent(new Event("input"));
    }
    if (then === "" || then === " " || kind === "value") this.close();
  }

  close() {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.asking = null;
    this.list.hidden = true;
    this.options = [];
    this.chosen = -1;
    this.field.setAttribute("aria-expanded", "false");
    this.field.removeAttribute("aria-activedescendant");
  }
}
