// What is set aside of a customer's: taken, let go, or kept for longer.
import { ask } from "../api.js";
import { h } from "../dom.js";
import { amountField } from "../parts/amounts.js";
import { balanceFact, creditsFact, dueFact, heldFact } from "../parts/effects.js";
import { facts } from "../parts/facts.js";
import { field, select } from "../parts/fields.js";
import { paged, pageOf } from "../parts/pages.js";
import { Sheet } from "../parts/sheet.js";
import { confirm, Step } from "../parts/step.js";
import { fill, region } from "../parts/states.js";
import { may } from "../session.js";
import { isMoney, moment, money, t } from "../text.js";
import { openInvoices } from "./assign.js";
import { lasting } from "./spend.js";

/** @typedef {NonNullable<import("../api.js").Data<"Holds">["holds"]>["edges"][number]["node"]} Hold */
/** @typedef {NonNullable<import("../api.js").Data<"OpenInvoices">["invoices"]>["edges"][number]["node"]} Bill */

const LONGER_MINUTES = [60, 240, 1_440, 10_080];

/** @param {{id: string}} customer */
export function holdsCard(customer) {
  return region(
    () => heldOf(customer.id, null),
    (first) => {
      if (first.rows.length === 0) return null;
      const list = paged(h("ul", { class: "assigned" }), first, (hold) => line(customer, hold), (before) => heldOf(customer.id, before));
      return h("section", { class: "card", "aria-label": t("holds") }, h("h2", null, t("holds")), list);
    },
    1,
  );
}

/** @param {string} customerId @param {string | null} before @returns {Promise<import("../parts/pages.js").Page<Hold>>} */
async function heldOf(customerId, before) {
  return pageOf((await ask("Holds", { customerId, before })).holds);
}

/** @param {{id: string}} customer @param {Hold} hold */
function line(customer, hold) {
  const { id, amount, held, expiresAt, account, invoice, transaction } = hold;
  const asset = account?.asset ?? "POINTS";
  const left = money(held, asset);
  const what = [transaction?.reference, transaction?.note, invoice && t("credit.against", { number: invoice.number })].filter(Boolean).join(" · ");
  /** @param {import("../text.js").Key} label @param {string} key @param {() => void} act */
  const button = (label, key, act) => h("button", { type: "button", class: "small", "data-key": `${key}-${id}`, "aria-label": `${t(label)}: ${left}`, onclick: act }, t(label));
  return h(
    "li",
    null,
    h("span", null, h("strong", null, left), held !== amount && h("small", null, ` ${t("lot.of", { amount: money(amount, asset) })}`), what && h("small", null, what), h("small", null, t("hold.until", { when: moment(expiresAt) }))),
    may("SPEND_CREDIT") && h("span", { class: "actions" }, button("hold.take", "take", () => void openCapture(customer, hold, asset)), button("hold.longer", "longer", () => extend(hold, asset)), button("hold.release", "release", () => release(hold, asset))),
  );
}

/**
 * @param {{id: string}} customer
 * @param {Hold} hold
 * @param {string} asset
 */
async function openCapture(customer, hold, asset) {
  const sheet = new Sheet(t("hold.take.title", { amount: money(hold.held, asset) }));
  const pays = isMoney(asset) && hold.invoice === null && may("WRITE_PAYMENTS") && may("READ_INVOICES");
  const open = async () => (pays ? openInvoices(customer.id) : []);
  await fill(sheet, 3, open, (bills) => capture(sheet, hold, asset, bills.filter(({ currency }) => currency === asset)));
}

/**
 * @param {Sheet} sheet
 * @param {Hold} hold
 * @param {string} asset
 * @param {readonly Bill[]} bills Open invoices that it can pay.
 */
function capture(sheet, hold, asset, bills) {
  const amount = amountField(hold.held, t("hold.held", { amount: money(hold.held, asset) }));
  const options = [{ value: "", label: t("hold.take.spend") }, ...bills.map(({ id, number, due, currency }) => ({ value: id, label: t("hold.take.pays", { number, due: money(due, currency) }) }))];
  const bill = select(options, "");
  const reference = h("input", { type: "text", autocomplete: "off", maxlength: 255, value: hold.transaction?.reference ?? "" });
  const due = () => bills.find(({ id }) => id === bill.value)?.due ?? hold.invoice?.due ?? null;
  new Step(sheet, {
    body: [amount.root, bills.length > 0 && field(t("hold.take.for"), bill).root, field(t("spend.reference"), reference).root],
    read: (tells) => {
      const typed = amount.read(asset, tells);
      return typed === null ? null : { holdId: hold.id, amount: typed, invoiceId: bill.value || null, reference: reference.value.trim() || null };
    },
    fields: { amount },
    asset: () => asset,
    preview: async (input) => (await ask("PreviewCapture", { input })).previewCapture,
    effect: ({ account, availableAfter, heldAfter, dueAfter, credits }) =>
      facts(dueAfter !== null && dueFact(due() ?? dueAfter, dueAfter, asset), balanceFact(account?.available ?? "0", availableAfter, asset), heldFact(account?.held ?? "0", heldAfter, asset), creditsFact(credits, asset, { gives: false })),
    verb: t("hold.take"),
    send: async (input, idempotencyKey) => (await ask("CaptureHold", { input: { ...input, idempotencyKey } })).captureHold,
    said: (_, input) => t("hold.taken", { amount: money(input.amount, asset) }),
  }).show();
  amount.input.select();
}

/** @param {Hold} hold @param {string} asset */
function release(hold, asset) {
  const amount = money(hold.held, asset);
  confirm(new Sheet(t("hold.release")), t("hold.release.what", { amount }), null, {
    asset: () => asset,
    verb: t("hold.release"),
    send: async (_, idempotencyKey) => (await ask("ReleaseHold", { input: { holdId: hold.id, idempotencyKey } })).releaseHold,
    said: () => t("hold.released", { amount }),
  });
}

/** @param {Hold} hold @param {string} asset */
function extend(hold, asset) {
  const minutes = select(LONGER_MINUTES.map((n) => ({ value: String(n), label: lasting(n) })), "60");
  const shown = field(t("hold.longer.from"), minutes, { hint: t("hold.until", { when: moment(hold.expiresAt) }) });
  new Step(new Sheet(t("hold.longer.title", { amount: money(hold.held, asset) })), {
    body: [shown.root],
    read: () => ({ holdId: hold.id, expiresInMinutes: Number(minutes.value) }),
    fields: { expiresInMinutes: shown },
    asset: () => asset,
    verb: t("hold.longer"),
    send: async (input, idempotencyKey) => (await ask("ExtendHold", { input: { ...input, idempotencyKey } })).extendHold,
    said: ({ hold: after }) => t("hold.extended", { when: after ? moment(after.expiresAt) : "" }),
  }).show();
}
