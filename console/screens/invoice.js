// An invoice or order: its lines, what paid it, what was taken back of it, and what can be done with it.
import { ask, newKey } from "../api.js";
import { units } from "../decimals.js";
import { h } from "../dom.js";
import { fact, facts } from "../parts/facts.js";
import { later } from "../parts/later.js";
import { paged, pageFrom } from "../parts/pages.js";
import { Sheet } from "../parts/sheet.js";
import { badge, empty, fill } from "../parts/states.js";
import { pathTo } from "../router.js";
import { may } from "../session.js";
import { calendarDay, day, money, t } from "../text.js";

/** @typedef {NonNullable<import("../api.js").Data<"InvoiceDetail">["invoice"]>} Invoice */
/** Those of a payment and of a credit note. @typedef {{pay: string, note: string}} Keys */
/**
 * Where a step is shown: back to the invoice, and again once it has changed. Back, it may not be known what became of
 * what was sent: its key stays until an answer comes.
 * @typedef {{sheet: Sheet, invoice: Invoice, keys: Keys, back: () => Promise<void>, again: (answered?: keyof Keys) => Promise<void>}} Within
 */
/** @typedef {Invoice["payments"]["edges"][number]["node"]} Payment */
/** @typedef {Invoice["assignments"]["edges"][number]["node"]} Assignment */
/** @typedef {Invoice["creditNotes"]["edges"][number]["node"]} Note */
/** @typedef {NonNullable<Invoice["lines"]>["edges"][number]["node"]} Line */

const paying = () => import("./payment.js");
const noting = () => import("./note.js");

/** @param {string} id */
export async function openInvoice(id) {
  const sheet = new Sheet(t("invoice"), { wide: true });
  await show(sheet, id);
}

/** @param {Sheet} sheet @param {string} id @param {Keys} [keys] */
async function show(sheet, id, keys = { pay: newKey(), note: newKey() }) {
  sheet.back = null;
  sheet.submit = () => {};
  await fill(
    sheet,
    6,
    () => ask("InvoiceDetail", { id }),
    ({ invoice }) => {
      if (invoice) detail(sheet, invoice, keys);
      else sheet.show([empty(t("invoice.none"))], []);
    },
  );
}

/** @param {Sheet} sheet @param {Invoice} invoice @param {Keys} keys */
function detail(sheet, invoice, keys) {
  const { id, number, currency, status, kind, paid, noted } = invoice;
  const within = {
    sheet,
    invoice,
    keys,
    back: () => show(sheet, id, keys),
    /** @param {keyof Keys} [answered] The key that is used up. The other stays: what it was sent with may have come. */
    again: (answered) => show(sheet, id, answered ? { ...keys, [answered]: newKey() } : keys),
  };
  const open = status === "OPEN" || status === "PART_PAID";
  const notable = status !== "VOID" && units(invoice.creditable) > units(noted);
  const notes = pageFrom(invoice.creditNotes);
  // What was paid or noted is voided first, one by one.
  const bare = units(paid) === 0n && units(noted) === 0n && pageFrom(invoice.payments).rows.every(({ voidedAt }) => voidedAt !== null);
  sheet.heading.textContent = t(kind === "ORDER" ? "order.title" : "invoice.title", { number });
  sheet.show(
    [
      summary(within),
      h("h3", null, t("invoice.lines")),
      list(pageFrom(invoice.lines), (line) => lineOf(line, currency), async (after) => pageFrom((await ask("InvoiceLines", { id, after })).invoice?.lines)),
      h("h3", null, t("invoice.paid")),
      paidBy(within),
      notes.rows.length > 0 && h("h3", null, t("notes")),
      notes.rows.length > 0 && list(notes, (each) => noteLine(within, each), async (after) => pageFrom((await ask("InvoiceNotes", { id, after })).invoice?.creditNotes)),
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

/**
 * @template T
 * @param {import("../parts/pages.js").Page<T>} first
 * @param {(row: T) => HTMLElement} line
 * @param {(after: string | null) => Promise<import("../parts/pages.js").Page<T>>} page
 */
function list(first, line, page) {
  return paged(h("ul", { class: "assigned" }), first, line, page);
}

/** @param {Line} line @param {string} currency */
function lineOf({ description, units: quantity, unitPrice, amount }, currency) {
  return h("li", null, h("span", null, description, h("small", null, t("invoice.line", { n: Number(quantity), price: money(unitPrice, currency) }))), h("strong", null, money(amount, currency)));
}

/** @param {Within} within */
function paidBy(within) {
  const { id } = within.invoice;
  const payments = pageFrom(within.invoice.payments);
  const assigned = pageFrom(within.invoice.assignments);
  if (payments.rows.length + assigned.rows.length === 0) return h("p", { class: "hint" }, t("invoice.unpaid"));
  return [
    payments.rows.length > 0 && list(payments, (each) => paymentLine(within, each), async (after) => pageFrom((await ask("InvoicePayments", { id, after })).invoice?.payments)),
    assigned.rows.length > 0 && list(assigned, (each) => assignedLine(within, each), async (after) => pageFrom((await ask("InvoiceAssignments", { id, after })).invoice?.assignments)),
  ].flat();
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
    if (credit) void later(() => import("./credit.js"), ({ openCredit }) => openCredit(credit.id, currency));
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
