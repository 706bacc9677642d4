// Names with what each stands for, one below the other.
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../text.js";

/** @typedef {import("../dom.js").Child} Child */

/** @param {...(Child | Child[])} lines Made by `fact`; those that are none are left out. */
export function facts(...lines) {
  const made = lines.flat().filter(Boolean);
  return made.length > 0 && h("dl", { class: "facts" }, made);
}

/** @param {string} name @param {...(Child | Child[])} what */
export function fact(name, ...what) {
  return h("div", null, h("dt", null, name), h("dd", null, what.flat()));
}

/** What something is, and what it would be then. @param {string} before @param {string} after */
export function fromTo(before, after) {
  return h("span", { class: "from-to" }, before, icon("arrow"), h("span", { class: "unseen" }, ` ${t("then")} `), h("strong", null, after));
}
