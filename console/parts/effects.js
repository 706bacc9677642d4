// What the server says that something would do: to balances, credits and invoices.
import { units } from "../decimals.js";
import { h } from "../dom.js";
import { assetName, day, lastDay, money, t } from "../text.js";
import { fact, facts, fromTo } from "./facts.js";
import { badge } from "./states.js";

/** @typedef {import("../dom.js").Child} Child */
/** @typedef {{amount: string, remainingAfter: string, expiresAt: string | null, credit: {transaction: {createdAt: string} | null} | null}} CreditAfter */
/** @typedef {{name: string} | null} Tier */
/**
 * @typedef {{
 *   asset: string, availableAfter: string, heldAfter: string, lifetimeAfter: string, tierAfter: Tier,
 *   account: {available: string, held: string, lifetime: string, tier: Tier} | null, customer: {name: string} | null,
 *   credits: readonly CreditAfter[],
 * }} AccountAfter
 */
/** @typedef {{currency: string, dueAfter: string, statusAfter: "OPEN" | "PART_PAID" | "PAID" | "VOID", invoice: {number: string, due: string} | null}} InvoiceAfter */

const SHOWN_CREDITS = 6;

/**
 * All that a posting would do.
 * @param {{accounts: readonly AccountAfter[] | null, invoices: readonly InvoiceAfter[] | null}} preview
 * @param {{gives?: boolean}} [how] gives: it gives back, so that what is taken at once has expired meanwhile.
 */
export function posting({ accounts, invoices }, how = {}) {
  return facts(...(invoices ?? []).map(invoiceFact), ...(accounts ?? []).flatMap((each) => accountFacts(each, (accounts ?? []).length > 1, how)));
}

/** @param {InvoiceAfter} after */
function invoiceFact({ invoice, currency, dueAfter, statusAfter }) {
  const tone = statusAfter === "PAID" ? "good" : statusAfter === "VOID" ? "plain" : "warn";
  return fact(t("effect.invoice", { number: invoice?.number ?? "" }), due(invoice?.due ?? "0", dueAfter, currency), " ", badge(t(`invoice.${statusAfter}`), tone));
}

/** @param {string} before @param {string} after @param {string} currency */
function due(before, after, currency) {
  return before === after ? t("order.due", { amount: money(after, currency) }) : fromTo(t("order.due", { amount: money(before, currency) }), money(after, currency));
}

/** What is due on an invoice, now and then. @param {string} before @param {string | null} after @param {string} currency */
export function dueFact(before, after, currency) {
  return after !== null && fact(t("invoice.due"), fromTo(money(before, currency), money(after, currency)));
}

/**
 * @param {AccountAfter} after
 * @param {boolean} named
 * @param {{gives?: boolean}} how
 */
function accountFacts(after, named, how) {
  const { account, asset, customer, credits } = after;
  const name = named ? [customer?.name, assetName(asset)].filter(Boolean).join(", ") : t("balance");
  return [
    balanceFact(account?.available ?? "0", after.availableAfter, asset, name),
    heldFact(account?.held ?? "0", after.heldAfter, asset),
    asset === "POINTS" && tierFact(account?.tier ?? null, after.tierAfter, account?.lifetime ?? "0", after.lifetimeAfter),
    creditsFact(credits, asset, how),
  ];
}

/**
 * @param {string} before
 * @param {string | null} after
 * @param {string} asset
 * @param {string} [name]
 */
export function balanceFact(before, after, asset, name = t("balance")) {
  return after !== null && fact(name, fromTo(money(before, asset), money(after, asset)));
}

/** Said only where it changes. @param {string} before @param {string | null} after @param {string} asset */
export function heldFact(before, after, asset) {
  return after !== null && units(before) !== units(after) && fact(t("credit.held"), fromTo(money(before, asset), money(after, asset)));
}

/**
 * What happens to the tier, said also where it stays.
 * @param {Tier} before
 * @param {Tier} after
 * @param {string} lifetime
 * @param {string} lifetimeAfter
 */
export function tierFact(before, after, lifetime, lifetimeAfter) {
  const total = h("small", null, t("review.lifetime", { before: money(lifetime, "POINTS"), after: money(lifetimeAfter, "POINTS") }));
  if (before?.name === after?.name) return fact(t("tier"), t("review.tier.stays", { tier: after?.name ?? t("tier.none") }), total);
  const rises = units(lifetimeAfter) > units(lifetime);
  const names = { before: before?.name ?? t("tier.none"), after: after?.name ?? t("tier.none") };
  return fact(t("tier"), badge(t(rises ? "review.tier.rises" : "review.tier.falls", names), rises ? "good" : "warn"), total);
}

/**
 * The credits that are taken from, given back to or opened.
 * @param {readonly CreditAfter[] | null} credits
 * @param {string} asset
 * @param {{gives?: boolean}} [how]
 */
export function creditsFact(credits, asset, { gives = credits?.some(({ amount }) => !amount.startsWith("-")) ?? false } = {}) {
  if (!credits?.length) return null;
  const more = credits.length - SHOWN_CREDITS;
  return fact(
    t(gives ? "effect.given" : "review.taken"),
    h("ul", { class: "plain" }, credits.slice(0, SHOWN_CREDITS).map((each) => h("li", null, creditLine(each, asset, gives))), more > 0 && h("li", null, t("effect.more", { n: more }))),
  );
}

/** @param {CreditAfter} after @param {string} asset @param {boolean} gives */
function creditLine({ amount, remainingAfter, expiresAt, credit }, asset, gives) {
  const values = { amount: money(amount.replace("-", ""), asset), left: money(remainingAfter, asset), day: credit?.transaction ? day(credit.transaction.createdAt) : "" };
  const until = h("small", null, expiresAt ? t("until", { day: lastDay(expiresAt) }) : t("expiry.never"));
  if (amount.startsWith("-") && gives) return [t("effect.expires", values)];
  if (amount.startsWith("-")) return [t("review.taken.of", values), expiresAt && " ", expiresAt && until];
  return [t(credit === null ? "effect.new" : "effect.back", values), " ", until];
}
