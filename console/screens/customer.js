// One customer: what they have, and every way to change it, in five tabs.
import { ask } from "../api.js";
import { units } from "../decimals.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { head } from "../parts/head.js";
import { later } from "../parts/later.js";
import { badge, empty, region } from "../parts/states.js";
import { pathTo } from "../router.js";
import { may } from "../session.js";
import { day, isMoney, locale, t } from "../text.js";
import { openAdjust } from "./adjust.js";
import { balanceTab } from "./tab-balance.js";
import { billingTab } from "./tab-billing.js";
import { historyTab } from "./tab-history.js";
import { membershipTab } from "./tab-membership.js";
import { pointsTab } from "./tab-points.js";
import { openReward } from "./reward.js";

/** @typedef {NonNullable<import("../api.js").Data<"Profile">["customer"]>} Customer */
/** @typedef {NonNullable<Customer["balances"]>[number]} Account */
/** @typedef {NonNullable<Account["credits"]>["edges"][number]["node"]} Lot */

/** within: the tab whose page it is, if it has no tab of its own. */
/** @type {{name: string, label: import("../text.js").Key, right: import("../rights.js").Right, within?: string, content: (customer: Customer) => import("../dom.js").Child | import("../dom.js").Child[]}[]} */
const TABS = [
  { name: "balance", label: "tab.balance", right: "READ_LEDGER", content: balanceTab },
  { name: "membership", label: "tab.membership", right: "READ_CUSTOMERS", content: membershipTab },
  { name: "billing", label: "tab.billing", right: "READ_INVOICES", content: billingTab },
  { name: "points", label: "tab.points", right: "READ_REWARDS", content: pointsTab },
  { name: "history", label: "tab.history", right: "READ_LEDGER", content: historyTab },
  { name: "statement", label: "statement", right: "READ_LEDGER", within: "history", content: (customer) => region(() => import("./statement.js"), ({ statementPage }) => statementPage(customer), 6) },
];

/**
 * @param {string} id
 * @param {string} [tab]
 */
export function customerScreen(id, tab = "balance") {
  const tabs = TABS.filter(({ right }) => may(right));
  const current = tabs.find(({ name }) => name === tab) ?? tabs[0];
  const back = h("a", { class: "back", href: pathTo("customers") }, icon("back"), t("nav.customers"));
  const shown = region(
    () => ask("Profile", { id }),
    ({ customer }) => {
      if (!customer) return empty(t("customer.none"), t("customer.none.advice"));
      // On a phone the tabs are wider than the screen.
      requestAnimationFrame(() => document.querySelector(".tabs [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" }));
      return [
        profileHead(customer),
        h(
          "nav",
          { class: "tabs", "aria-label": t("customer.parts") },
          tabs
            .filter(({ within }) => within === undefined)
            .map(({ name, label }) => h("a", { href: pathTo("customers", id, name), "aria-current": name === (current?.within ?? current?.name) ? "page" : null, "data-key": `tab-${name}` }, t(label))),
        ),
        h("div", { class: "tab" }, current?.content(customer)),
      ];
    },
    8,
  );
  return h("div", null, back, shown);
}

/** @param {Customer} customer */
function profileHead(customer) {
  const tier = customer.balances?.find(({ asset }) => asset === "POINTS")?.tier;
  const about = customer.erasedAt ? t("customer.erased.on", { day: day(customer.erasedAt) }) : [customer.externalId, customer.email, customer.reference].filter(Boolean).join(" · ");
  return h(
    "div",
    { class: "profile-head" },
    h("div", { class: "avatar", "aria-hidden": "true" }, initials(customer.name)),
    h(
      "div",
      { class: "profile-name" },
      head(customer.name, tier && badge(tier.name), customer.membership && badge(t(`member.${customer.membership.status}`), customer.membership.status === "ACTIVE" ? "good" : "plain")),
      h("p", { class: "hint" }, about),
    ),
    h(
      "div",
      { class: "actions" },
      (may("ADD_CREDIT") || may("REMOVE_CREDIT")) &&
        h("button", { type: "button", class: "primary", "data-key": "adjust", onclick: () => openAdjust([customer]) }, icon("adjust"), t("adjust")),
      may("SPEND_CREDIT") && (customer.balances ?? []).some(({ available }) => units(available) > 0n) && h("button", { type: "button", "data-key": "spend", onclick: () => later(() => import("./spend.js"), ({ openSpend }) => openSpend(customer)) }, icon("wallet"), t("spend")),
      may("GIVE_REWARD") && h("button", { type: "button", "data-key": "reward", onclick: () => openReward(customer) }, icon("gift"), t("reward.give")),
    ),
  );
}

/** @param {string} name */
function initials(name) {
  const words = name.trim().split(/\s+/).map((word) => [...word][0]);
  return [words[0], words.length > 1 ? words.at(-1) : ""].join("").toLocaleUpperCase(locale());
}

/** The accounts in money. @param {Customer} customer */
export function moneyOf(customer) {
  return (customer.balances ?? []).filter(({ asset }) => isMoney(asset));
}

/** The account in an asset, if there is one. @param {Customer} customer @param {string} asset */
export function accountOf(customer, asset) {
  return customer.balances?.find((each) => each.asset === asset) ?? null;
}
