// What the business lets one choose from, asked for once a session.
import { ask } from "../api.js";
import { isMoney } from "../text.js";
import { may, session } from "../session.js";

/** @typedef {import("../api.js").Data<"Choices">} Choices */
/** @typedef {NonNullable<Choices["adjustmentReasons"]>[number]} Reason */

/** @type {Promise<Choices> | null} */
let choices = null;
/** @type {Promise<Map<string, string>> | null} */
let labels = null;
/** @type {Promise<string[]> | null} */
let currencies = null;
session.followers.add(forgetChoices);

/** Asks anew from now on: another session, or other settings. */
export function forgetChoices() {
  choices = null;
  labels = null;
  currencies = null;
}

/** The reasons and services of the business. */
export function chooseFrom() {
  choices ??= ask("Choices", {});
  choices.catch(() => (choices = null));
  return choices;
}

/** The labels of the reasons by code; those that are no longer in use, too, for whoever may read of them. */
export async function reasonLabels() {
  if (!may("READ_CONFIG")) return labelsOf(await chooseFrom());
  labels ??= ask("ReasonSettings", {}).then(labelsOf);
  labels.catch(() => (labels = null));
  return labels;
}

/** @param {{adjustmentReasons: readonly {code: string, label: string}[] | null}} found */
function labelsOf({ adjustmentReasons }) {
  return new Map((adjustmentReasons ?? []).map(({ code, label }) => [code, label]));
}

/** The currencies that the business owes money in. */
export function currenciesInUse() {
  if (!may("READ_REPORTS")) return Promise.resolve([]);
  currencies ??= ask("Currencies", {}).then(({ liability }) => (liability ?? []).map(({ asset }) => asset).filter(isMoney));
  currencies.catch(() => (currencies = null));
  return currencies;
}
