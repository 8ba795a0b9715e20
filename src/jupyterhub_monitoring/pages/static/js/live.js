// Keeps a page as it is now: parts are fetched again while somebody looks, plots with them.
import { askPage } from "./ask.js";

const LONGEST_SECONDS = 120;

/** Put the parts of *fresh*, a document, in place of those with the same name. */
export function swap(fresh) {
  for (const old of document.querySelectorAll("[data-part]")) {
    const name = CSS.escape(old.dataset.part);
    const part = fresh.querySelector(`[data-part="${name}"]`);
    if (!part || part.innerHTML === old.innerHTML || old.contains(document.activeElement)) continue;
    old.replaceWith(part);
  }
}

export class Live {
  /** *refresh(document, signal)* takes the page as it is now. */
  constructor(seconds, refresh) {
    this.seconds = seconds;
    this.refresh = refresh;
    this.failures = 0;
    this.lostSince = null;
    this.timer = null;
    this.indicator = document.getElementById("live");
    this.notice = document.getElementById("lost");
  }

  start() {
    document.addEventListener("visibilitychange", () => (document.hidden ? this.pause() : this.resume()));
    addEventListener("online", () => this.resume());
    this.show();
    this.plan();
  }

  plan() {
    clearTimeout(this.timer);
    if (document.hidden) return;
    const wait = Math.min(this.seconds * 2 ** this.failures, LONGEST_SECONDS);
    this.timer = setTimeout(() => this.turn(), wait * 1000);
  }

  pause() {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.show();
  }

  resume() {
    if (document.hidden) return;
    clearTimeout(this.timer);
    this.turn();
  }

  async turn() {
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    const late = setTimeout(() => asking.abort(), 30_000);
    try {
      const page = await askPage(location.href, asking.signal);
      if (page) await this.refresh(page, asking.signal);
      this.failures = 0;
      this.lostSince = null;
    } catch (error) {
      if (asking !== this.asking || document.hidden) return; // somebody else asks by now
      this.failures += 1;
      this.lostSince ??= new Date();
    } finally {
      clearTimeout(late);
    }
    this.show();
    this.plan();
  }

  show() {
    const lost = this.lostSince !== null;
    this.indicator.hidden = false;
    this.indicator.textContent = lost ? "○ not live" : document.hidden ? "paused" : "● live";
    this.notice.hidden = !lost;
    if (lost) {
      this.notice.className = "notice warn";
      const at = this.lostSince.toLocaleTimeString(undefined, { timeStyle: "short" });
      this.notice.textContent =
        `The monitoring service does not answer since ${at}; what you see is of that time. ` +
        "The page goes on by itself when it is back.";
    }
  }
}
