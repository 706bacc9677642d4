// Makes elements, and keeps parts of a page up to date: all that the screens need to draw themselves with.
import { keepingFocus, letGo } from "./hands.js";

/** @typedef {Node | string | number | false | null | undefined} Child */

const SVG = "http://www.w3.org/2000/svg";
/** Names that are set as properties: as attributes they would only be what a field begins with. */
const PROPERTIES = new Set(["value", "checked", "disabled", "indeterminate", "hidden", "selected"]);

/**
 * An element. A property `on…` listens; true is an attribute without a value; false, null and undefined are none.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown> | null} [properties]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  put(element, children);
  for (const [name, value] of Object.entries(properties ?? {})) set(element, name, value);
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {string} name
 * @param {unknown} value
 */
function set(element, name, value) {
  if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
  else if (PROPERTIES.has(name)) Reflect.set(element, name, value ?? "");
  else if (value === true) element.setAttribute(name, "");
  else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
}

/**
 * Puts children into an element in place of what is in it.
 * @param {Element} element
 * @param {Child | (Child | Child[])[]} children
 */
export function put(element, children) {
  const flat = (Array.isArray(children) ? children : [children]).flat();
  element.replaceChildren(...flat.filter((child) => child !== false && child != null).map(nodeOf));
}

/** @param {Child} child @returns {Node} */
function nodeOf(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}

/**
 * A drawing of lines, 24 by 24, beside words that say the same.
 * @param {string} path
 */
export function drawing(path) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/**
 * A value that parts of the page follow.
 * @template T
 */
export class Cell {
  /** @param {T} value */
  constructor(value) {
    this.value = value;
    /** @type {Set<(value: T) => void>} */
    this.followers = new Set();
  }

  /** @param {T} value */
  set(value) {
    this.value = value;
    for (const follower of [...this.followers]) follower(value);
  }
}

/** A part of the page that draws itself anew whenever its cell changes, for as long as it is on the page. */
class Follower extends HTMLElement {
  /** @type {Cell<any>} */
  cell = new Cell(null);
  /** @type {(value: any) => Child | Child[]} */
  render = () => null;
  draw = () => keepingFocus(this, () => put(this, [this.render(this.cell.value)]));

  connectedCallback() {
    this.cell.followers.add(this.draw);
    this.draw();
  }

  disconnectedCallback() {
    this.cell.followers.delete(this.draw);
  }
}
customElements.define("scrip-follower", Follower);

/**
 * @template T
 * @param {Cell<T>} cell
 * @param {(value: T) => Child | Child[]} render
 */
export function following(cell, render) {
  return Object.assign(new Follower(), { cell, render });
}

/** Told when something was posted: what shows the books asks again. */
const CHANGED = "scrip-changed";
const OTHERS = "others";
/** A list of which more than the first page is there. */
export const READ_ON = "data-read-on";

export function booksChanged() {
  document.dispatchEvent(new CustomEvent(CHANGED));
}

/** By others: what somebody has read on in stays as it is. */
export function othersChanged() {
  document.dispatchEvent(new CustomEvent(CHANGED, { detail: OTHERS }));
}

/** A part of the page that shows an answer: a skeleton until it is there, and the same again, quietly, after a change. */
class Region extends HTMLElement {
  /** @type {() => Promise<any>} */
  ask = async () => null;
  /** @type {(answer: any) => Child | Child[]} */
  render = () => null;
  /** @type {(error: unknown, again: () => void) => Child} */
  failed = () => null;
  /** @type {() => Child} */
  waiting = () => null;
  #asked = 0;
  #shown = false;
  refresh = async () => {
    const number = ++this.#asked;
    if (!this.#shown) put(this, this.waiting());
    this.setAttribute("aria-busy", "true");
    let content;
    try {
      const answer = await this.ask();
      await letGo();
      // An answer that comes once one has left the screen would give another its title.
      if (!this.#stands(number)) return;
      content = this.render(answer);
    } catch (error) {
      if (!this.#stands(number)) return;
      content = this.failed(error, this.refresh);
    }
    this.#shown = true;
    this.removeAttribute("aria-busy");
    keepingFocus(this, () => put(this, [content]));
    this.dispatchEvent(new Event("scrip-shown", { bubbles: true }));
  };

  /** @param {number} number */
  #stands(number) {
    return number === this.#asked && this.isConnected;
  }

  /** @param {Event} event */
  #changed = (event) => {
    // What lies around it draws this anew, too.
    if (this.#takes(event) && !this.#around().some((each) => each.#takes(event))) void this.refresh();
  };

  /** @param {Event} event */
  #takes(event) {
    return !(event instanceof CustomEvent && event.detail === OTHERS && this.querySelector(`[${READ_ON}]`));
  }

  /** @returns {Region[]} */
  #around() {
    const next = this.parentElement?.closest("scrip-region");
    return next instanceof Region ? [next, ...next.#around()] : [];
  }

  connectedCallback() {
    document.addEventListener(CHANGED, this.#changed);
    void this.refresh();
  }

  disconnectedCallback() {
    document.removeEventListener(CHANGED, this.#changed);
  }
}
customElements.define("scrip-region", Region);

/**
 * @template T
 * @param {() => Promise<T>} ask
 * @param {(answer: T) => Child | Child[]} render
 * @param {(error: unknown, again: () => void) => Child} failed
 * @param {() => Child} waiting
 */
export function asking(ask, render, failed, waiting) {
  return Object.assign(new Region(), { ask, render, failed, waiting });
}
