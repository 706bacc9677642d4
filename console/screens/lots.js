// The credits of an account, a line each: what is left of it and until when.
import { ask } from "../api.js";
import { units } from "../decimals.js";
import { h } from "../dom.js";
import { later } from "../parts/later.js";
import { paged, pageFrom } from "../parts/pages.js";
import { badge } from "../parts/states.js";
import { calendarDay, daysLeft, inDays, isMoney, lastDay, money, t, tOr } from "../text.js";

/** @typedef {import("./customer.js").Lot} Lot */

const SOON_DAYS = 30;

/**
 * Those of an account that are left, of each page the soonest expiry first.
 * @param {import("./customer.js").Account} account
 * @param {ReadonlyMap<string, string>} reasons
 */
export function lotList({ id, asset, credits }, reasons) {
  const page = async (/** @type {string | null} */ after) => {
    const { node } = await ask("MoreLots", { id, after });
    return lotsOf(node && "credits" in node ? node.credits : null);
  };
  return paged(h("ul", { class: "lots" }), lotsOf(credits), (lot) => h("li", null, lotLine(lot, asset, reasons)), page);
}

/** @param {import("./customer.js").Account["credits"] | null} credits @returns {import("../parts/pages.js").Page<Lot>} */
export function lotsOf(credits) {
  const page = pageFrom(credits);
  const left = page.rows.filter(({ remaining }) => units(remaining) > 0n);
  return { ...page, rows: left.sort((a, b) => (a.expiresAt ?? "9").localeCompare(b.expiresAt ?? "9")) };
}

/**
 * @param {Lot} lot
 * @param {string} asset
 * @param {ReadonlyMap<string, string>} reasons
 */
function lotLine(lot, asset, reasons) {
  const { amount, remaining, expiresAt, services, status, transaction } = lot;
  const about = [
    transaction && (transaction.reason ? (reasons.get(transaction.reason) ?? transaction.reason) : tOr(`kind.${transaction.kind}`, transaction.kind)),
    services.map(({ name }) => name).join(", "),
    transaction?.reference,
  ].filter(Boolean);
  return h(
    "button",
    { type: "button", class: "lot", "data-key": `lot-${lot.id}`, onclick: () => later(() => import("./credit.js"), ({ openCredit }) => openCredit(lot.id, asset)) },
    h("span", { class: "lot-sum" }, h("strong", null, money(remaining, asset)), remaining !== amount && h("small", null, t("lot.of", { amount: money(amount, asset) }))),
    h("span", { class: "lot-about" }, about.join(" · ")),
    h("span", { class: "lot-term" }, status === "SCHEDULED" ? badge(t("lot.starts", { day: calendarDay(lot.effectiveOn) })) : termOf(expiresAt), isMoney(asset) && !lot.autoApply && badge(t("lot.paused"), "warn")),
  );
}

/** Until when, and how soon that is. @param {string | null} expiresAt */
export function termOf(expiresAt) {
  if (expiresAt === null) return h("small", null, t("expiry.never"));
  const left = daysLeft(expiresAt);
  const until = t("until", { day: lastDay(expiresAt) });
  return left <= SOON_DAYS ? badge(`${until}, ${inDays(left)}`, "warn") : h("small", null, until);
}
