// What somebody's hands are at while a part of the page is drawn anew: what is pressed, and what has the focus.

/** Whether the button of the mouse, a finger or the space bar is down. */
let pressed = false;
/** @type {(() => void)[]} */
let waiting = [];

/** When nothing is pressed any more: what was drawn anew in between would not take the click. @returns {Promise<void>} */
export function letGo() {
  return pressed ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve();
}

/** @param {Event} event */
function press(event) {
  // What opens a window of the system's own may not tell when it is let go.
  if (event.target instanceof Element && event.target.closest("select, input[type=date], input[type=file]")) return;
  pressed ||= event instanceof KeyboardEvent ? event.key === " " : event instanceof PointerEvent && event.button === 0;
}

function release() {
  pressed = false;
  // Once the click was had, which comes with what ends it.
  const now = waiting;
  waiting = [];
  setTimeout(() => now.forEach((resolve) => resolve()));
}
for (const name of ["pointerdown", "keydown"]) addEventListener(name, press, { capture: true });
for (const name of ["pointerup", "pointercancel", "keyup"]) addEventListener(name, release, { capture: true });
// The window's own; that of a field comes with what is pressed.
addEventListener("blur", release);

const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";

/** What a thing is found by once it was drawn anew; nth, of: among how many with the same words, which one. @typedef {{element: HTMLElement, tag: string, key: string | undefined, words: string, nth: number, of: number}} Known */

/**
 * What somebody knows this by: its `data-key`, else its own words and those of its labels, which it only has on the page.
 * @param {HTMLElement} element
 * @returns {Known}
 */
export function knownBy(element) {
  const { tagName: tag, dataset } = element;
  const words = wordsOf(element);
  const alike = focusable().filter((each) => each.tagName === tag && wordsOf(each) === words);
  return { element, tag, key: dataset.key, words, nth: alike.indexOf(element), of: alike.length };
}

function focusable() {
  return [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(FOCUSABLE))];
}

/** @param {HTMLElement} each */
function wordsOf(each) {
  const labels = each instanceof HTMLInputElement || each instanceof HTMLSelectElement || each instanceof HTMLTextAreaElement ? [...(each.labels ?? [])] : [];
  return [each.textContent, each.ariaLabel, ...labels.map((label) => label.textContent)].join();
}

/**
 * Draws a part of the page anew; what had the focus in it has it again.
 * @param {Element} part
 * @param {() => void} draw
 */
export function keepingFocus(part, draw) {
  const focused = document.activeElement;
  const inside = focused instanceof HTMLElement && part.contains(focused) ? knownBy(focused) : null;
  draw();
  if (inside === null || part.contains(inside.element)) return;
  const found = insteadOf(inside);
  if (found) found.focus({ preventScroll: true });
  else focusAgain(inside);
}

/** What had the focus and is gone: it is looked for whenever a part of the page is shown. @type {Known | null} */
let lost = null;

/**
 * The focus goes to what is in the place of this now, or comes there; to the heading, once nothing comes any more.
 * @param {Known} gone
 */
export function focusAgain(gone) {
  lost = gone;
  findLost();
}

function findLost() {
  const main = document.querySelector("main");
  if (lost === null || main === null) return;
  if (document.activeElement !== document.body) {
    lost = null;
    return;
  }
  const found = insteadOf(lost) ?? (main.querySelector("[aria-busy]") ? null : main.querySelector("h1"));
  if (found === null) return;
  lost = null;
  found.focus({ preventScroll: true });
}
document.addEventListener("scrip-shown", findLost);

/** What is in its place: by its key, else by its words, where none of its like came or went. @param {Known} gone */
function insteadOf({ tag, key, words, nth, of }) {
  if (key !== undefined) return focusable().find((each) => each.dataset.key === key) ?? null;
  const alike = focusable().filter((each) => each.tagName === tag && wordsOf(each) === words);
  return (alike.length === of && alike[nth]) || null;
}
