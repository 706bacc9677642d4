// A dialog: in the middle of a desktop, the whole of a phone with its buttons always at the bottom.
import { booksChanged, h, put } from "../dom.js";
import { focusAgain, knownBy } from "../hands.js";
import { icon } from "../icons.js";
import { t } from "../text.js";
import { place, refused } from "./refusals.js";
import { isLost, tell, words } from "./states.js";

/** @typedef {import("../dom.js").Child} Child */

/** What is pressed so soon after a step is shown was meant for what stood in its place: the second tap of two. */
const TWICE_MS = 200;

let number = 0;

export class Sheet {
  /**
   * Opens it. The focus goes to its first field, and back to where it was when it closes.
   * @param {string} title
   * @param {{wide?: boolean, kept?: boolean}} [how] kept: it cannot be closed but by what it asks for.
   */
  constructor(title, { wide = false, kept = false } = {}) {
    const id = `sheet-${++number}`;
    this.heading = h("h2", { id, tabindex: "-1" }, title);
    this.body = h("div", { class: "sheet-body" });
    this.buttons = h("div", { class: "sheet-buttons" });
    this.form = h("form", { novalidate: true, onsubmit: (/** @type {Event} */ event) => this.#submitted(event) }, this.body, this.buttons);
    const close = h("button", { type: "button", class: "quiet only-icon", "aria-label": t("close"), onclick: () => this.close() }, icon("close"));
    this.element = h(
      "dialog",
      { class: wide ? "sheet wide" : "sheet", "aria-labelledby": id },
      h("div", { class: "heard unseen", role: "status" }),
      h("header", { class: "sheet-head" }, this.heading, !kept && close),
      this.form,
    );
    /** Does what the form is for. */
    this.submit = () => {};
    /** Goes a step back, if there is one. @type {(() => void) | null} */
    this.back = null;
    /** @type {(() => void) | null} */
    this.closed = null;
    this.done = false;
    /** Whether something was sent of which nobody knows what became. */
    this.inDoubt = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.element.addEventListener("cancel", (event) => {
      if (kept || this.back) event.preventDefault();
      this.back?.();
    });
    this.element.addEventListener("close", () => {
      // Pressed twice, Escape closes a dialog in Chromium whatever it says to the first.
      if (kept && !this.done) {
        this.element.showModal();
        return;
      }
      this.element.remove();
      this.closed?.();
      if (this.inDoubt) booksChanged();
      if (opener && !opener.element.isConnected) focusAgain(opener);
    });
    this.element.addEventListener("keydown", (event) => {
      // A key that is held down, or a second click of two, does nothing that nobody has read.
      if (event.key === "Enter" && event.repeat && !(event.target instanceof HTMLTextAreaElement)) event.preventDefault();
      else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        if (!this.buttons.querySelector("button[type=submit]:disabled")) this.form.requestSubmit();
      }
    });
    this.buttons.addEventListener("click", (event) => event.detail > 1 && event.target instanceof Element && event.target.closest("button[type=submit]") && event.preventDefault());
    const opener = document.activeElement instanceof HTMLElement ? knownBy(document.activeElement) : null;
    document.body.append(this.element);
    this.element.showModal();
  }

  /** @param {Event} event */
  #submitted(event) {
    event.preventDefault();
    this.submit();
  }

  /**
   * @param {(Child | Child[])[]} body
   * @param {(Child | Child[])[]} buttons
   */
  show(body, buttons) {
    put(this.body, body);
    put(this.buttons, buttons);
    clearTimeout(this.timer);
    this.buttons.classList.add("fresh");
    this.timer = setTimeout(() => this.buttons.classList.remove("fresh"), TWICE_MS);
    this.body.scrollTop = 0;
    const first = this.element.querySelector("[autofocus], .sheet-body input:not([type=radio]), .sheet-buttons button[type=submit]");
    if (first instanceof HTMLElement) first.focus();
    else this.heading.focus();
  }

  /**
   * Says in its place what went wrong; in passing, to who has left that step of the dialog before the answer came.
   * @param {Element} at
   * @param {readonly string[]} texts
   */
  say(at, texts) {
    put(at, texts.map((text) => h("p", { class: "notice bad" }, icon("warning"), text)));
    if (!at.isConnected && texts.length > 0) tell(texts.join(" "), "warning");
  }

  /**
   * Says why what was sent has no answer. The same can be sent once more from here; whoever has left would do it anew, and
   * looks first.
   * @param {Element} at
   * @param {unknown} error
   */
  unanswered(at, error) {
    const open = this.element.isConnected;
    const lost = isLost(error);
    if (lost && open) this.inDoubt = true;
    else if (lost) booksChanged();
    this.say(at, [lost ? t(open ? "problem.lost.safe" : "problem.lost.left") : words(error)]);
  }

  /**
   * Says what was refused: beside the field that it is about, else in its place.
   * @param {Element} at
   * @param {readonly import("./refusals.js").Refusal[]} refusals
   * @param {string} asset
   * @param {Record<string, {tell: (wrong: string | null) => void}>} [fields] By the names of the input.
   */
  refuse(at, refusals, asset, fields = {}) {
    this.say(at, at.isConnected ? place(refusals, asset, fields) : refusals.map((each) => refused(each, asset)));
  }

  close() {
    this.done = true;
    this.element.close();
  }
}

/**
 * The button that does it, with how it is pressed from the keyboard.
 * @param {string} label
 * @param {{bad?: boolean, disabled?: boolean}} [how]
 */
export function submitButton(label, { bad = false, disabled = false } = {}) {
  return h("button", { type: "submit", class: bad ? "primary bad" : "primary", disabled, "aria-keyshortcuts": "Control+Enter" }, label);
}

/**
 * Waits for something with the buttons off, so that it is not begun twice.
 * @template T
 * @param {Sheet} sheet
 * @param {() => Promise<T>} work
 */
export async function busy(sheet, work) {
  const buttons = [...sheet.buttons.querySelectorAll("button")];
  const before = buttons.map((button) => button.disabled);
  const focused = document.activeElement;
  sheet.form.setAttribute("aria-busy", "true");
  for (const button of buttons) button.disabled = true;
  try {
    return await work();
  } finally {
    sheet.form.removeAttribute("aria-busy");
    buttons.forEach((button, index) => (button.disabled = before[index] ?? false));
    // Not away from where somebody went on meanwhile.
    const free = document.activeElement === document.body || document.activeElement === sheet.element;
    if (free && focused instanceof HTMLElement && focused.isConnected && sheet.element.open) focused.focus();
  }
}
