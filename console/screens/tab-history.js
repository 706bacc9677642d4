// History: every movement, newest first, with who, why and on whose approval.
import { ask } from "../api.js";
import { units } from "../decimals.js";
import { h, put } from "../dom.js";
import { icon } from "../icons.js";
import { reasonLabels } from "../parts/choices.js";
import { choice } from "../parts/fields.js";
import { later } from "../parts/later.js";
import { paged, pageOf } from "../parts/pages.js";
import { empty, nameOf, region } from "../parts/states.js";
import { pathTo } from "../router.js";
import { may } from "../session.js";
import { assetName, moment, money, t, tOr } from "../text.js";

/** @typedef {import("./customer.js").Customer} Customer */
/** @typedef {NonNullable<import("../api.js").Data<"History">["ledger"]>["edges"][number]["node"]} Entry */

const PAGE = 30;

/** What was chosen of whose history: it stays so while the profile is drawn anew. */
let chosen = { of: "", asset: "" };

/** @param {Customer} customer */
export function historyTab(customer) {
  const assets = (customer.balances ?? []).map(({ asset }) => asset);
  const list = h("div", null);
  const draw = (/** @type {string} */ asset) => {
    chosen = { of: customer.id, asset };
    put(list, region(() => first(customer.id, asset || null), (found) => entries(customer.id, asset || null, found), 8));
  };
  draw(chosen.of === customer.id ? chosen.asset : "");
  const all = [{ value: "", label: t("all") }, ...assets.map((asset) => ({ value: asset, label: assetName(asset) }))];
  const statement = assets.length > 0 && h("a", { class: "button small", href: pathTo("customers", customer.id, "statement") }, icon("orders"), t("statement"));
  return [h("div", { class: "bar-head" }, assets.length > 1 ? choice(t("history.of"), all, chosen.asset, draw).root : h("span", null), statement), list];
}

/**
 * @param {string} customerId
 * @param {string | null} asset
 * @param {string | null} before
 */
async function entriesOf(customerId, asset, before) {
  return pageOf((await ask("History", { customerId, asset, last: PAGE, before })).ledger);
}

/**
 * @param {string} customerId
 * @param {string | null} asset
 */
async function first(customerId, asset) {
  const [page, reasons] = await Promise.all([entriesOf(customerId, asset, null), reasonLabels()]);
  return { page, reasons };
}

/**
 * @param {string} customerId
 * @param {string | null} asset
 * @param {Awaited<ReturnType<typeof first>>} found
 */
function entries(customerId, asset, { page, reasons }) {
  if (page.rows.length === 0) return empty(t("history.none"));
  /** Transactions that have a line already: one of them has the button. @type {Set<string>} */
  const seen = new Set();
  const list = h("ol", { class: "events" });
  return paged(list, page, (row) => line(row, reasons, seen), (before) => entriesOf(customerId, asset, before));
}

/**
 * @param {Entry} entry
 * @param {ReadonlyMap<string, string>} reasons
 * @param {Set<string>} seen
 */
function line(entry, reasons, seen) {
  const { amount, balanceAfter, createdAt, transaction } = entry;
  const { asset } = entry.account;
  const { kind, reason, note, reference, actor, approvedBy } = transaction;
  const why = reason === null ? null : (reasons.get(reason) ?? reason);
  const spent = (kind === "SPEND" || kind === "USE") && !seen.has(transaction.id) && may("REFUND_SPEND");
  seen.add(transaction.id);
  return h(
    "li",
    { class: "event" },
    h(
      "div",
      { class: "event-what" },
      h("strong", null, tOr(`kind.${kind}`, kind), why && `: ${why}`),
      note && h("p", { class: "note" }, note),
      h("small", null, [moment(createdAt), actor && t("by", { name: nameOf(actor) }), approvedBy && t("approved.by", { name: nameOf(approvedBy) }), reference, units(transaction.refunded ?? "0") > 0n && t("refund.part", { amount: money(transaction.refunded ?? "0", asset) })].filter(Boolean).join(" · ")),
    ),
    h(
      "div",
      { class: "event-sum" },
      h("strong", { class: amount.startsWith("-") ? "minus" : "plus" }, money(amount, asset, { signed: true })),
      h("small", null, t("balance.after", { amount: money(balanceAfter, asset) })),
      spent && h("button", { type: "button", class: "small", "data-key": `refund-${transaction.id}`, onclick: () => later(() => import("./refund.js"), ({ openRefund }) => openRefund(transaction.id)) }, t("refund")),
    ),
  );
}
