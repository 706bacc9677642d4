// A list of any length that is asked for page by page as one scrolls, and of which only what can be seen is drawn.
import { h, put } from "../dom.js";
import { keepingFocus, letGo } from "../hands.js";
import { failed, skeleton } from "./states.js";

/** @typedef {import("../dom.js").Child} Child */
/**
 * @template T
 * @typedef {{rows: T[], more: boolean, cursor: string | null}} Page
 */

const AHEAD = 8;
/** Rows that are asked for again after a change, at most. */
const REFRESHED = 1_000;

/** @template T */
export class Windowed {
  /**
   * @param {object} how
   * @param {(cursor: string | null, signal: AbortSignal) => Promise<Page<T>>} how.ask The page after a cursor.
   * @param {(row: T, index: number) => HTMLElement} how.row Of one height, that the style sheet gives.
   * @param {() => Child} how.none
   * @param {Record<string, string>} how.properties
   */
  constructor({ ask, row, none, properties }) {
    this.ask = ask;
    this.row = row;
    this.none = none;
    /** @type {T[]} */
    this.rows = [];
    /** @type {string | null} */
    this.cursor = null;
    this.more = true;
    this.asked = new AbortController();
    this.loading = false;
    /** Whether the rows there are, if any, are not those asked for last. */
    this.anew = true;
    this.refreshed = 0;
    /** @type {Map<number, HTMLElement>} */
    this.drawn = new Map();
    /** Of the rows that are drawn, in pixels. */
    this.height = 0;
    this.body = h("div", { class: "window-body", ...properties });
    this.foot = h("div", { class: "window-foot" });
    this.element = h("div", { class: "window" }, this.body, this.foot);
    this.changed = () => {};
    const draw = () => this.element.isConnected && this.draw();
    addEventListener("scroll", draw, { passive: true });
    addEventListener("resize", draw);
  }

  /** Asks from the start again: for something else, or once things have changed. */
  async begin() {
    this.asked.abort();
    this.asked = new AbortController();
    this.loading = false;
    this.cursor = null;
    this.more = true;
    this.anew = true;
    await this.#load();
  }

  async #load() {
    if (this.loading || !this.more) return;
    this.loading = true;
    const { signal } = this.asked;
    const { anew } = this;
    if (this.rows.length === 0) put(this.foot, skeleton(6));
    try {
      const page = await this.ask(anew ? null : this.cursor, signal);
      if (anew) await letGo();
      if (signal.aborted) return;
      if (anew) this.rows = [];
      this.anew = false;
      this.rows.push(...page.rows);
      this.more = page.more;
      this.cursor = page.cursor;
      this.loading = false;
      put(this.foot, this.rows.length === 0 ? this.none() : null);
      this.changed();
      if (anew) this.redraw();
      else this.draw();
    } catch (error) {
      if (signal.aborted) return;
      this.loading = false;
      if (anew) this.#clear();
      put(this.foot, failed(error, () => this.#load()));
    }
  }

  /** Of what was asked for before, nothing stands above what went wrong. */
  #clear() {
    this.rows = [];
    for (const element of this.drawn.values()) element.remove();
    this.drawn.clear();
    this.body.style.height = "0";
  }

  /** Asks again, quietly, for the rows down to those that are drawn, once something was posted; what follows is asked for anew. */
  async refresh() {
    if (this.anew) {
      await this.begin();
      return;
    }
    const { signal } = this.asked;
    const turn = ++this.refreshed;
    const drawn = Math.max(0, ...this.drawn.keys()) + 1;
    /** @type {T[]} */
    const fresh = [];
    /** @type {Page<T>} */
    let page;
    try {
      for (let cursor = /** @type {string | null} */ (null); ; cursor = page.cursor) {
        page = await this.ask(cursor, signal);
        fresh.push(...page.rows);
        if (!page.more || fresh.length >= Math.min(drawn, REFRESHED)) break;
      }
    } catch {
      return; // as it was: whoever scrolls or searches is told
    }
    await letGo();
    if (signal.aborted || turn !== this.refreshed) return;
    if (page.more && fresh.length < drawn) {
      // Too far down: what is drawn stays as it was.
      this.rows = [...fresh, ...this.rows.slice(fresh.length)];
    } else {
      // A page that was on its way is that of another cursor.
      this.asked.abort();
      this.asked = new AbortController();
      this.loading = false;
      this.rows = fresh;
      ({ more: this.more, cursor: this.cursor } = page);
      put(this.foot, fresh.length === 0 ? this.none() : null);
    }
    this.redraw();
  }

  /** Draws the rows that can be seen, and a few beyond; asks for more where they come near the end. */
  draw() {
    const height = this.#height();
    // A phone that is turned has others.
    if (height !== this.height) for (const [index, element] of this.drawn) element.style.transform = down(index, height);
    this.height = height;
    const top = -this.body.getBoundingClientRect().top;
    const from = Math.max(Math.floor(top / height) - AHEAD, 0);
    const to = Math.min(Math.ceil((top + innerHeight) / height) + AHEAD, this.rows.length);
    this.body.style.height = `${this.rows.length * height}px`;
    for (const [index, element] of this.drawn) {
      // What has the focus stays, however far it is scrolled away.
      if ((index < from || index >= to) && !element.contains(document.activeElement)) {
        element.remove();
        this.drawn.delete(index);
      }
    }
    for (let index = from; index < to; index++) this.#drawRow(index, height);
    if (to > this.rows.length - 2 * AHEAD) this.#load();
  }

  /** @param {number} index @param {number} height */
  #drawRow(index, height) {
    const row = this.rows[index];
    if (this.drawn.has(index) || row === undefined) return;
    const element = this.row(row, index);
    element.style.transform = down(index, height);
    element.dataset.index = String(index);
    this.drawn.set(index, element);
    const next = [...this.body.children].find((each) => Number(/** @type {HTMLElement} */ (each).dataset.index) > index);
    this.body.insertBefore(element, next ?? null);
  }

  #height() {
    return Number.parseFloat(getComputedStyle(this.element).getPropertyValue("--row")) || 64;
  }

  /** Draws the rows there are anew, such as once some are ticked. */
  redraw() {
    keepingFocus(this.body, () => {
      for (const element of this.drawn.values()) element.remove();
      this.drawn.clear();
      this.draw();
    });
  }

  /** Draws a row and takes the focus there. @param {number} index @param {string} selector */
  focus(index, selector) {
    if (index < 0 || index >= this.rows.length) return;
    const height = this.#height();
    const at = this.body.getBoundingClientRect().top + index * height;
    if (at < 140) scrollBy({ top: at - 140 });
    else if (at + height > innerHeight - 80) scrollBy({ top: at + height - innerHeight + 80 });
    this.draw();
    const found = this.drawn.get(index)?.querySelector(selector);
    if (found instanceof HTMLElement) found.focus({ preventScroll: true });
  }
}

/** @param {number} index @param {number} height */
function down(index, height) {
  return `translateY(${index * height}px)`;
}
