// History: every movement, newest first, with who, why and on whose approval.
import { ask, rows } from "../api.js";
import { h, put } from "../dom.js";
import { reasonLabels } from "../parts/choices.js";
import { choice } from "../parts/fields.js";
import { empty, failed, nameOf, region, skeleton } from "../parts/states.js";
import { assetName, moment, money, t, tOr } from "../text.js";

/** @typedef {import("./customer.js").Customer} Customer */
/** @typedef {NonNullable<import("../api.js").Data<"History">["ledger"]>["edges"][number]["node"]} Entry */

const PAGE = 30;

/** @param {Customer} customer */
export function historyTab(customer) {
  const assets = (customer.balances ?? []).map(({ asset }) => asset);
  const list = h("div", null);
  const draw = (/** @type {string} */ asset) => put(list, region(() => pageOf(customer.id, asset || null), (first) => entries(customer.id, asset || null, first), 8));
  draw("");
  const all = [{ value: "", label: t("all") }, ...assets.map((asset) => ({ value: asset, label: assetName(asset) }))];
  return [assets.length > 1 && choice(t("history.of"), all, "", draw).root, list];
}

/**
 * @param {string} customerId
 * @param {string | null} asset
 * @param {string | null} [before]
 */
async function pageOf(customerId, asset, before = null) {
  const [{ ledger }, reasons] = await Promise.all([ask("History", { customerId, asset, last: PAGE, before }), reasonLabels()]);
  return { rows: rows(ledger).reverse(), more: ledger?.pageInfo.hasPreviousPage ?? false, cursor: ledger?.pageInfo.startCursor ?? null, reasons };
}

/**
 * @param {string} customerId
 * @param {string | null} asset
 * @param {Awaited<ReturnType<typeof pageOf>>} first
 */
function entries(customerId, asset, first) {
  if (first.rows.length === 0) return empty(t("history.none"));
  const list = h("ol", { class: "events" }, first.rows.map((row) => line(row, first.reasons)));
  const foot = h("div", { class: "foot" });
  const more = (/** @type {string | null} */ cursor) => {
    const next = async () => {
      put(foot, skeleton(2));
      try {
        const page = await pageOf(customerId, asset, cursor);
        list.append(...page.rows.map((row) => line(row, page.reasons)));
        put(foot, page.more ? more(page.cursor) : null);
      } catch (error) {
        put(foot, failed(error, next));
      }
    };
    return h("button", { type: "button", onclick: next }, t("more.rows"));
  };
  put(foot, first.more ? more(first.cursor) : null);
  return [list, foot];
}

/**
 * @param {Entry} entry
 * @param {ReadonlyMap<string, string>} reasons
 */
function line(entry, reasons) {
  const { amount, balanceAfter, createdAt, transaction } = entry;
  const { asset } = entry.account;
  const { kind, reason, note, reference, actor, approvedBy } = transaction;
  const why = reason === null ? null : (reasons.get(reason) ?? reason);
  return h(
    "li",
    { class: "event" },
    h(
      "div",
      { class: "event-what" },
      h("strong", null, tOr(`kind.${kind}`, kind), why && `: ${why}`),
      note && h("p", { class: "note" }, note),
      h("small", null, [moment(createdAt), actor && t("by", { name: nameOf(actor) }), approvedBy && t("approved.by", { name: nameOf(approvedBy) }), reference].filter(Boolean).join(" · ")),
    ),
    h(
      "div",
      { class: "event-sum" },
      h("strong", { class: amount.startsWith("-") ? "minus" : "plus" }, money(amount, asset, { signed: true })),
      h("small", null, t("balance.after", { amount: money(balanceAfter, asset) })),
    ),
  );
}
