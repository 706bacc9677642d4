// Setting a credit against invoices: ticked, with an amount each and what is left of the credit running beside it. Also what
// is set against one invoice already, moved to others.
import { ask } from "../api.js";
import { decimal, units } from "../decimals.js";
import { h, put } from "../dom.js";
import { posting } from "../parts/effects.js";
import { field, select } from "../parts/fields.js";
import { allOf } from "../parts/pages.js";
import { Sheet } from "../parts/sheet.js";
import { empty, fill } from "../parts/states.js";
import { Step } from "../parts/step.js";
import { calendarDay, lastDay, money, placesOf, t, typedForm, typedIn } from "../text.js";

/** @typedef {{lot: {id: string, remaining: string, expiresAt: string | null}, asset: string}} Assignable */
/** @typedef {{id: string, amount: string, invoice: {id: string, number: string}}} Assignment */
/** @typedef {NonNullable<import("../api.js").Data<"OpenInvoices">["invoices"]>["edges"][number]["node"]} Invoice */
/** @typedef {{invoice: Invoice, box: HTMLInputElement, input: HTMLInputElement, tell: (wrong: string | null) => void, root: HTMLElement}} Line */

/**
 * @param {{id: string, name: string}} customer
 * @param {readonly Assignable[]} credits One of them is assigned.
 */
export function openAssign(customer, credits) {
  return open(t("assign.title", { name: customer.name }), customer, credits, null);
}

/**
 * @param {{id: string, name: string}} customer
 * @param {Assignable} credit
 * @param {Assignment} assignment That is released for it.
 */
export function openReassign(customer, credit, assignment) {
  return open(t("reassign.title", { number: assignment.invoice.number }), customer, [credit], assignment);
}

/** What a customer has not paid yet. @param {string} customerId */
export function openInvoices(customerId) {
  return allOf(async (after) => (await ask("OpenInvoices", { customerId, after })).invoices);
}

/**
 * @param {string} title
 * @param {{id: string}} customer
 * @param {readonly Assignable[]} credits
 * @param {Assignment | null} moved
 */
async function open(title, customer, credits, moved) {
  const sheet = new Sheet(title, { wide: true });
  await fill(
    sheet,
    5,
    () => openInvoices(customer.id),
    (invoices) => new Assigning(sheet, credits, invoices.filter(({ id }) => id !== moved?.invoice.id), moved).show(),
  );
}

class Assigning {
  /**
   * @param {Sheet} sheet
   * @param {readonly Assignable[]} credits
   * @param {Invoice[]} invoices
   * @param {Assignment | null} moved
   */
  constructor(sheet, credits, invoices, moved) {
    this.sheet = sheet;
    this.credits = credits;
    this.invoices = invoices;
    this.moved = moved;
    this.credit = /** @type {Assignable} */ (credits[0]);
    /** @type {Line[]} */
    this.lines = [];
    this.list = h("ul", { class: "assign-lines" });
    this.left = h("output", { class: "left" });
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
    const { moved } = this;
    const verb = t(moved ? "reassign" : "assign");
    this.#drawLines();
    new Step(this.sheet, {
      body: [moved && h("p", { class: "review-what" }, t("reassign.what", { amount: money(moved.amount, this.credit.asset), number: moved.invoice.number })), this.credits.length > 1 && field(t("assign.credit"), credit).root, h("h3", null, t("assign.invoices")), this.list],
      foot: this.left,
      read: (tells) => this.#read(tells),
      empty: this.lines.length ? t("assign.choose") : "",
      asset: () => this.credit.asset,
      preview: (input) => this.#preview(input),
      effect: (preview) => posting({ accounts: [], invoices: preview.invoices }),
      verb,
      send: (input, key) => this.#send(input, key),
      said: (payload, input) => t(moved ? "reassign.done" : "assign.done", { n: input.length, left: money(payload.credit?.remaining ?? "0", this.credit.asset) }),
    }).show();
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
    const box = h("input", { type: "checkbox", oninput: () => this.#ticked(line) });
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
      line.input.value = amount > 0n ? typedForm(decimal(amount, placesOf(this.credit.asset))) : "";
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
    const typed = typedIn(line.input.value, this.credit.asset);
    return typed === null || typed === "unclear" || typed === "precise" || typed.startsWith("-") ? null : typed;
  }

  /** What the credit has to give, less what is typed. */
  #left() {
    const has = units(this.credit.lot.remaining) + units(this.moved?.amount ?? "0");
    return this.lines.reduce((left, line) => left - units(this.#amount(line) ?? "0"), has);
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

  /** @param {boolean} tells */
  #read(tells) {
    const chosen = this.lines.filter(({ box }) => box.checked);
    const read = chosen.map((line) => ({ invoiceId: line.invoice.id, amount: this.#amount(line) }));
    if (tells) {
      for (const line of chosen) if (this.#amount(line) === null) line.tell(t("amount.wrong"));
      if (chosen.length === 0) this.lines[0]?.tell(t("assign.choose"));
    }
    const wrong = this.list.querySelector("[aria-invalid=true]");
    return wrong || read.length === 0 || read.some(({ amount }) => amount === null) ? null : read;
  }

  /** @param {{invoiceId: string, amount: string | null}[]} assignments */
  async #preview(assignments) {
    if (this.moved) return (await ask("PreviewReassignment", { input: { assignmentId: this.moved.id, assignments } })).previewReassignment;
    return (await ask("PreviewAssignment", { input: { creditId: this.credit.lot.id, assignments } })).previewAssignment;
  }

  /** @param {{invoiceId: string, amount: string | null}[]} assignments @param {string} idempotencyKey */
  async #send(assignments, idempotencyKey) {
    if (this.moved) return (await ask("Reassign", { input: { assignmentId: this.moved.id, assignments, idempotencyKey } })).reassignCredit;
    return (await ask("Assign", { input: { creditId: this.credit.lot.id, assignments, idempotencyKey } })).assignCredit;
  }
}
