// What the business lets one choose from, asked for once a session.
import { ask } from "../api.js";
import { isMoney } from "../text.js";
import { may, session } from "../session.js";

/** @typedef {import("../api.js").Data<"Choices">} Choices */
/** @typedef {NonNullable<Choices["adjustmentReasons"]>[number]} Reason */

/** @type {Promise<Choices> | null} */
let choices = null;
/** @type {Promise<string[]> | null} */
let currencies = null;
session.followers.add(forgetChoices);

/** Asks anew from now on: another session, or other settings. */
export function forgetChoices() {
  choices = null;
  currencies = null;
}

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
