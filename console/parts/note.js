// A few words for colleagues, with most of what is done.
import { h } from "../dom.js";
import { t } from "../text.js";
import { field } from "./fields.js";

/** @param {{autofocus?: boolean}} [how] */
export function noteField({ autofocus = false } = {}) {
  const input = h("textarea", { rows: 2, autofocus });
  return { ...field(t("note"), input, { hint: t("note.hint") }), read: () => input.value.trim() || null };
}
