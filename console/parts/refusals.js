// What the books refused, in words, and beside the field that it is about.
import { money, t, tOr } from "../text.js";

/** @typedef {{scope: string, kind: string, asset: string, remaining: string}} Left */
/** @typedef {{code: string, message: string, field: readonly string[] | null, available: string | null, used: string | null, remaining: readonly Left[] | null}} Refusal */

/**
 * @param {Refusal} refusal
 * @param {string} asset
 */
export function refused(refusal, asset) {
  if (refusal.code === "LIMIT_EXCEEDED" && refusal.remaining?.length) {
    return `${t("refused.LIMIT_EXCEEDED")} ${leftOf(refusal.remaining, null).join(" ")}`;
  }
  const { code, message, field } = refusal;
  const figure = refusal.available ?? refusal.used;
  const values = { figure: figure === null ? "" : money(figure, asset), message };
  // A file's column has a name of its own.
  const named = field?.at(-1) === "customer" ? "customerId" : field?.at(-1);
  return tOr(`refused.${code}.${named}`, "", values) || tOr(`refused.${code}`, t("refused.other", values), values);
}

/**
 * What limits leave, a sentence each.
 * @param {readonly Left[]} remaining
 * @param {string | null} kind Of limit; null: of all.
 */
export function leftOf(remaining, kind = "ADDING") {
  return remaining
    .filter((each) => kind === null || each.kind === kind)
    .map(({ scope, asset, remaining: left }) => tOr(`limit.${scope}`, "", { left: money(left, asset) }))
    .filter(Boolean);
}

/**
 * Shows each refusal beside its field, and answers those that have none.
 * @param {readonly Refusal[]} refusals
 * @param {string} asset
 * @param {Record<string, {tell: (wrong: string | null) => void}>} fields By the names of the input.
 * @returns {string[]}
 */
export function place(refusals, asset, fields) {
  for (const each of Object.values(fields)) each.tell(null);
  return refusals.flatMap((refusal) => {
    const found = fields[refusal.field?.[0] ?? ""];
    found?.tell(refused(refusal, asset));
    return found ? [] : [refused(refusal, asset)];
  });
}
