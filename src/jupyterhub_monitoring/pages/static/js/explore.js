// Explore: ask without loading the page anew. The server renders what it shows; this puts it there.
import { Completion } from "./completion.js";
import { forget, recent, remember } from "./recent.js";

const LONGEST_ADDRESS = 12_000; // what proxies take

const form = document.getElementById("queries");
const sections = document.getElementById("sections");
const blank = document.getElementById("blank");
const range = document.querySelector("form.range");
const said = document.getElementById("said");
const most = Number(form.dataset.most);
let asking = null;

function fields() {
  return [...sections.querySelectorAll("textarea")];
}

/** The address of what is typed. */
function address() {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (name === "expr" ? value.trim() : ["range", "from", "to"].includes(name)) {
      query.append(name, value.replaceAll("\r\n", "\n"));
    }
  }
  return `${form.action}?${query}`;
}

// --- The fields ----------------------------------------------------------------------------------

function grow(field) {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
}

function take(section) {
  const field = section.querySelector("textarea");
  const completion = new Completion(field, form.dataset.complete);
  field.addEventListener("input", () => grow(field));
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (completion.key(event)) event.preventDefault();
    else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      completion.close();
      run();
    }
  });
  section.querySelector(".remove").addEventListener("click", () => removeSection(section));
}

function add(expr = "") {
  if (fields().length >= most) return null;
  const section = blank.content.firstElementChild.cloneNode(true);
  const field = section.querySelector("textarea");
  field.value = expr;
  sections.append(section);
  take(section);
  number();
  return field;
}

function removeSection(section) {
  section.remove();
  if (!fields().length) add();
  number();
  fields()[0].focus();
  run();
}

/** Number the fields and their labels; with one there is nothing to tell apart. */
function number() {
  const all = [...sections.children];
  all.forEach((section, index) => {
    const [label, field, button] = ["label", "textarea", ".remove"].map((css) => section.querySelector(css));
    field.id = label.htmlFor = `expr-${index}`;
    label.textContent = all.length > 1 ? `Expression ${index + 1}` : "Expression";
    button.setAttribute("aria-label", `Remove ${label.textContent.toLowerCase()}`);
    button.hidden = all.length === 1;
    grow(field);
  });
  document.getElementById("more").hidden = all.length >= most;
}

// --- Asking --------------------------------------------------------------------------------------

function tell(sentence) {
  said.textContent = sentence;
}

async function run() {
  const url = address();
  if (url.length > LONGEST_ADDRESS) {
    tell("Together these are too long for a link. Ask for fewer, or use the HTTP API, which takes them by POST.");
    return;
  }
  if (url !== location.href) history.pushState(null, "", url);
  for (const field of fields()) if (field.value.trim()) remember(field.value.trim());
  await ask(url, show);
}

/** Fetch the page at *url* and give it to *shown*; say what keeps it from coming. */
async function ask(url, shown) {
  asking?.abort();
  const mine = (asking = new AbortController());
  const patience = setTimeout(() => tell("Asking …"), 300);
  form.setAttribute("aria-busy", "true");
  for (const section of sections.children) section.classList.add("running");
  try {
    const answer = await fetch(url, { signal: mine.signal, headers: { Accept: "text/html" } });
    if (answer.redirected && !answer.url.startsWith(form.action)) {
      location.reload(); // the login is over: the Hub asks for a new one
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!page.getElementById("queries")) {
      throw new Error(page.querySelector("main")?.textContent.trim() || `status ${answer.status}`);
    }
    if (mine !== asking) return;
    clearTimeout(patience);
    shown(page);
    summarize();
    dispatchEvent(new Event("pagechange"));
  } catch (error) {
    if (mine === asking) {
      tell(error instanceof TypeError ? "The monitoring service does not answer. Try again." : error.message);
    }
  } finally {
    clearTimeout(patience);
    if (mine === asking) {
      form.removeAttribute("aria-busy");
      for (const section of sections.children) section.classList.remove("running");
    }
  }
}

/** Put the results of *page* below the fields, which stay as they are. */
function show(page) {
  const fresh = [...page.querySelectorAll("#sections > .query")];
  for (const section of sections.children) {
    const field = section.querySelector("textarea");
    const mine = field.value.trim() ? fresh.shift() : null;
    const wrong = mine?.querySelector(".mistake") ?? null;
    section.querySelector(".result").replaceChildren(...(mine?.querySelector(".result").childNodes ?? []));
    if (wrong) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
  showRest(page);
}

/** Put all of *page* here, with its fields: the browser went back or forward. */
function showAll(page) {
  sections.replaceChildren(...page.getElementById("sections").children);
  for (const section of sections.children) take(section);
  number();
  range.elements.range.value = page.querySelector("#range").value;
  for (const input of form.querySelectorAll("input[type=hidden]")) input.remove();
  form.prepend(...page.querySelectorAll("#queries > input[type=hidden]"));
  showRest(page);
}

function showRest(page) {
  document.getElementById("starts").replaceChildren(...page.getElementById("starts").childNodes);
  showRecent();
}

/** Say for who does not see it how it went. */
function summarize() {
  const wrong = sections.querySelector(".mistake p");
  const counts = [...sections.querySelectorAll(".latest summary")].map((line) => line.textContent.trim());
  tell("");
  document.getElementById("outcome").textContent = wrong ? wrong.textContent.trim() : counts.join(", ");
}

function showRecent() {
  const exprs = fields().some((field) => field.value.trim()) ? [] : recent();
  const place = document.getElementById("recent");
  place.hidden = !exprs.length;
  place.querySelector("ul").replaceChildren(
    ...exprs.map((expr) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      const code = document.createElement("code");
      link.href = `${form.action}?${new URLSearchParams({ expr })}`;
      code.textContent = expr;
      link.append(code);
      item.append(link);
      return item;
    }),
  );
}

async function share() {
  try {
    await navigator.clipboard.writeText(address());
    tell("The link is in the clipboard.");
  } catch {
    tell("The browser does not let us; the link is in its address line.");
  }
}

// --- From here on --------------------------------------------------------------------------------

for (const section of sections.children) take(section);
number();
showRecent();
document.getElementById("share").hidden = !navigator.clipboard;
document.querySelector(".keys").hidden = false;
document.getElementById("share").addEventListener("click", share);
document.getElementById("forget").addEventListener("click", () => {
  forget();
  showRecent();
});
document.getElementById("more").addEventListener("click", (event) => {
  event.preventDefault();
  add()?.focus();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
range.addEventListener("submit", (event) => {
  event.preventDefault();
  for (const input of form.querySelectorAll("input[type=hidden]")) input.remove();
  const input = document.createElement("input");
  Object.assign(input, { type: "hidden", name: "range", value: range.elements.range.value });
  form.prepend(input);
  run();
});
addEventListener("resize", () => fields().forEach(grow));
addEventListener("popstate", () => ask(location.href, showAll));
for (const field of fields()) if (field.value.trim()) remember(field.value.trim());
if (fields().length === 1 && !fields()[0].value) fields()[0].focus();
