// What the parts of the settings are made of: a card with a button to add, and a line for each thing.
import { h } from "../../dom.js";
import { badge } from "../../parts/states.js";
import { t } from "../../text.js";

/** What says how many decimals an amount of money has that no currency is chosen for: two, as most have. */
export const ANY_MONEY = "EUR";
/** Minutes for which a secret stays good once another was made. */
const OVERLAPS = /** @type {const} */ ([0, 60, 1_440, 10_080]);

/** For how long the secret there is now stays good. @returns {import("../../parts/form.js").Wanted} */
export function overlapField() {
  return { name: "overlap", label: t("token.overlap"), kind: "choice", value: "1440", options: OVERLAPS.map((n) => ({ value: String(n), label: t(`token.overlap.${n}`) })) };
}

/**
 * @param {string} title
 * @param {(() => void) | null} add Null: whoever looks may not.
 * @param {readonly HTMLElement[]} lines
 * @param {string} [hint]
 */
export function section(title, add, lines, hint = "") {
  return h(
    "section",
    { class: "card" },
    h("header", { class: "card-head" }, h("h2", null, title), add && h("button", { type: "button", class: "small", "data-key": `new-${title}`, "aria-label": `${t("settings.new")}: ${title}`, onclick: add }, t("settings.new"))),
    hint && h("p", { class: "hint" }, hint),
    lines.length ? h("ul", { class: "assigned" }, [...lines]) : h("p", { class: "hint" }, t("settings.none")),
  );
}

/**
 * @param {string} name
 * @param {string} about
 * @param {{active?: boolean, edit?: (() => void) | null, remove?: (() => void) | null}} [how] edit, remove: for whoever may.
 */
export function line(name, about, { active = true, edit = null, remove = null } = {}) {
  const button = (/** @type {"settings.edit" | "settings.delete"} */ label, /** @type {() => void} */ act) =>
    h("button", { type: "button", class: "small", "data-key": `${label}-${name}`, "aria-label": `${t(label)}: ${name}`, onclick: act }, t(label));
  return h(
    "li",
    null,
    h("span", null, h("strong", null, name), !active && [" ", badge(t("settings.off"))], about && h("small", null, about)),
    (edit || remove) && h("span", { class: "actions" }, edit && button("settings.edit", edit), remove && button("settings.delete", remove)),
  );
}
