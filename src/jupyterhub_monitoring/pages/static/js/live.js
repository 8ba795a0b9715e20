// Keeps a page as it is now: parts are fetched again while somebody looks, plots with them.
import { askPage, Refused } from "./ask.js";

const LONGEST_SECONDS = 120;
const SOON_SECONDS = 2;

/** Whether some part of the page says that its answer is still on its way. */
export function waits() {
  return document.querySelector("[data-soon]") !== null;
}

/**
 * Put the parts of *fresh*, a document, in place of those with the same name. One that says what it
 * is made of (data-same) stays while that is the same: its plots are drawn anew, not made anew.
 */
export function swap(fresh) {
  for (const old of document.querySelectorAll("[data-part]")) {
    const name = CSS.escape(old.dataset.part);
    const part = fresh.querySelector(`[data-part="${name}"]`);
    if (!part || part.outerHTML === old.outerHTML) continue;
    if (part.dataset.same !== undefined && part.dataset.same === old.dataset.same) continue;
    if (old.contains(document.activeElement)) old.toggleAttribute("data-soon", part.hasAttribute("data-soon"));
    else old.replaceWith(part);
  }
}

export class Live {
  /** *refresh(document, signal)* takes the page as it is now; with 0 seconds only until it is whole. */
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
    const seconds = waits() ? SOON_SECONDS : this.seconds;
    if (document.hidden || !seconds) return;
    const wait = Math.min(seconds * 2 ** this.failures, LONGEST_SECONDS);
    this.timer = setTimeout(() => this.turn(), wait * 1000);
  }

  pause() {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.show();
  }

  resume() {
    if (document.hidden || !(this.seconds || waits())) return;
    clearTimeout(this.timer);
    this.turn();
  }

  async turn() {
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    const late = setTimeout(() => asking.abort(), 30_000);
    const address = location.href;
    try {
      const page = await askPage(address, asking.signal);
      if (page && address === location.href) await this.refresh(page, asking.signal);
      this.failures = 0;
      this.lostSince = null;
    } catch (error) {
      if (asking !== this.asking || document.hidden) return; // somebody else asks by now
      this.failures += 1;
      this.refused = error instanceof Refused;
      this.lostSince ??= new Date();
    } finally {
      clearTimeout(late);
    }
    this.show();
    this.plan();
  }

  show() {
    const lost = this.lostSince !== null;
    this.indicator.hidden = !this.seconds;
    this.indicator.textContent = lost ? "○ not live" : document.hidden ? "paused" : "● live";
    this.notice.hidden = !lost;
    if (lost) {
      this.notice.className = "notice warn";
      const at = this.lostSince.toLocaleTimeString(undefined, { timeStyle: "short" });
      this.notice.textContent = this.refused
        ? `You are not let in since ${at}; what you see is of that time. Reload the page to log in.`
        : `The monitoring service does not answer since ${at}; what you see is of that time. ` +
          "The page goes on by itself when it is back.";
    }
  }
}
