// An invoice or order: its lines, what paid it, what was taken back of it, and what can be done with it.
import { ask, rows } from "../api.js";
import { units } from "../decimals.js";
import { h } from "../dom.js";
import { fact, facts } from "../parts/facts.js";
import { later } from "../parts/later.js";
import { Sheet } from "../parts/sheet.js";
import { badge, empty, fill } from "../parts/states.js";
import { pathTo } from "../router.js";
import { may } from "../session.js";
import { calendarDay, day, money, t } from "../text.js";
import { openCredit } from "./credit.js";

/** @typedef {NonNullable<import("../api.js").Data<"InvoiceDetail">["invoice"]>} Invoice */
/**
 * Where a step is shown: back to the invoice as it was, and again once it has changed.
 * @typedef {{sheet: Sheet, invoice: Invoice, back: () => void, again: () => Promise<void>}} Within
 */
/** @typedef {ReturnType<typeof rows<Invoice["payments"]["edges"][number]["node"]>>[number]} Payment */
/** @typedef {ReturnType<typeof rows<Invoice["assignments"]["edges"][number]["node"]>>[number]} Assignment */
/** @typedef {ReturnType<typeof rows<Invoice["creditNotes"]["edges"][number]["node"]>>[number]} Note */

const paying = () => import("./payment.js");
const noting = () => import("./note.js");

/** @param {string} id */
export async function openInvoice(id) {
  const sheet = new Sheet(t("invoice"), { wide: true });
  await show(sheet, id);
}

/** @param {Sheet} sheet @param {string} id */
async function show(sheet, id) {
  sheet.back = null;
  await fill(
    sheet,
    6,
    () => ask("InvoiceDetail", { id }),
    ({ invoice }) => {
      if (invoice) detail(sheet, invoice);
      else sheet.show([empty(t("invoice.none"))], []);
    },
  );
}

/** @param {Sheet} sheet @param {Invoice} invoice */
function detail(sheet, invoice) {
  const { id, number, currency, status, kind } = invoice;
  const within = { sheet, invoice, back: () => detail(sheet, invoice), again: () => show(sheet, id) };
  const open = status === "OPEN" || status === "PART_PAID";
  const notable = status !== "VOID" && units(invoice.creditable) > units(invoice.noted);
  const notes = rows(invoice.creditNotes);
  // What was paid or noted is voided first, one by one.
  const bare = rows(invoice.payments).every(({ voidedAt }) => voidedAt !== null) && notes.every(({ voidedAt }) => voidedAt !== null);
  sheet.heading.textContent = t(kind === "ORDER" ? "order.title" : "invoice.title", { number });
  sheet.back = null;
  sheet.submit = () => {};
  sheet.show(
    [
      summary(within),
      h("h3", null, t("invoice.lines")),
      h("ul", { class: "assigned" }, rows(invoice.lines).map((line) => h("li", null, h("span", null, line.description, h("small", null, t("invoice.line", { n: Number(line.units), price: money(line.unitPrice, currency) }))), h("strong", null, money(line.amount, currency))))),
      invoice.lines?.pageInfo.hasNextPage && h("p", { class: "hint" }, t("invoice.lines.more", { n: rows(invoice.lines).length })),
      h("h3", null, t("invoice.paid")),
      paidBy(within),
      notes.length > 0 && h("h3", null, t("notes")),
      notes.length > 0 && h("ul", { class: "assigned" }, notes.map((each) => noteLine(within, each))),
    ],
    [
      may("VOID_INVOICE") && status !== "VOID" && bare && h("button", { type: "button", class: "bad", onclick: () => later(paying, ({ voidInvoice }) => voidInvoice(within)) }, t("invoice.void")),
      may("CREATE_CREDIT_NOTE") && notable && h("button", { type: "button", onclick: () => later(noting, ({ createNote }) => createNote(within)) }, t("note.new")),
      may("WRITE_PAYMENTS") && open && h("button", { type: "button", class: "primary", onclick: () => later(paying, ({ pay }) => pay(within)) }, t("pay")),
    ],
  );
}

/** @param {Within} within */
function summary({ sheet, invoice }) {
  const { currency, status, total, noted, due, issuedOn, dueOn, customer, reference } = invoice;
  return facts(
    customer && fact(t("invoice.customer"), h("a", { href: pathTo("customers", customer.id), onclick: () => sheet.close() }, customer.name)),
    fact(t("invoice.issued"), calendarDay(issuedOn), dueOn && h("small", null, t("invoice.dueon", { day: calendarDay(dueOn) }))),
    reference && fact(t("reference"), reference),
    fact(t("invoice.status"), badge(t(`invoice.${status}`), status === "PAID" ? "good" : status === "VOID" ? "plain" : "warn")),
    fact(t("invoice.total"), money(total, currency), units(noted) > 0n && h("small", null, t("invoice.noted", { amount: money(noted, currency) }))),
    fact(t("invoice.due"), h("strong", null, money(due, currency))),
  );
}

/** @param {Within} within */
function paidBy(within) {
  const { invoice } = within;
  const payments = rows(invoice.payments);
  const assigned = rows(invoice.assignments);
  if (payments.length + assigned.length === 0) return h("p", { class: "hint" }, t("invoice.unpaid"));
  return h("ul", { class: "assigned" }, [...payments.map((payment) => paymentLine(within, payment)), ...assigned.map((each) => assignedLine(within, each))]);
}

/** @param {Within} within @param {Payment} payment */
function paymentLine(within, payment) {
  const { currency } = within.invoice;
  const { amount, method, kept, receivedOn, voidedAt } = payment;
  return h(
    "li",
    null,
    h(
      "span",
      null,
      h("strong", null, money(amount, currency)),
      ` ${t(`method.${method}`)}`,
      h("small", null, [calendarDay(receivedOn), units(kept) > 0n && t("payment.kept", { amount: money(kept, currency) }), voidedAt && t("payment.voided", { day: day(voidedAt) })].filter(Boolean).join(", ")),
    ),
    voidedAt === null && may("VOID_PAYMENT") && h("button", { type: "button", class: "small", "aria-label": t("payment.void.of", { amount: money(amount, currency) }), onclick: () => later(paying, ({ voidPayment }) => voidPayment(within, payment)) }, t("payment.void")),
  );
}

/** @param {Within} within @param {Assignment} assignment */
function assignedLine({ sheet, invoice }, { amount, origin, assignedAt, releasedAt, credit }) {
  const { currency } = invoice;
  const see = () => {
    sheet.close();
    if (credit) void openCredit(credit.id, currency);
  };
  return h(
    "li",
    null,
    h("span", null, h("strong", null, money(amount, currency)), ` ${t("invoice.assigned")}`, h("small", null, `${t(`origin.${origin}`)}, ${day(assignedAt)}`, releasedAt && `, ${t("credit.released", { day: day(releasedAt) })}`)),
    credit && h("button", { type: "button", class: "small", "aria-label": t("invoice.credit.of", { amount: money(amount, currency) }), onclick: see }, t("invoice.credit")),
  );
}

/** @param {Within} within @param {Note} note */
function noteLine(within, note) {
  const { currency } = within.invoice;
  const { amount, lowered, givenBack, createdAt, voidedAt, transaction } = note;
  const about = [day(createdAt), units(lowered) > 0n && t("note.lowered", { amount: money(lowered, currency) }), units(givenBack) > 0n && t("note.given", { amount: money(givenBack, currency) }), voidedAt && t("payment.voided", { day: day(voidedAt) })];
  return h(
    "li",
    null,
    h("span", null, h("strong", null, money(amount, currency)), transaction?.note && ` ${transaction.note}`, h("small", null, about.filter(Boolean).join(", "))),
    voidedAt === null && may("VOID_CREDIT_NOTE") && h("button", { type: "button", class: "small", "aria-label": t("note.void.of", { amount: money(amount, currency) }), onclick: () => later(noting, ({ voidNote }) => voidNote(within, note)) }, t("note.void")),
  );
}
