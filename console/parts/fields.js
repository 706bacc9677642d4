// Fields with their label, a hint and what is wrong with them beside them.
import { h, put } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../text.js";

/** @typedef {import("../dom.js").Child} Child */
/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */
/** @typedef {{root: HTMLElement, tell: (wrong: string | null) => void, hint: (text: Child) => void}} Field */

let number = 0;

/**
 * @param {string} label
 * @param {Control} control
 * @param {{hint?: Child, class?: string, beside?: Child}} [how] beside: what stands in the field's own row.
 * @returns {Field}
 */
export function field(label, control, { hint = null, class: name = "", beside = null } = {}) {
  const id = control.id || `field-${++number}`;
  control.id = id;
  const { hints, wrong, ...said } = remarks(id, hint, [control]);
  control.setAttribute("aria-describedby", `${id}-hint ${id}-wrong`);
  const root = h("div", { class: `field ${name}` }, h("label", { for: id }, label), h("div", { class: "control" }, control, beside), hints, wrong);
  return { root, ...said };
}

/**
 * What stands below a field: its hint, and what is wrong with it.
 * @param {string} id
 * @param {Child} hint
 * @param {readonly HTMLElement[]} controls That it is told of.
 */
function remarks(id, hint, controls) {
  const hints = h("p", { class: "hint", id: `${id}-hint` }, hint);
  const wrong = h("p", { class: "wrong", id: `${id}-wrong`, role: "alert" });
  hints.hidden = hint === null;
  wrong.hidden = true;
  return {
    hints,
    wrong,
    /** @param {string | null} text */
    tell(text) {
      wrong.hidden = text === null;
      put(wrong, text === null ? [] : [icon("warning"), text]);
      for (const control of controls) control.setAttribute("aria-invalid", String(text !== null));
    },
    /** @param {Child} text */
    hint(text) {
      hints.hidden = !text;
      put(hints, text);
    },
  };
}

/**
 * A choice of few, side by side.
 * @template {string} T
 * @param {string} label
 * @param {readonly {value: T, label: string}[]} choices
 * @param {T} chosen
 * @param {(value: T) => void} changed
 */
export function choice(label, choices, chosen, changed) {
  const name = `choice-${++number}`;
  /** @type {Map<T, HTMLInputElement>} */
  const inputs = new Map();
  const labels = choices.map((each) => {
    const input = h("input", { type: "radio", name, value: each.value, checked: each.value === chosen, onchange: () => changed(each.value) });
    inputs.set(each.value, input);
    return h("label", null, input, h("span", null, each.label));
  });
  const root = h("fieldset", { class: "choice" }, h("legend", null, label), h("div", { class: "choices" }, labels));
  return {
    root,
    /** @param {T} value */
    choose(value) {
      const input = inputs.get(value);
      if (input) input.checked = true;
    },
  };
}

/**
 * @param {readonly {value: string, label: string}[]} options
 * @param {string} value
 * @param {Record<string, unknown>} [properties]
 */
export function select(options, value, properties = {}) {
  const made = options.map((each) => h("option", { value: each.value, selected: each.value === value }, each.label));
  return h("select", properties, made);
}

/**
 * What is wrong with a date: typed in part, it has no value either, but is not blank.
 * @param {HTMLInputElement | HTMLSelectElement} input
 */
export function wrongDate(input) {
  return input.validity.badInput ? t("date.wrong") : null;
}

/**
 * @param {string} label
 * @param {HTMLInputElement} input
 */
export function tick(label, input) {
  return h("label", { class: "tick" }, input, h("span", null, label));
}

/**
 * A choice of any of several.
 * @param {string} label
 * @param {readonly {value: string, label: string, group?: string}[]} options Those of a group one after the other.
 * @param {readonly string[]} chosen
 * @param {Child} hint
 * @returns {Field & {read: () => string[]}}
 */
export function ticks(label, options, chosen, hint) {
  const id = `field-${++number}`;
  const inputs = options.map(({ value }) => h("input", { type: "checkbox", value, checked: chosen.includes(value) }));
  const { hints, wrong, ...said } = remarks(id, hint, inputs);
  const lines = options.flatMap(({ label: each, group }, index) => {
    const input = inputs[index];
    const begins = group !== undefined && group !== options[index - 1]?.group;
    return input ? [begins && h("p", { class: "ticks-group" }, group), tick(each, input)] : [];
  });
  const root = h("fieldset", { class: "field many", id, "aria-describedby": `${id}-hint ${id}-wrong` }, h("legend", null, label), hints, h("div", { class: "many-ticks" }, lines), wrong);
  return {
    root,
    ...said,
    read: () => inputs.filter((input) => input.checked).map((input) => input.value),
  };
}
