// Setting a credit against invoices: ticked, with an amount each and what is left of the credit running beside it.
import { ask, newKey, rows } from "../api.js";
import { decimal, typedAmount, units } from "../decimals.js";
import { booksChanged, h, put } from "../dom.js";
import { icon } from "../icons.js";
import { field, select } from "../parts/fields.js";
import { refused } from "../parts/refusals.js";
import { busy, Sheet, submitButton } from "../parts/sheet.js";
import { empty, failed, skeleton, tell, words } from "../parts/states.js";
import { calendarDay, lastDay, money, placesOf, t } from "../text.js";
import { isLost } from "./adjust.js";

/** @typedef {{lot: {id: string, remaining: string, expiresAt: string | null}, asset: string}} Assignable */
/** @typedef {NonNullable<import("../api.js").Data<"OpenInvoices">["invoices"]>["edges"][number]["node"]} Invoice */
/** @typedef {{invoice: Invoice, box: HTMLInputElement, input: HTMLInputElement, tell: (wrong: string | null) => void, root: HTMLElement}} Line */

/**
 * @param {{id: string, name: string}} customer
 * @param {readonly Assignable[]} credits One of them is assigned.
 */
export async function openAssign(customer, credits) {
  const sheet = new Sheet(t("assign.title", { name: customer.name }), { wide: true });
  const start = async () => {
    sheet.show([skeleton(5)], []);
    try {
      const { invoices } = await ask("OpenInvoices", { customerId: customer.id });
      new Assigning(sheet, credits, rows(invoices)).show();
    } catch (error) {
      sheet.show([failed(error, start)], []);
    }
  };
  await start();
}

class Assigning {
  /**
   * @param {Sheet} sheet
   * @param {readonly Assignable[]} credits
   * @param {Invoice[]} invoices
   */
  constructor(sheet, credits, invoices) {
    this.sheet = sheet;
    this.credits = credits;
    this.invoices = invoices;
    this.key = newKey();
    this.credit = /** @type {Assignable} */ (credits[0]);
    /** @type {Line[]} */
    this.lines = [];
    this.list = h("ul", { class: "assign-lines" });
    this.left = h("output", { class: "left" });
    this.problem = h("div", { role: "alert" });
  }

  show() {
    const options = this.credits.map(({ lot, asset }) => ({
      value: lot.id,
      label: lot.expiresAt ? t("assign.credit.until", { amount: money(lot.remaining, asset), day: lastDay(lot.expiresAt) }) : money(lot.remaining, asset),
    }));
    const credit = select(options, this.credit.lot.id, {
      onchange: () => {
        this.credit = this.credits.find(({ lot }) => lot.id === credit.value) ?? this.credit;
        this.#drawLines();
      },
    });
    this.sheet.submit = () => void this.#send();
    this.sheet.show(
      [this.credits.length > 1 && field(t("assign.credit"), credit).root, h("h3", null, t("assign.invoices")), this.list, this.problem],
      [this.left, h("button", { type: "button", onclick: () => this.sheet.close() }, t("cancel")), submitButton(t("assign"))],
    );
    this.#drawLines();
  }

  #drawLines() {
    const { asset } = this.credit;
    this.lines = this.invoices.filter(({ currency }) => currency === asset).map((invoice) => this.#line(invoice));
    put(this.list, this.lines.length ? this.lines.map(({ root }) => root) : h("li", null, empty(t("assign.none"), t("assign.none.advice"))));
    this.#reckon();
  }

  /** @param {Invoice} invoice @returns {Line} */
  #line(invoice) {
    const { number, due, currency, issuedOn, dueOn } = invoice;
    const input = h("input", { type: "text", inputmode: "decimal", autocomplete: "off", size: 9, oninput: () => this.#typed(line) });
    const box = h("input", { type: "checkbox", onchange: () => this.#ticked(line) });
    const shown = field(t("assign.amount", { number }), input, { class: "compact" });
    const about = t("assign.about", { due: money(due, currency), issued: calendarDay(issuedOn) });
    const root = h(
      "li",
      { class: "assign-line" },
      h("label", { class: "tick" }, box, h("span", null, h("strong", null, number), h("small", null, ` ${about}`, dueOn && ` ${t("invoice.dueon", { day: calendarDay(dueOn) })}`))),
      shown.root,
    );
    const line = { invoice, box, input, tell: shown.tell, root };
    return line;
  }

  /** A ticked invoice takes what it is due, as far as the credit goes. @param {Line} line */
  #ticked(line) {
    line.tell(null);
    if (line.box.checked) {
      line.input.value = "";
      const left = this.#left();
      const due = units(line.invoice.due);
      const amount = left < due ? left : due;
      line.input.value = amount > 0n ? decimal(amount, placesOf(this.credit.asset)) : "";
      line.input.focus();
      line.input.select();
    } else line.input.value = "";
    this.#reckon();
  }

  /** @param {Line} line */
  #typed(line) {
    line.box.checked = line.input.value.trim() !== "";
    this.#reckon();
  }

  /** The amount of a line; null if it is blank or none. @param {Line} line */
  #amount(line) {
    const typed = typedAmount(line.input.value, placesOf(this.credit.asset));
    return typed === null || typed === "unclear" || typed === "precise" || typed.startsWith("-") ? null : typed;
  }

  #left() {
    return this.lines.reduce((left, line) => left - units(this.#amount(line) ?? "0"), units(this.credit.lot.remaining));
  }

  #reckon() {
    const left = this.#left();
    const { asset } = this.credit;
    const over = left < 0n;
    put(this.left, over ? t("assign.over", { amount: money(decimal(-left, placesOf(asset)), asset) }) : t("assign.left", { amount: money(decimal(left, placesOf(asset)), asset) }));
    this.left.classList.toggle("late", over);
    for (const line of this.lines) {
      const amount = this.#amount(line);
      const above = amount !== null && units(amount) > units(line.invoice.due);
      line.tell(above ? t("assign.above", { due: money(line.invoice.due, asset) }) : null);
    }
  }

  async #send() {
    put(this.problem, []);
    const chosen = this.lines.filter(({ box }) => box.checked);
    for (const line of chosen) if (this.#amount(line) === null) line.tell(t("amount.wrong"));
    const wrong = this.sheet.body.querySelector("[aria-invalid=true]");
    if (wrong instanceof HTMLElement) wrong.focus();
    if (wrong) return;
    if (chosen.length === 0) {
      put(this.problem, h("p", { class: "notice bad" }, t("assign.choose")));
      return;
    }
    const assignments = chosen.map((line) => ({ invoiceId: line.invoice.id, amount: this.#amount(line) }));
    const input = { creditId: this.credit.lot.id, assignments, idempotencyKey: this.key };
    try {
      const { assignCredit: payload } = await busy(this.sheet, () => ask("Assign", { input }));
      if (!payload) return;
      if (payload.userErrors.length) {
        put(this.problem, payload.userErrors.map((each) => h("p", { class: "notice bad" }, refused(each, this.credit.asset))));
        return;
      }
      const said = t("assign.done", { n: chosen.length, left: money(payload.credit?.remaining ?? "0", this.credit.asset) });
      this.sheet.close();
      tell(payload.replayed ? `${t("done.already")} ${said}` : said);
      booksChanged();
    } catch (error) {
      put(this.problem, h("p", { class: "notice bad" }, icon("warning"), isLost(error) ? t("problem.lost.safe") : words(error)));
    }
  }
}
