// Credit notes: a part of an invoice or order that is taken back, by amount or by lines, and a note that is voided.
import { ask, rows } from "../api.js";
import { decimal, units } from "../decimals.js";
import { h, put } from "../dom.js";
import { amountField, amountOf } from "../parts/amounts.js";
import { balanceFact, creditsFact, dueFact, posting } from "../parts/effects.js";
import { fact, facts } from "../parts/facts.js";
import { choice, field } from "../parts/fields.js";
import { noteField } from "../parts/note.js";
import { allOf } from "../parts/pages.js";
import { fill } from "../parts/states.js";
import { confirm, Step } from "../parts/step.js";
import { money, placesOf, t } from "../text.js";

/** @typedef {import("./invoice.js").Invoice} Invoice */
/** @typedef {import("./invoice.js").Within} Within */
/** @typedef {import("../api.js").Variables<"CreateCreditNote">["input"]} Input */
/** @typedef {ReturnType<typeof rows<NonNullable<Invoice["lines"]>["edges"][number]["node"]>>[number]} InvoiceLine */

const DECIMAL = /^\d{1,9}([.,]\d{1,4})?$/;

/** @param {Within} within */
export function createNote(within) {
  const { sheet, invoice } = within;
  return fill(sheet, 6, () => linesOf(invoice), (lines) => noteOf(within, lines));
}

/** All that it has: any of them can be ticked. @param {Invoice} invoice */
async function linesOf({ id, lines }) {
  if (!lines?.pageInfo.hasNextPage) return rows(lines);
  return allOf(async (after) => (await ask("InvoiceLines", { id, after })).invoice?.lines);
}

/** @param {Within} within @param {InvoiceLine[]} all */
function noteOf({ sheet, invoice, keys, back, again }, all) {
  const { id: invoiceId, currency, creditable, noted } = invoice;
  const left = decimal(units(creditable) - units(noted), placesOf(currency));
  const amount = amountField(left, t("note.left", { amount: money(left, currency) }));
  const lines = all.filter(({ kind }) => kind !== "CREDIT").map((line) => new Line(line, currency));
  const byLines = h("fieldset", { class: "ticks" }, h("legend", null, t("invoice.lines")), h("p", { class: "hint" }, t("note.lines.hint")), lines.map(({ root }) => root));
  const fields = h("div", null);
  const note = noteField();
  let how = /** @type {"amount" | "lines"} */ ("amount");
  let giveBack = /** @type {NonNullable<Input["giveBack"]>} */ ("LAST_FIRST");
  const draw = () => put(fields, how === "amount" ? amount.root : byLines);
  const ways = /** @type {const} */ ([
    { value: "amount", label: t("note.by.amount") },
    { value: "lines", label: t("note.by.lines") },
  ]);
  const orders = /** @type {const} */ (["LAST_FIRST", "IN_PROPORTION"]).map((value) => ({ value, label: t(`note.${value}`) }));
  /** @param {boolean} tells */
  const read = (tells) => {
    const asked = how === "amount" ? amount.read(currency, tells) : null;
    const chosen = how === "lines" ? readLines(lines, tells) : null;
    if (asked === null && chosen === null) return null;
    return { invoiceId, amount: asked, lines: chosen, giveBack, note: note.read() };
  };
  draw();
  const step = new Step(sheet, {
    body: [
      lines.length > 1 &&
        choice(t("note.by"), ways, how, (value) => {
          how = value;
          draw();
        }).root,
      fields,
      note.root,
      h("details", { class: "more" }, h("summary", null, t("more")), choice(t("note.order"), orders, giveBack, (value) => (giveBack = value)).root),
    ],
    read,
    fields: { amount },
    empty: t("note.empty"),
    asset: () => currency,
    preview: async (input) => (await ask("PreviewCreditNote", { input })).previewCreditNote,
    effect: (preview) =>
      facts(
        fact(t("note.takes"), h("strong", null, money(preview.amount ?? "0", currency))),
        dueFact(invoice.due, preview.dueAfter, currency),
        fact(t("note.gives"), money(preview.givenBack ?? "0", currency)),
        creditsFact(preview.credits, currency, { gives: true }),
        balanceFact(invoice.customer?.balances?.find(({ asset }) => asset === currency)?.available ?? "0", preview.availableAfter, currency),
      ),
    verb: t("note.create"),
    asks: () => true,
    key: keys.note,
    back,
    send: async (input, idempotencyKey, requestApproval) => (await ask("CreateCreditNote", { input: { ...input, requestApproval, idempotencyKey } })).createCreditNote,
    said: ({ creditNote }) => t("note.done", { amount: money(creditNote?.amount ?? "0", currency), number: invoice.number }),
    done: () => again("note"),
  });
  step.show();
  amount.input.select();
}

/** A line of the invoice that can be ticked, with how many of it; blank is all that is left of it. */
class Line {
  /** @param {InvoiceLine} line @param {string} currency */
  constructor(line, currency) {
    this.id = line.id;
    this.currency = currency;
    this.box = h("input", { type: "checkbox", onchange: () => this.shown.tell(null) });
    this.quantity = h("input", { type: "text", inputmode: "decimal", autocomplete: "off", size: 6, oninput: () => (this.box.checked = true) });
    this.amount = h("input", { type: "text", inputmode: "decimal", autocomplete: "off", size: 8, oninput: () => (this.box.checked = true) });
    this.shown = field(t("note.line.quantity", { n: Number(line.units) }), this.quantity, { class: "compact" });
    this.worth = field(t("note.line.amount"), this.amount, { class: "compact" });
    const about = t("note.line", { n: Number(line.units), amount: money(line.amount, currency) });
    this.root = h("div", { class: "assign-line note-line", role: "group", "aria-label": line.description }, h("label", { class: "tick" }, this.box, h("span", null, h("strong", null, line.description), h("small", null, about))), this.shown.root, this.worth.root);
  }

  /** What is to be taken back of it; null and told if it is none. @param {boolean} tells */
  read(tells) {
    const quantity = this.quantity.value.trim();
    const worth = this.amount.value.trim() === "" ? { amount: null, wrong: null } : amountOf(this.amount.value, this.currency);
    const fits = quantity === "" || DECIMAL.test(quantity);
    if (tells) {
      this.shown.tell(fits ? null : t("note.quantity.wrong"));
      this.worth.tell(worth.wrong);
    }
    return fits && worth.wrong === null ? { lineId: this.id, quantity: quantity.replace(",", ".") || null, amount: worth.amount } : null;
  }
}

/** @param {readonly Line[]} lines @param {boolean} tells */
function readLines(lines, tells) {
  const read = lines.filter(({ box }) => box.checked).map((line) => line.read(tells));
  const found = read.filter((each) => each !== null);
  if (tells && read.length === 0) lines[0]?.shown.tell(t("note.lines.choose"));
  return found.length > 0 && found.length === read.length ? found : null;
}

/** @param {Within} within @param {{id: string, amount: string}} noted */
export function voidNote({ sheet, invoice, back, again }, noted) {
  const note = noteField({ autofocus: true });
  const input = () => ({ creditNoteId: noted.id, note: note.read() });
  const amount = money(noted.amount, invoice.currency);
  confirm(sheet, t("note.void.what", { amount }), note, {
    asset: () => invoice.currency,
    preview: async () => (await ask("PreviewVoidCreditNote", { input: input() })).previewVoidCreditNote,
    effect: (preview) => posting(preview),
    verb: t("note.void"),
    bad: true,
    back,
    send: async (_, idempotencyKey) => (await ask("VoidCreditNote", { input: { ...input(), idempotencyKey } })).voidCreditNote,
    said: () => t("note.voided", { amount }),
    done: () => again(),
  });
}
