// What the business owes: now or on any day, by month of expiry and by source, and what expires soon.
import { ask } from "../api.js";
import { units } from "../decimals.js";
import { h, put } from "../dom.js";
import { reasonLabels } from "../parts/choices.js";
import { field, wrongDate } from "../parts/fields.js";
import { head } from "../parts/head.js";
import { paged, pageFrom } from "../parts/pages.js";
import { empty, region } from "../parts/states.js";
import { pathTo } from "../router.js";
import { assetName, dayEnds, figure, money, monthName, t, tOr, today } from "../text.js";
import { termOf } from "./lots.js";

/** @typedef {NonNullable<import("../api.js").Data<"Liability">["liability"]>[number]} Owed */
/** @typedef {NonNullable<import("../api.js").Data<"Expiring">["upcomingExpirations"]>["edges"][number]["node"]} Expiring */

const PAGE = 20;

export function liabilityScreen() {
  const list = h("div", null);
  const date = h("input", { type: "date", max: today(), value: today(), onchange: () => draw() });
  const at = () => (date.value === "" || date.value >= today() ? null : dayEnds(date.value));
  const on = field(t("liability.on"), date, { class: "compact" });
  const draw = () => {
    on.tell(wrongDate(date));
    put(list, wrongDate(date) ? [] : region(() => owed(at()), ({ liability, reasons }) => (liability.length ? h("div", { class: "cards" }, liability.map((each) => card(each, reasons))) : empty(t("liability.none"))), 8));
  };
  draw();
  return h("div", { class: "stack" }, head(t("nav.liability")), on.root, list, expiring());
}

/** @param {string | null} at */
async function owed(at) {
  const [{ liability }, reasons] = await Promise.all([ask("Liability", { at }), reasonLabels()]);
  return { liability: liability ?? [], reasons };
}

/** @param {Owed} owed @param {ReadonlyMap<string, string>} reasons */
function card(owed, reasons) {
  const { asset, outstanding, scheduled, held, accounts } = owed;
  const months = owed.byExpiryMonth.map(({ month, outstanding: sum }) => ({ label: month === null ? t("expiry.never") : monthName(month), sum }));
  const sources = owed.bySource.map(({ kind, reason, outstanding: sum }) => ({ label: reason === null ? tOr(`kind.${kind}`, kind) : (reasons.get(reason) ?? reason), sum }));
  return h(
    "section",
    { class: "card", "aria-label": assetName(asset) },
    h("h2", null, assetName(asset)),
    h("p", { class: "big" }, figure(outstanding, asset)),
    h("p", { class: "hint" }, [t("liability.accounts", { n: accounts }), units(scheduled) > 0n && t("balance.scheduled", { amount: money(scheduled, asset) }), units(held) > 0n && t("balance.held", { amount: money(held, asset) })].filter(Boolean).join(" · ")),
    plot(t("liability.months"), months, asset),
    plot(t("liability.sources"), sources, asset),
  );
}

/**
 * Bars beside their figures: a table, so that it is read as well as seen.
 * @param {string} title
 * @param {readonly {label: string, sum: string}[]} bars
 * @param {string} asset
 */
function plot(title, bars, asset) {
  const shown = bars.filter(({ sum }) => units(sum) !== 0n);
  if (shown.length === 0) return null;
  const most = Math.max(...shown.map(({ sum }) => Math.abs(Number(sum))));
  return h(
    "table",
    { class: "plot" },
    h("caption", null, title),
    h(
      "tbody",
      null,
      shown.map(({ label, sum }) => {
        const bar = h("span", { class: "plot-bar" });
        bar.style.inlineSize = `${(100 * Math.abs(Number(sum))) / most}%`;
        return h("tr", null, h("th", { scope: "row" }, label), h("td", { class: "plot-line" }, bar), h("td", { class: "sum" }, figure(sum, asset)));
      }),
    ),
  );
}

function expiring() {
  const page = async (/** @type {string | null} */ after) => pageFrom((await ask("Expiring", { first: PAGE, after })).upcomingExpirations);
  return region(
    () => page(null),
    (first) => (first.rows.length === 0 ? empty(t("expiring.none")) : h("section", { class: "card" }, h("h2", null, t("expiring")), paged(h("ul", { class: "expiring" }), first, expiringLine, page))),
    4,
  );
}

/** @param {Expiring} credit */
function expiringLine({ remaining, expiresAt, account }) {
  return h(
    "li",
    null,
    account?.customer ? h("a", { href: pathTo("customers", account.customer.id) }, account.customer.name) : h("span", null, "–"),
    h("strong", null, account ? money(remaining, account.asset) : remaining),
    h("span", null, termOf(expiresAt)),
  );
}
