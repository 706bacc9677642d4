// What a customer has: an account a card, with its credits by expiry, and what is set aside.
import { h } from "../dom.js";
import { reasonLabels } from "../parts/choices.js";
import { later } from "../parts/later.js";
import { empty, region } from "../parts/states.js";
import { may } from "../session.js";
import { assetName, isMoney, money, figure, t } from "../text.js";
import { units } from "../decimals.js";
import { openAdjust } from "./adjust.js";
import { lotList, lotsOf } from "./lots.js";

/** @typedef {import("./customer.js").Customer} Customer */
/** @typedef {import("./customer.js").Account} Account */

/** @param {Customer} customer */
export function balanceTab(customer) {
  const accounts = [...(customer.balances ?? [])].sort((a, b) => Number(isMoney(b.asset)) - Number(isMoney(a.asset)));
  if (accounts.length === 0) {
    const adjust = may("ADD_CREDIT") && h("button", { type: "button", onclick: () => openAdjust([customer]) }, t("adjust"));
    return empty(t("balance.none"), t("balance.none.advice"), adjust);
  }
  const cards = region(
    reasonLabels,
    (reasons) => h("div", { class: "cards" }, accounts.map((account) => card(customer, account, reasons))),
    6,
  );
  const holds = accounts.some(({ held }) => units(held) > 0n) && region(() => import("./holds.js"), ({ holdsCard }) => holdsCard(customer), 2);
  return [holds, cards];
}

/**
 * @param {Customer} customer
 * @param {Account} account
 * @param {ReadonlyMap<string, string>} reasons
 */
export function card(customer, account, reasons) {
  const { asset, available, scheduled, held } = account;
  const lots = lotsOf(account.credits);
  const spare = units(available) > 0n;
  /** @param {"adjust" | "spend" | "transfer"} what @param {import("../text.js").Key} label @param {() => unknown} open */
  const act = (what, label, open) => h("button", { type: "button", class: "small", "data-key": `${what}-${asset}`, "aria-label": t(label, { asset: assetName(asset) }), onclick: open }, t(what));
  const parts = [units(scheduled) > 0n && t("balance.scheduled", { amount: money(scheduled, asset) }), units(held) > 0n && t("balance.held", { amount: money(held, asset) })].filter(Boolean);
  return h(
    "section",
    { class: "card", "aria-label": assetName(asset) },
    h(
      "header",
      { class: "card-head" },
      h("div", null, h("h2", null, assetName(asset)), h("p", { class: "big", "data-asset": asset }, figure(available, asset)), parts.length > 0 && h("p", { class: "hint" }, parts.join(" · "))),
      h(
        "div",
        { class: "actions" },
        (may("ADD_CREDIT") || may("REMOVE_CREDIT")) && act("adjust", "adjust.asset", () => openAdjust([customer], { asset })),
        may("SPEND_CREDIT") && spare && act("spend", "spend.asset", () => later(() => import("./spend.js"), ({ openSpend }) => openSpend(customer, asset))),
        may("TRANSFER") && may("ADD_CREDIT") && spare && act("transfer", "transfer.asset", () => later(() => import("./transfer.js"), ({ openTransfer }) => openTransfer(customer, asset))),
      ),
    ),
    lots.rows.length > 0 || lots.more ? lotList(account, reasons) : h("p", { class: "hint" }, t("lot.none")),
    may("REVIVE") && h("button", { type: "button", class: "as-link", "data-key": `revive-${asset}`, "aria-label": t("revive.asset", { asset: assetName(asset) }), onclick: () => later(() => import("./revive.js"), ({ openRevive }) => openRevive(customer, asset)) }, t("revive.open")),
  );
}
