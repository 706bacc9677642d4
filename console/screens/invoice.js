// An invoice or order: its lines, what paid it, and paying: part cash, part credit, and taken back again.
import { ask, newKey, rows } from "../api.js";
import { typedAmount, units } from "../decimals.js";
import { booksChanged, h, put } from "../dom.js";
import { icon } from "../icons.js";
import { field, select } from "../parts/fields.js";
import { place as placeRefusals, refused } from "../parts/refusals.js";
import { busy, Sheet, submitButton } from "../parts/sheet.js";
import { badge, empty, failed, skeleton, tell, words } from "../parts/states.js";
import { may } from "../session.js";
import { calendarDay, day, money, placesOf, t, today } from "../text.js";
import { isLost } from "./adjust.js";

/** @typedef {NonNullable<import("../api.js").Data<"InvoiceDetail">["invoice"]>} Invoice */
/** @typedef {import("../api.js").Variables<"Pay">["input"]["method"]} Method */

const METHODS = /** @type {const} */ (["CARD", "CASH", "TRANSFER", "CHECK", "ACCOUNT_CREDIT", "OTHER"]);

/** @param {string} id */
export async function openInvoice(id) {
  const sheet = new Sheet(t("invoice"), { wide: true });
  await show(sheet, id);
}

/** @param {Sheet} sheet @param {string} id */
async function show(sheet, id) {
  sheet.back = null;
  sheet.show([skeleton(6)], []);
  try {
    const { invoice } = await ask("InvoiceDetail", { id });
    if (invoice) detail(sheet, invoice);
    else sheet.show([empty(t("invoice.none"))], []);
  } catch (error) {
    sheet.show([failed(error, () => show(sheet, id))], []);
  }
}

/** @param {Sheet} sheet @param {Invoice} invoice */
function detail(sheet, invoice) {
  const { number, currency, status, total, due, issuedOn, dueOn, customer } = invoice;
  sheet.heading.textContent = t(invoice.kind === "ORDER" ? "order.title" : "invoice.title", { number });
  const open = status === "OPEN" || status === "PART_PAID";
  const paid = rows(invoice.payments);
  const assigned = rows(invoice.assignments);
  sheet.show(
    [
      h(
        "dl",
        { class: "facts" },
        customer && fact(t("invoice.customer"), customer.name),
        fact(t("invoice.issued"), calendarDay(issuedOn), dueOn && h("small", null, t("invoice.dueon", { day: calendarDay(dueOn) }))),
        fact(t("invoice.status"), badge(t(`invoice.${status}`), status === "PAID" ? "good" : status === "VOID" ? "plain" : "warn")),
        fact(t("invoice.total"), money(total, currency)),
        fact(t("invoice.due"), h("strong", null, money(due, currency))),
      ),
      h("h3", null, t("invoice.lines")),
      h("ul", { class: "assigned" }, rows(invoice.lines).map((line) => h("li", null, h("span", null, line.description, h("small", null, t("invoice.line", { n: Number(line.quantityDecimal), price: money(line.unitPrice, currency) }))), h("strong", null, money(line.amount, currency))))),
      h("h3", null, t("invoice.paid")),
      paid.length + assigned.length === 0 && h("p", { class: "hint" }, t("invoice.unpaid")),
      h("ul", { class: "assigned" }, [
        ...paid.map((payment) =>
          h(
            "li",
            null,
            h("span", null, h("strong", null, money(payment.amount, currency)), ` ${t(`method.${payment.method}`)}`, h("small", null, calendarDay(payment.receivedOn), payment.voidedAt && `, ${t("payment.voided", { day: day(payment.voidedAt) })}`)),
            payment.voidedAt === null && may("VOID_PAYMENT") && h("button", { type: "button", class: "small", onclick: () => voiding(sheet, invoice, payment) }, t("payment.void")),
          ),
        ),
        ...assigned.map((each) => h("li", null, h("span", null, h("strong", null, money(each.amount, currency)), ` ${t("invoice.assigned")}`, h("small", null, `${t(`origin.${each.origin}`)}, ${day(each.assignedAt)}`, each.releasedAt && `, ${t("credit.released", { day: day(each.releasedAt) })}`)))),
      ]),
    ],
    [may("WRITE_PAYMENTS") && open && h("button", { type: "button", class: "primary", onclick: () => new Paying(sheet, invoice).show() }, t("pay"))],
  );
}

/** @param {string} name @param {...import("../dom.js").Child} what */
function fact(name, ...what) {
  return h("div", null, h("dt", null, name), h("dd", null, what));
}

class Paying {
  /** @param {Sheet} sheet @param {Invoice} invoice */
  constructor(sheet, invoice) {
    this.sheet = sheet;
    this.invoice = invoice;
    this.key = newKey();
    const { currency, due, customer } = invoice;
    const available = customer?.balances?.find(({ asset }) => asset === currency)?.available ?? "0";
    const offered = METHODS.filter((method) => method !== "ACCOUNT_CREDIT" || (may("PAY_WITH_CREDIT") && units(available) > 0n));
    this.method = select(offered.map((value) => ({ value, label: value === "ACCOUNT_CREDIT" ? t("method.credit.of", { amount: money(available, currency) }) : t(`method.${value}`) })), "CARD");
    this.amount = h("input", { type: "text", inputmode: "decimal", autocomplete: "off", class: "amount", autofocus: true, value: due });
    this.on = h("input", { type: "date", max: today(), value: today() });
    this.fields = { amount: field(t("amount"), this.amount, { hint: t("pay.due", { due: money(due, currency) }) }), method: field(t("pay.method"), this.method), receivedOn: field(t("pay.on"), this.on) };
    this.problem = h("div", { role: "alert" });
  }

  show() {
    const { sheet } = this;
    sheet.back = () => detail(sheet, this.invoice);
    sheet.submit = () => void this.#send();
    sheet.show(
      [this.fields.amount.root, this.fields.method.root, this.fields.receivedOn.root, this.problem],
      [h("button", { type: "button", onclick: () => detail(sheet, this.invoice) }, t("back")), submitButton(t("pay"))],
    );
    this.amount.select();
  }

  async #send() {
    put(this.problem, []);
    const { currency, id } = this.invoice;
    const amount = typedAmount(this.amount.value, placesOf(currency));
    if (amount === null || amount === "unclear" || amount === "precise") {
      this.fields.amount.tell(t("amount.wrong"));
      this.amount.focus();
      return;
    }
    const input = { invoiceId: id, amount, method: /** @type {Method} */ (this.method.value), receivedOn: this.on.value || null, idempotencyKey: this.key };
    try {
      const { recordPayment: payload } = await busy(this.sheet, () => ask("Pay", { input }));
      if (!payload) return;
      const others = placeRefusals(payload.userErrors, currency, this.fields);
      put(this.problem, others.map((text) => h("p", { class: "notice bad" }, icon("warning"), text)));
      if (payload.userErrors.length) return;
      const granted = rows(payload.invoice?.granted).map((credit) => money(credit.amount, currency));
      const said = [payload.replayed && t("done.already"), t("pay.done", { amount: money(amount, currency), due: money(payload.invoice?.due ?? "0", currency) }), granted.length > 0 && t("pay.granted", { amount: granted.join(", ") })];
      tell(said.filter(Boolean).join(" "));
      booksChanged();
      await show(this.sheet, id);
    } catch (error) {
      put(this.problem, h("p", { class: "notice bad" }, icon("warning"), isLost(error) ? t("problem.lost.safe") : words(error)));
    }
  }
}

/**
 * @param {Sheet} sheet
 * @param {Invoice} invoice
 * @param {{id: string, amount: string, method: Method}} payment
 */
function voiding(sheet, invoice, payment) {
  const key = newKey();
  const note = h("textarea", { rows: 2, autofocus: true });
  const problem = h("div", { role: "alert" });
  const back = () => detail(sheet, invoice);
  sheet.back = back;
  sheet.submit = async () => {
    put(problem, []);
    try {
      const input = { paymentId: payment.id, note: note.value.trim() || null, idempotencyKey: key };
      const { voidPayment: payload } = await busy(sheet, () => ask("VoidPayment", { input }));
      if (!payload) return;
      put(problem, payload.userErrors.map((each) => h("p", { class: "notice bad" }, refused(each, invoice.currency))));
      if (payload.userErrors.length) return;
      tell(payload.replayed ? t("done.already") : t("payment.void.done", { amount: money(payment.amount, invoice.currency) }));
      booksChanged();
      await show(sheet, invoice.id);
    } catch (error) {
      put(problem, h("p", { class: "notice bad" }, icon("warning"), isLost(error) ? t("problem.lost.safe") : words(error)));
    }
  };
  sheet.show(
    [h("p", { class: "review-what" }, t("payment.void.what", { amount: money(payment.amount, invoice.currency), method: t(`method.${payment.method}`) })), field(t("note"), note, { hint: t("note.hint") }).root, problem],
    [h("button", { type: "button", onclick: back }, t("back")), submitButton(t("payment.void"), { bad: true })],
  );
}
