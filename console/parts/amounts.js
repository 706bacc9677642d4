// Amounts that are typed, and what is wrong with them in words.
import { h } from "../dom.js";
import { placesOf, t, typedForm, typedIn } from "../text.js";
import { field } from "./fields.js";

/**
 * The amount above zero that a text says, or in words why it says none.
 * @param {string} text
 * @param {string} asset
 * @returns {{amount: string, wrong: null} | {amount: null, wrong: string}}
 */
export function amountOf(text, asset) {
  const places = placesOf(asset);
  const typed = typedIn(text, asset);
  /** @param {string} wrong */
  const none = (wrong) => ({ amount: null, wrong });
  if (typed === null || typed.startsWith("-")) return none(t(text.trim() === "" ? "amount.missing" : "amount.wrong"));
  if (typed === "unclear") return none(t("amount.unclear"));
  if (typed === "precise") return none(t(places === 0 ? "amount.whole" : "amount.precise", { places }));
  if (/^[0.]+$/.test(typed)) return none(t("refused.AMOUNT_ZERO"));
  return { amount: typed, wrong: null };
}

/**
 * A large field for an amount.
 * @param {string} value
 * @param {import("../dom.js").Child} hint
 */
export function amountField(value, hint) {
  const input = h("input", { type: "text", inputmode: "decimal", autocomplete: "off", autofocus: true, class: "amount", value: typedForm(value) });
  const shown = field(t("amount"), input, { hint });
  return {
    ...shown,
    input,
    /**
     * The amount in it; null if there is none, and if that is to be told, it is told beside it.
     * @param {string} asset
     * @param {boolean} tells
     */
    read(asset, tells) {
      const { amount, wrong } = amountOf(input.value, asset);
      if (tells) shown.tell(wrong);
      return amount;
    },
  };
}
