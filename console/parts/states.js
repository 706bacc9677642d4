// What a part of the page shows when there is nothing, nothing yet, or no answer; and what is said in passing.
import { Problem } from "../api.js";
import { asking, h, put } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../text.js";

/** @typedef {import("../dom.js").Child} Child */

/** @param {number} [lines] */
export function skeleton(lines = 4) {
  const bars = Array.from({ length: lines }, () => h("div", { class: "bar" }));
  return h("div", { class: "skeleton", "aria-hidden": "true" }, bars);
}

/**
 * Nothing there, and what to do about it.
 * @param {string} what
 * @param {string} [advice]
 * @param {Child} [action]
 */
export function empty(what, advice = "", action = null) {
  return h("div", { class: "empty" }, h("p", { class: "empty-what" }, what), advice && h("p", null, advice), action);
}

/** @param {unknown} error */
export function words(error) {
  if (!(error instanceof Problem)) return t("problem.fault");
  if (error.kind === "told") return error.message;
  if (error.kind === "input") return `${t("problem.input")} ${error.message}`;
  if (error.kind === "refused") return `${t("sign.refused")} ${error.message}`;
  return t(`problem.${error.kind}`);
}

/** Whether an error leaves it open what became of a request. @param {unknown} error */
export function isLost(error) {
  return error instanceof Problem && (error.kind === "lost" || error.kind === "busy");
}

/** @param {unknown} error @param {() => void} again */
export function failed(error, again) {
  if (!(error instanceof Problem)) console.error(error);
  const retry = h("button", { type: "button", onclick: again }, t("again"));
  return h("div", { class: "notice bad", role: "alert" }, icon("warning"), h("p", null, words(error)), retry);
}

/**
 * A part of the page that shows an answer.
 * @template T
 * @param {() => Promise<T>} ask
 * @param {(answer: T) => Child | Child[]} render
 * @param {number} [lines] Of its skeleton.
 */
export function region(ask, render, lines) {
  return asking(ask, render, failed, () => skeleton(lines));
}

/**
 * Fills a dialog with what has to be asked for first; where no answer comes, it is asked for again from there.
 * @template T
 * @param {{show: (body: Child[], buttons: Child[]) => void}} sheet
 * @param {number} lines Of its skeleton.
 * @param {() => Promise<T>} ask
 * @param {(answer: T) => unknown} show Puts it into the dialog.
 */
export async function fill(sheet, lines, ask, show) {
  sheet.show([skeleton(lines)], []);
  try {
    show(await ask());
  } catch (error) {
    sheet.show([failed(error, () => void fill(sheet, lines, ask, show))], []);
  }
}

let clear = 0;
const SHOWN_MS = 7_000;

/**
 * Says something in passing.
 * @param {string} text
 * @param {"check" | "warning"} [drawing]
 */
export function tell(text, drawing = "check") {
  const place = document.getElementById("told");
  if (!place) return;
  clearTimeout(clear);
  put(place, h("p", null, icon(drawing), text));
  // What lies outside of an open dialog is not read out.
  const heard = [...document.querySelectorAll("dialog[open] > .heard")].at(-1);
  if (heard) put(heard, text);
  // In the top layer, above a dialog that was opened since.
  if (place.matches(":popover-open")) place.hidePopover();
  place.showPopover();
  clear = setTimeout(() => {
    place.hidePopover();
    put(place, []);
    if (heard) put(heard, []);
  }, SHOWN_MS);
}

/**
 * @param {string} text
 * @param {"plain" | "good" | "warn" | "bad"} [tone]
 */
export function badge(text, tone = "plain") {
  return h("span", { class: `badge ${tone}` }, text);
}

/** @param {{name: string | null, subject: string}} actor */
export function nameOf(actor) {
  return actor.name ?? actor.subject;
}
