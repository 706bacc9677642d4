// A customer's own page: what they have, until when, their coupons and what happened.
import { ask } from "../api.js";
import { units } from "../decimals.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { copyButton } from "../parts/copy.js";
import { head } from "../parts/head.js";
import { paged, pageFrom, pageOf } from "../parts/pages.js";
import { badge, empty, region } from "../parts/states.js";
import { assetName, calendarDay, day, figure, money, t, tOr } from "../text.js";
import { openAccount } from "./account.js";
import { termOf } from "./lots.js";
import { rewardValue } from "./reward.js";

/** @typedef {import("../api.js").Data<"Wallet">} Wallet */
/** @typedef {NonNullable<NonNullable<Wallet["customer"]>["balances"]>[number]} Account */
/** @typedef {NonNullable<Account["credits"]>["edges"][number]["node"]} Lot */
/** @typedef {NonNullable<NonNullable<Wallet["customer"]>["coupons"]>["edges"][number]["node"]} Coupon */

/** @typedef {NonNullable<import("../api.js").Data<"WalletHistory">["ledger"]>["edges"][number]["node"]} Entry */

const PAGE = 30;

/** @param {import("../session.js").Viewer} who */
export function walletScreen(who) {
  const id = who.customer?.id ?? "";
  const account = h("button", { type: "button", class: "quiet", onclick: () => openAccount(who) }, icon("person"), t("account"));
  return h(
    "div",
    { class: "wallet" },
    head(who.tenant.name, account),
    region(
      () => Promise.all([ask("Wallet", { id }), historyOf(id, null)]),
      ([{ customer }, first]) => {
        if (!customer) return empty(t("customer.none"));
        const accounts = customer.balances ?? [];
        return [
          accounts.length ? h("div", { class: "cards" }, accounts.map(card)) : empty(t("wallet.none")),
          coupons(id, pageFrom(customer.coupons)),
          history(id, first),
        ];
      },
      8,
    ),
  );
}

/** @param {Account} account */
function card(account) {
  const { id, asset, available, scheduled, tier } = account;
  const page = async (/** @type {string | null} */ after) => {
    const { node } = await ask("MoreWalletLots", { id, after });
    return lotsOf(node && "credits" in node ? node.credits : null);
  };
  return h(
    "section",
    { class: "card", "aria-label": assetName(asset) },
    h("header", { class: "card-head" }, h("div", null, h("h2", null, assetName(asset)), h("p", { class: "big" }, figure(available, asset))), tier && badge(tier.name, "good")),
    units(scheduled) > 0n && h("p", { class: "hint" }, t("balance.scheduled", { amount: money(scheduled, asset) })),
    paged(h("ul", { class: "plain" }), lotsOf(account.credits), (lot) => lotLine(lot, asset), page),
  );
}

/** What is left of them. @param {Account["credits"] | null} credits @returns {import("../parts/pages.js").Page<Lot>} */
function lotsOf(credits) {
  const page = pageFrom(credits);
  return { ...page, rows: page.rows.filter(({ remaining }) => units(remaining) > 0n) };
}

/** @param {Lot} lot @param {string} asset */
function lotLine({ remaining, services, status, effectiveOn, expiresAt }, asset) {
  const what = h("span", null, money(remaining, asset), services.length > 0 && h("small", null, ` ${services.map(({ name }) => name).join(", ")}`));
  return h("li", { class: "wallet-lot" }, what, status === "SCHEDULED" ? badge(t("lot.starts", { day: calendarDay(effectiveOn) })) : termOf(expiresAt));
}

/** @param {string} id @param {import("../parts/pages.js").Page<Coupon>} first */
function coupons(id, first) {
  if (first.rows.length === 0) return null;
  const page = async (/** @type {string | null} */ after) => pageFrom((await ask("MoreWalletCoupons", { id, after })).customer?.coupons);
  return h("section", { class: "card" }, h("h2", null, t("coupons")), paged(h("ul", { class: "coupons" }), first, couponLine, page));
}

/** @param {Coupon} coupon */
function couponLine({ code, terms, expiresAt }) {
  return h("li", { class: "coupon" }, h("div", null, h("strong", null, terms.name), h("small", null, ` ${rewardValue(terms)}`), h("div", null, h("code", null, code)), termOf(expiresAt)), copyButton(code, t("copy.code", { code })));
}

/** @param {string} id @param {string | null} before */
async function historyOf(id, before) {
  return pageOf((await ask("WalletHistory", { id, last: PAGE, before })).ledger);
}

/** @param {string} id @param {import("../parts/pages.js").Page<Entry>} first */
function history(id, first) {
  if (first.rows.length === 0) return null;
  return h("section", { class: "card" }, h("h2", null, t("tab.history")), paged(h("ol", { class: "events" }), first, line, (before) => historyOf(id, before)));
}

/** @param {Entry} entry */
function line({ amount, createdAt, account, transaction }) {
  return h(
    "li",
    { class: "event" },
    h("div", { class: "event-what" }, h("strong", null, kindOf(transaction.kind, amount)), h("small", null, [day(createdAt), transaction.reference].filter(Boolean).join(" · "))),
    h("div", { class: "event-sum" }, h("strong", { class: amount.startsWith("-") ? "minus" : "plus" }, money(amount, account.asset, { signed: true }))),
  );
}

/** What happened, as the customer sees it. @param {string} kind @param {string} amount */
function kindOf(kind, amount) {
  if (kind === "ADJUSTMENT") return t(amount.startsWith("-") ? "wallet.removed" : "wallet.added");
  return tOr(`kind.${kind}`, kind);
}
