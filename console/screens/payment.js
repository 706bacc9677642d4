// Paying an invoice or order, part cash, part credit, and taking a payment back.
import { ask, rows } from "../api.js";
import { units } from "../decimals.js";
import { h } from "../dom.js";
import { amountField } from "../parts/amounts.js";
import { balanceFact, creditsFact, dueFact, posting } from "../parts/effects.js";
import { fact, facts } from "../parts/facts.js";
import { field, select, tick, wrongDate } from "../parts/fields.js";
import { noteField } from "../parts/note.js";
import { confirm, Step } from "../parts/step.js";
import { may } from "../session.js";
import { money, t, today } from "../text.js";

/** @typedef {import("./invoice.js").Invoice} Invoice */
/** @typedef {import("./invoice.js").Within} Within */
/** @typedef {import("../api.js").Variables<"Pay">["input"]["method"]} Method */

const METHODS = /** @type {const} */ (["CARD", "CASH", "TRANSFER", "CHECK", "ACCOUNT_CREDIT", "OTHER"]);

/** @param {Within} within */
export function pay({ sheet, invoice, keys, back, again }) {
  const { id: invoiceId, currency, due, customer } = invoice;
  const available = customer?.balances?.find(({ asset }) => asset === currency)?.available ?? "0";
  const offered = METHODS.filter((each) => each !== "ACCOUNT_CREDIT" || (may("PAY_WITH_CREDIT") && units(available) > 0n));
  const method = select(offered.map((value) => ({ value, label: value === "ACCOUNT_CREDIT" ? t("method.credit.of", { amount: money(available, currency) }) : t(`method.${value}`) })), "CARD");
  const amount = amountField(due, t("pay.due", { due: money(due, currency) }));
  const on = h("input", { type: "date", max: today(), value: today() });
  const keep = h("input", { type: "checkbox" });
  const kept = h("div", { class: "field", hidden: true }, tick(t("pay.keep"), keep));
  const fields = { amount, method: field(t("pay.method"), method), receivedOn: field(t("pay.on"), on) };
  /** @param {boolean} tells */
  const read = (tells) => {
    const typed = amount.read(currency, tells);
    const spare = typed !== null && units(typed) > units(due) && method.value !== "ACCOUNT_CREDIT";
    const wrong = wrongDate(on);
    if (tells) fields.receivedOn.tell(wrong);
    kept.hidden = !spare || !may("KEEP_EXCESS");
    return typed === null || wrong ? null : { invoiceId, amount: typed, method: /** @type {Method} */ (method.value), receivedOn: on.value || null, keepExcess: spare && keep.checked };
  };
  new Step(sheet, {
    body: [amount.root, kept, fields.method.root, fields.receivedOn.root],
    read,
    fields,
    asset: () => currency,
    preview: async (input) => (await ask("PreviewPayment", { input })).previewPayment,
    effect: (preview, input) =>
      facts(
        dueFact(due, preview.dueAfter, currency),
        units(preview.kept ?? "0") > 0n && fact(t("pay.kept"), money(preview.kept ?? "0", currency)),
        (input.method === "ACCOUNT_CREDIT" || (preview.credits ?? []).length > 0) && balanceFact(available, preview.availableAfter, currency),
        creditsFact(preview.credits, currency),
      ),
    verb: t("pay"),
    asks: () => method.value !== "ACCOUNT_CREDIT",
    key: keys.pay,
    back,
    send: async (input, idempotencyKey, requestApproval) => (await ask("Pay", { input: { ...input, requestApproval, idempotencyKey } })).recordPayment,
    said: ({ invoice: after }, input) => {
      const granted = rows(after?.granted).map((credit) => money(credit.amount, currency));
      const paid = t("pay.done", { amount: money(input.amount, currency), due: money(after?.due ?? "0", currency) });
      return granted.length ? `${paid} ${t("pay.granted", { amount: granted.join(", ") })}` : paid;
    },
    done: () => again("pay"),
  }).show();
  amount.input.select();
}

/** @param {Within} within @param {{id: string, amount: string, method: Method}} payment */
export function voidPayment({ sheet, invoice, back, again }, payment) {
  const note = noteField({ autofocus: true });
  const input = () => ({ paymentId: payment.id, note: note.read() });
  const amount = money(payment.amount, invoice.currency);
  confirm(sheet, t("payment.void.what", { amount, method: t(`method.${payment.method}`) }), note, {
    asset: () => invoice.currency,
    preview: async () => (await ask("PreviewVoidPayment", { input: input() })).previewVoidPayment,
    effect: (preview) => posting(preview, { gives: true }),
    verb: t("payment.void"),
    bad: true,
    back,
    send: async (_, idempotencyKey) => (await ask("VoidPayment", { input: { ...input(), idempotencyKey } })).voidPayment,
    said: () => t("payment.void.done", { amount }),
    done: () => again(),
  });
}

/** @param {Within} within */
export function voidInvoice({ sheet, invoice, back, again }) {
  const note = noteField({ autofocus: true });
  const input = () => ({ invoiceId: invoice.id, note: note.read() });
  const number = invoice.number;
  confirm(sheet, t("invoice.void.what", { number }), note, {
    asset: () => invoice.currency,
    preview: async () => (await ask("PreviewVoidInvoice", { input: input() })).previewVoidInvoice,
    effect: (preview) => posting(preview, { gives: true }),
    verb: t("invoice.void"),
    bad: true,
    back,
    send: async (_, idempotencyKey) => (await ask("VoidInvoice", { input: { ...input(), idempotencyKey } })).voidInvoice,
    said: () => t("invoice.void.done", { number }),
    done: () => again(),
  });
}
