// A customer's statement in one asset, on the screen as it is printed.
import { ask, rows } from "../api.js";
import { h, put } from "../dom.js";
import { icon } from "../icons.js";
import { reasonLabels } from "../parts/choices.js";
import { field, select, wrongDate } from "../parts/fields.js";
import { empty, region } from "../parts/states.js";
import { viewer } from "../session.js";
import { assetName, calendarDay, day, dayBegins, dayEnds, daysAfter, money, t, today, tOr } from "../text.js";

/** @typedef {import("./customer.js").Customer} Customer */
/** @typedef {NonNullable<import("../api.js").Data<"Statement">["statement"]>} Statement */
/** @typedef {Statement["entries"]["edges"][number]["node"]} Entry */
/** @typedef {{asset: string, from: string, to: string}} Period */

/** A statement is for reading: longer ones are files (docs/reporting.md). */
const MAX_ENTRIES = 2_000;
const SHOWN_DAYS = 90;

/** What was chosen of whose statement: it stays so while the profile is drawn anew. @type {{of: string, period: Period} | null} */
let chosen = null;

/** @param {Customer} customer */
export function statementPage(customer) {
  const assets = (customer.balances ?? []).map(({ asset }) => asset);
  if (assets.length === 0) return empty(t("balance.none"), t("balance.none.advice"));
  const paper = h("div", null);
  const first = chosen?.of === customer.id ? chosen.period : { asset: assets[0] ?? "", from: daysAfter(today(), -SHOWN_DAYS), to: today() };
  const asset = select(assets.map((value) => ({ value, label: assetName(value) })), first.asset, { onchange: () => draw() });
  const from = h("input", { type: "date", max: today(), value: first.from, onchange: () => draw() });
  const to = h("input", { type: "date", max: today(), value: first.to, onchange: () => draw() });
  const begin = field(t("period.from"), from);
  const last = field(t("period.to"), to);
  function draw() {
    const period = { asset: asset.value, from: from.value, to: to.value || today() };
    chosen = { of: customer.id, period };
    const late = period.from !== "" && period.to < period.from;
    const [wrongFrom, wrongTo] = [wrongDate(from), wrongDate(to) ?? (late ? t("period.wrong") : null)];
    begin.tell(wrongFrom);
    last.tell(wrongTo);
    put(paper, wrongFrom || wrongTo ? [] : region(() => read(customer.id, period), (found) => statement(customer, period, found), 8));
  }
  draw();
  const print_ = h("button", { type: "button", class: "primary", onclick: () => print() }, icon("print"), t("print"));
  return [h("div", { class: "filters" }, field(t("asset"), asset).root, begin.root, last.root, print_), paper];
}

/** @param {string} customerId @param {Period} period */
async function read(customerId, { asset, from, to }) {
  const variables = { customerId, asset, from: from ? dayBegins(from) : null, to: to >= today() ? null : dayEnds(to) };
  const reasons = await reasonLabels();
  /** @type {Entry[]} */
  const entries = [];
  for (let after = /** @type {string | null} */ (null); ; ) {
    const { statement: page } = await ask("Statement", { ...variables, after });
    if (!page) return null;
    entries.push(...rows(page.entries));
    const { hasNextPage, endCursor } = page.entries.pageInfo;
    if (!hasNextPage || entries.length >= MAX_ENTRIES) return { ...page, entries, reasons, whole: !hasNextPage };
    after = endCursor;
  }
}

/**
 * @param {Customer} customer
 * @param {Period} period
 * @param {Awaited<ReturnType<typeof read>>} found
 */
function statement(customer, { asset, from, to }, found) {
  if (!found) return empty(t("statement.none"));
  const { openingBalance, closingBalance, held, entries, reasons, whole } = found;
  const since = from ? calendarDay(from) : t("statement.begin");
  const heads = [t("statement.day"), t("statement.what"), t("amount"), t("balance")];
  return h(
    "article",
    { class: "card paper" },
    h("header", { class: "paper-head" }, h("p", null, viewer.value?.tenant.name ?? ""), h("h2", null, t("statement.of", { asset: assetName(asset) })), h("p", null, `${customer.name} · ${customer.externalId}`), h("p", null, t("statement.period", { from: since, to: calendarDay(to) }))),
    h(
      "table",
      { class: "lines" },
      h("thead", null, h("tr", null, heads.map((each, index) => h("th", { scope: "col", class: index > 1 ? "sum" : "" }, each)))),
      h(
        "tbody",
        null,
        sumRow(since, t("statement.opening"), openingBalance, asset),
        entries.map((entry) => entryRow(entry, asset, reasons)),
        sumRow(calendarDay(to), t("statement.closing"), closingBalance, asset),
      ),
    ),
    /[1-9]/.test(held) && h("p", { class: "hint" }, t("balance.held", { amount: money(held, asset) })),
    !whole && h("p", { class: "notice warn" }, t("statement.long", { n: MAX_ENTRIES })),
    h("p", { class: "hint" }, t("statement.made", { day: calendarDay(today()) })),
  );
}

/** @param {string} date @param {string} what @param {string} balance @param {string} asset */
function sumRow(date, what, balance, asset) {
  return h("tr", { class: "total" }, h("td", null, date), h("th", { scope: "row" }, what), h("td", null), h("td", { class: "sum" }, money(balance, asset)));
}

/** @param {Entry} entry @param {string} asset @param {ReadonlyMap<string, string>} reasons */
function entryRow({ amount, balanceAfter, createdAt, transaction }, asset, reasons) {
  const { kind, reason, reference } = transaction;
  const what = reason === null ? tOr(`kind.${kind}`, kind) : (reasons.get(reason) ?? reason);
  return h("tr", null, h("td", null, day(createdAt)), h("td", null, what, reference && h("small", null, ` ${reference}`)), h("td", { class: "sum" }, money(amount, asset, { signed: true })), h("td", { class: "sum" }, money(balanceAfter, asset)));
}
