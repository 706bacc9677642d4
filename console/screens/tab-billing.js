// Billing: credit to set against invoices, and the invoices.
import { ask } from "../api.js";
import { units } from "../decimals.js";
import { h } from "../dom.js";
import { reasonLabels } from "../parts/choices.js";
import { later } from "../parts/later.js";
import { paged, pageOf } from "../parts/pages.js";
import { badge, empty, region } from "../parts/states.js";
import { may } from "../session.js";
import { assetName, calendarDay, money, t, today } from "../text.js";
import { openAdjust } from "./adjust.js";
import { moneyOf } from "./customer.js";
import { openInvoice } from "./invoice.js";
import { lotList, lotsOf } from "./lots.js";

/** @typedef {import("./customer.js").Customer} Customer */
/** @typedef {NonNullable<import("../api.js").Data<"Billing">["invoices"]>["edges"][number]["node"]} Invoice */

const PAGE = 50;

/** @param {Customer} customer */
export function billingTab(customer) {
  const accounts = moneyOf(customer);
  const lots = accounts.flatMap((account) => lotsOf(account.credits).rows.map((lot) => ({ lot, asset: account.asset })));
  const assignable = lots.filter(({ lot }) => lot.status === "OPEN");
  return [
    h(
      "section",
      { class: "card" },
      h(
        "header",
        { class: "card-head" },
        h("h2", null, t("billing.credits")),
        h(
          "div",
          { class: "actions" },
          may("ASSIGN") && assignable.length > 0 && h("button", { type: "button", class: "small", "data-key": "assign", onclick: () => later(() => import("./assign.js"), ({ openAssign }) => openAssign(customer, assignable)) }, t("assign")),
          may("ADD_CREDIT") &&
            h("button", { type: "button", class: "small", "data-key": "add-credit", onclick: () => openAdjust([customer], { dated: true, ...(accounts[0] ? { asset: accounts[0].asset } : {}) }) }, t("billing.add")),
        ),
      ),
      lots.length === 0
        ? h("p", { class: "hint" }, t("billing.credits.none"))
        : region(
            reasonLabels,
            (reasons) => accounts.map((account) => [accounts.length > 1 && h("h3", null, assetName(account.asset)), ...lotList(account, reasons)]).flat(),
            3,
          ),
    ),
    region(() => invoicesOf(customer.id, null), (first) => invoiceCard(customer.id, first), 5),
  ];
}

/** @param {string} customerId @param {string | null} before */
async function invoicesOf(customerId, before) {
  return pageOf((await ask("Billing", { customerId, last: PAGE, before })).invoices);
}

/**
 * @param {string} customerId
 * @param {import("../parts/pages.js").Page<Invoice>} first
 */
function invoiceCard(customerId, first) {
  if (first.rows.length === 0) return empty(t("invoices.none"));
  const heads = [t("invoice"), t("invoice.issued"), t("invoice.total"), t("invoice.due"), t("invoice.status")];
  const [lines, foot] = paged(h("tbody", null), first, invoiceRow, (before) => invoicesOf(customerId, before));
  return h(
    "section",
    { class: "card" },
    h("h2", null, t("invoices")),
    h(
      "table",
      { class: "lines" },
      h("thead", null, h("tr", null, heads.map((each, index) => h("th", { scope: "col", class: index === 2 || index === 3 ? "sum" : "" }, each)))),
      lines,
    ),
    foot,
  );
}

/** @param {Invoice} invoice */
function invoiceRow(invoice) {
  const { number, issuedOn, dueOn, total, due, currency, status, credited } = invoice;
  const late = units(due) > 0n && dueOn !== null && dueOn < today();
  return h(
    "tr",
    null,
    h("th", { scope: "row" }, h("button", { type: "button", class: "as-link", "data-key": `invoice-${invoice.id}`, onclick: () => openInvoice(invoice.id) }, number), invoice.kind === "ORDER" && h("small", null, ` ${t("order")}`)),
    h("td", null, calendarDay(issuedOn), dueOn && h("small", { class: late ? "late" : "" }, ` ${t("invoice.dueon", { day: calendarDay(dueOn) })}`)),
    h("td", { class: "sum" }, money(total, currency), units(credited) > 0n && h("small", null, ` ${t("invoice.credited", { amount: money(credited, currency) })}`)),
    // On a phone there is no heading.
    h("td", { class: "sum", "data-label": t("invoice.due") }, status === "VOID" ? "–" : money(due, currency)),
    h("td", null, badge(t(`invoice.${status}`), status === "PAID" ? "good" : status === "VOID" ? "plain" : "warn")),
  );
}
