// A dialog of plain fields that sends them as they are.
import { booksChanged, h, put } from "../dom.js";
import { t, typedForm, typedIn } from "../text.js";
import { forgetChoices } from "./choices.js";
import { field, select, tick, ticks, wrongDate } from "./fields.js";
import { busy, Sheet, submitButton } from "./sheet.js";
import { tell, words } from "./states.js";

/** @typedef {string | number | boolean | null | readonly string[]} Value */
/** @typedef {Record<string, Value>} Filled By name, those before a field when it is read. */
/**
 * amount: in the asset, or in what the fields before it say; blank is null. number: whole; blank is null. day: as a
 * calendar has it; blank is null. ticks: those that are ticked.
 * @typedef {{name: string, label: string, value?: string | boolean | readonly string[], hint?: string, kind?: "text" | "email" | "amount" | "number" | "day" | "tick" | "ticks" | "choice", asset?: string | ((filled: Filled) => string), required?: boolean, min?: string, options?: readonly {value: string, label: string, group?: string}[]}} Wanted
 */
/**
 * intro: what it does, above the fields. done: what comes after it in place of "Saved".
 * @typedef {{intro?: string, submit?: string, bad?: boolean, done?: () => void}} How
 */

/**
 * @param {string} title
 * @param {readonly Wanted[]} wanted
 * @param {(filled: Filled) => Promise<readonly import("./refusals.js").Refusal[]>} send
 * @param {How} [how]
 */
export function openForm(title, wanted, send, { intro = "", submit = t("save"), bad = false, done = () => tell(t("saved")) } = {}) {
  const sheet = new Sheet(title);
  const problem = h("div", { role: "alert" });
  const made = wanted.map((each) => ({ each, ...fieldOf(each) }));
  sheet.submit = async () => {
    put(problem, []);
    /** @type {Filled} */
    const filled = {};
    for (const { each, shown, read } of made) {
      const value = read(filled);
      const missing = each.required && (value === null || value === "" || (Array.isArray(value) && value.length === 0));
      shown?.tell(Number.isNaN(value) ? t(each.kind === "day" ? "date.wrong" : "form.wrong") : missing ? t("form.missing") : null);
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
      sheet.refuse(problem, refusals, "POINTS", fields);
      if (refusals.length) return;
      sheet.close();
      forgetChoices();
      done();
      booksChanged();
    } catch (error) {
      sheet.say(problem, [words(error)]);
    }
  };
  sheet.show(
    [intro && h("p", { class: "intro" }, intro), made.map(({ root }) => root), problem],
    // Where there is nothing to fill in, a key that is held down must not do what cannot be undone.
    [h("button", { type: "button", autofocus: bad, onclick: () => sheet.close() }, t("cancel")), submitButton(submit, { bad })],
  );
}

/** @param {Wanted} wanted */
function fieldOf({ label, value = "", hint, kind = "text", asset = "POINTS", min, options = [] }) {
  if (kind === "tick") {
    const input = h("input", { type: "checkbox", checked: value === true });
    return { root: h("div", { class: "field" }, tick(label, input)), shown: null, read: () => input.checked };
  }
  if (kind === "ticks") {
    const shown = ticks(label, options, Array.isArray(value) ? value : [], hint ?? null);
    return { root: shown.root, shown, read: shown.read };
  }
  const control = kind === "choice" ? select(options, String(value)) : h("input", { ...typed(kind, min), autocomplete: "off", value: kind === "amount" ? typedForm(String(value)) : String(value) });
  const shown = field(label, control, { hint: hint ?? null });
  /** @param {Filled} filled */
  const read = (filled) => {
    const text = control.value.trim();
    if (kind === "text" || kind === "email" || kind === "choice") return text;
    if (kind === "day" && wrongDate(control)) return NaN;
    if (text === "") return null;
    if (kind === "day") return text;
    if (kind === "number") return /^\d{1,6}$/.test(text) ? Number(text) : NaN;
    const amount = typedIn(text, typeof asset === "string" ? asset : asset(filled));
    return amount === null || amount === "unclear" || amount === "precise" || amount.startsWith("-") ? NaN : amount;
  };
  return { root: shown.root, shown, read };
}

/** @param {string} kind @param {string | undefined} min */
function typed(kind, min) {
  if (kind === "day") return { type: "date", min };
  if (kind === "email") return { type: "email" };
  return { type: "text", inputmode: kind === "text" ? "text" : kind === "number" ? "numeric" : "decimal" };
}
