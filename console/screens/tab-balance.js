// What a customer has: an account a card, with its credits by expiry.
import { h } from "../dom.js";
import { reasonLabels } from "../parts/choices.js";
import { empty, region } from "../parts/states.js";
import { may } from "../session.js";
import { assetName, isMoney, money, figure, t } from "../text.js";
import { units } from "../decimals.js";
import { openAdjust } from "./adjust.js";
import { lotList } from "./lots.js";

/** @typedef {import("./customer.js").Customer} Customer */
/** @typedef {import("./customer.js").Account} Account */
/** @typedef {import("./customer.js").Lot} Lot */

/** @param {Customer} customer */
export function balanceTab(customer) {
  const accounts = [...(customer.balances ?? [])].sort((a, b) => Number(isMoney(b.asset)) - Number(isMoney(a.asset)));
  if (accounts.length === 0) {
    const adjust = may("ADD_CREDIT") && h("button", { type: "button", onclick: () => openAdjust([customer]) }, t("adjust"));
    return empty(t("balance.none"), t("balance.none.advice"), adjust);
  }
  return region(
    reasonLabels,
    (reasons) => h("div", { class: "cards" }, accounts.map((account) => card(customer, account, reasons))),
    6,
  );
}

/**
 * @param {Customer} customer
 * @param {Account} account
 * @param {ReadonlyMap<string, string>} reasons
 */
export function card(customer, account, reasons) {
  const { asset, available, scheduled, held } = account;
  const lots = lotsOf(account);
  const parts = [units(scheduled) > 0n && t("balance.scheduled", { amount: money(scheduled, asset) }), units(held) > 0n && t("balance.held", { amount: money(held, asset) })].filter(Boolean);
  return h(
    "section",
    { class: "card", "aria-label": assetName(asset) },
    h(
      "header",
      { class: "card-head" },
      h("div", null, h("h2", null, assetName(asset)), h("p", { class: "big", "data-asset": asset }, figure(available, asset)), parts.length > 0 && h("p", { class: "hint" }, parts.join(" · "))),
      (may("ADD_CREDIT") || may("REMOVE_CREDIT")) &&
        h("button", { type: "button", class: "small", "data-key": `adjust-${asset}`, "aria-label": t("adjust.asset", { asset: assetName(asset) }), onclick: () => openAdjust([customer], { asset }) }, t("adjust")),
    ),
    lots.length > 0 ? lotList(lots, asset, reasons) : h("p", { class: "hint" }, t("lot.none")),
    account.credits?.pageInfo.hasNextPage && h("p", { class: "hint" }, t("lot.more")),
  );
}

/** Those that are left, the soonest expiry first. @param {Account} account @returns {Lot[]} */
export function lotsOf(account) {
  const lots = account.credits?.edges.map(({ node }) => node) ?? [];
  return lots.filter(({ remaining }) => units(remaining) > 0n).sort((a, b) => (a.expiresAt ?? "9").localeCompare(b.expiresAt ?? "9"));
}
