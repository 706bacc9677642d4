// What the business lets one choose from, asked for once a session.
import { ask } from "../api.js";
import { isMoney, locale } from "../text.js";
import { may, session } from "../session.js";

/** @typedef {import("../api.js").Data<"Choices">} Choices */
/** @typedef {NonNullable<Choices["adjustmentReasons"]>[number]} Reason */

/** @type {Promise<Choices> | null} */
let choices = null;
/** @type {Promise<string[]> | null} */
let currencies = null;
session.followers.add(() => {
  choices = null;
  currencies = null;
});

/** The reasons and services of the business. */
export function chooseFrom() {
  choices ??= ask("Choices", {});
  choices.catch(() => (choices = null));
  return choices;
}

/** The labels of the reasons in use, by code. */
export async function reasonLabels() {
  const { adjustmentReasons } = await chooseFrom();
  return new Map((adjustmentReasons ?? []).map(({ code, label }) => [code, label]));
}

/** The currencies that the business owes money in. */
export function currenciesInUse() {
  if (!may("READ_REPORTS")) return Promise.resolve([]);
  currencies ??= ask("Currencies", {}).then(({ liability }) => (liability ?? []).map(({ asset }) => asset).filter(isMoney));
  currencies.catch(() => (currencies = null));
  return currencies;
}

/** Every currency to choose from, those in use first. @param {readonly string[]} inUse */
export function currencyOptions(inUse) {
  const names = new Intl.DisplayNames(locale(), { type: "currency" });
  const label = (/** @type {string} */ code) => `${names.of(code) ?? code} (${code})`;
  const others = Intl.supportedValuesOf("currency").filter((code) => !inUse.includes(code));
  others.sort((a, b) => label(a).localeCompare(label(b), locale()));
  return [...inUse, ...others].map((value) => ({ value, label: label(value) }));
}
