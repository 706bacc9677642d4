// A dialog of plain fields that sends them as they are.
import { typedAmount } from "../decimals.js";
import { booksChanged, h, put } from "../dom.js";
import { icon } from "../icons.js";
import { placesOf, t } from "../text.js";
import { field, select, tick } from "./fields.js";
import { place } from "./refusals.js";
import { busy, Sheet, submitButton } from "./sheet.js";
import { tell, words } from "./states.js";

/**
 * amount: in the asset; blank is null. number: whole; blank is null.
 * @typedef {{name: string, label: string, value?: string | boolean, hint?: string, kind?: "text" | "amount" | "number" | "tick" | "choice", asset?: string, required?: boolean, options?: readonly {value: string, label: string}[]}} Wanted
 */
/** @typedef {Record<string, string | number | boolean | null>} Filled */

/**
 * @param {string} title
 * @param {readonly Wanted[]} wanted
 * @param {(filled: Filled) => Promise<readonly import("./refusals.js").Refusal[]>} send
 */
export function openForm(title, wanted, send) {
  const sheet = new Sheet(title);
  const problem = h("div", { role: "alert" });
  const made = wanted.map((each) => ({ each, ...fieldOf(each) }));
  sheet.submit = async () => {
    put(problem, []);
    /** @type {Filled} */
    const filled = {};
    for (const { each, shown, read } of made) {
      const value = read();
      const missing = each.required && (value === null || value === "");
      shown?.tell(Number.isNaN(value) ? t("form.wrong") : missing ? t("form.missing") : null);
      filled[each.name] = value;
    }
    const wrong = sheet.body.querySelector("[aria-invalid=true]");
    if (wrong instanceof HTMLElement) {
      wrong.focus();
      return;
    }
    try {
      const refusals = await busy(sheet, () => send(filled));
      const fields = Object.fromEntries(made.flatMap(({ each, shown }) => (shown ? [[each.name, shown]] : [])));
      const others = place(refusals, "POINTS", fields);
      put(problem, others.map((text) => h("p", { class: "notice bad" }, icon("warning"), text)));
      if (refusals.length) return;
      sheet.close();
      tell(t("saved"));
      booksChanged();
    } catch (error) {
      put(problem, h("p", { class: "notice bad" }, icon("warning"), words(error)));
    }
  };
  sheet.show(
    [made.map(({ root }) => root), problem],
    [h("button", { type: "button", onclick: () => sheet.close() }, t("cancel")), submitButton(t("save"))],
  );
}

/** @param {Wanted} wanted */
function fieldOf({ label, value = "", hint, kind = "text", asset = "POINTS", options = [] }) {
  if (kind === "tick") {
    const input = h("input", { type: "checkbox", checked: value === true });
    return { root: h("div", { class: "field" }, tick(label, input)), shown: null, read: () => input.checked };
  }
  const control = kind === "choice" ? select(options, String(value)) : h("input", { type: "text", autocomplete: "off", value: String(value), inputmode: kind === "text" ? "text" : "decimal" });
  const shown = field(label, control, { hint: hint ?? null });
  const read = () => {
    const text = control.value.trim();
    if (kind === "text" || kind === "choice") return text;
    if (text === "") return null;
    if (kind === "number") return /^\d{1,6}$/.test(text) ? Number(text) : NaN;
    const amount = typedAmount(text, placesOf(asset));
    return amount === null || amount === "unclear" || amount === "precise" || amount.startsWith("-") ? NaN : amount;
  };
  return { root: shown.root, shown, read };
}
