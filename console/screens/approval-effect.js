// What a request that waits would do now, by the preview of the mutation that it asks for.
import { ask } from "../api.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { creditsFact, dueFact, tierFact } from "../parts/effects.js";
import { fact, facts } from "../parts/facts.js";
import { refused } from "../parts/refusals.js";
import { region } from "../parts/states.js";
import { calendarDay, money, t } from "../text.js";

/** @typedef {import("./approvals.js").Asked} Asked */
/** @typedef {import("../dom.js").Child} Child */
/** @typedef {import("../parts/effects.js").CreditAfter} CreditAfter */
/** @typedef {{userErrors: readonly import("../parts/refusals.js").Refusal[]}} Previewed */
/** @typedef {(asked: Asked) => Promise<Child | Child[]>} Effect */

/** No limit binds what a second person approves. */
const UNBOUND = ["LIMIT_EXCEEDED", "CURRENCY_NOT_ALLOWED"];

/** @type {Partial<Record<Asked["operation"], Effect>>} */
const EFFECTS = { ADJUST_CREDIT: adjustment, GIVE_REWARD: reward, REFUND_SPEND: refund, CREATE_CREDIT_NOTE: note, RECORD_PAYMENT: payment, TRANSFER_CREDIT: transfer, REVIVE_CREDIT: revival, CREATE_ORDER: order };

/** A part of the page with what the request would do; null for what a later server asks for. @param {Asked} asked */
export function effectOf(asked) {
  const effect = EFFECTS[asked.operation];
  return effect ? h("div", { class: "effect" }, region(() => effect(asked), (found) => found, 1)) : null;
}

/**
 * @template {Previewed} P
 * @param {P | null} preview
 * @param {Asked} asked
 * @param {(preview: P) => Child | Child[]} shown
 */
function told(preview, asked, shown) {
  const errors = preview?.userErrors.filter(({ code }) => !UNBOUND.includes(code)) ?? [];
  if (errors.length) return errors.map((each) => h("p", { class: "notice warn" }, icon("warning"), refused(each, asked.asset ?? "POINTS")));
  return preview && preview.userErrors.length === 0 ? shown(preview) : h("p", null, t("asked.over"));
}

/** @param {string | null | undefined} before @param {string | null} after @param {string} asset */
function balance(before, after, asset) {
  return h("p", null, t("asked.effect", { before: money(before ?? "0", asset), after: money(after ?? "0", asset) }));
}

/** @type {Effect} */
async function adjustment(asked) {
  const { customer, amount, asset, reason, note: text, expiresInDays, creditExpiresAt, effectiveOn, credit, services } = asked;
  if (!customer || !amount || !asset || !reason) return null;
  const input = {
    customerId: customer.id,
    asset,
    amount,
    reason,
    note: text,
    expiresInDays: expiresInDays || null,
    expiresAt: expiresInDays ? null : creditExpiresAt,
    effectiveOn,
    creditId: credit?.id ?? null,
    serviceIds: services?.map(({ id }) => id) ?? [],
  };
  const { previewAdjustment } = await ask("PreviewAdjustment", { input });
  return told(previewAdjustment, asked, ({ account, availableAfter, lifetimeAfter, tierAfter, credits }) => [
    balance(account?.available, availableAfter, asset),
    facts(asset === "POINTS" && tierFact(account?.tier ?? null, tierAfter, account?.lifetime ?? "0", lifetimeAfter ?? "0"), amount.startsWith("-") && creditsFact(credits, asset)),
  ]);
}

/** @type {Effect} */
async function reward(asked) {
  const { customer, reward: given, deductPoints } = asked;
  if (!customer || !given) return null;
  const { previewReward } = await ask("PreviewReward", { input: { customerId: customer.id, rewardId: given.id, deductPoints: deductPoints ?? false } });
  return told(previewReward, asked, ({ accounts }) => {
    const points = accounts?.find(({ asset }) => asset === "POINTS");
    return points ? balance(points.account?.available, points.availableAfter, "POINTS") : h("p", null, t("reward.effect.free"));
  });
}

/** @type {Effect} */
async function refund(asked) {
  const { refundOf, amount, asset, expiresInDays, creditExpiresAt } = asked;
  if (!refundOf || !asset) return null;
  const { previewRefund } = await ask("PreviewRefund", { input: { transactionId: refundOf.id, amount, expiresInDays, expiresAt: creditExpiresAt } });
  return told(previewRefund, asked, ({ account, availableAfter, credits }) => [balance(account?.available, availableAfter, asset), facts(creditsFact(credits, asset, { gives: true }))]);
}

/** @type {Effect} */
async function note(asked) {
  const { notedInvoice, amount, asset } = asked;
  if (!notedInvoice || !asset) return null;
  const { previewCreditNote } = await ask("PreviewCreditNote", { input: { invoiceId: notedInvoice.id, amount } });
  return told(previewCreditNote, asked, ({ dueAfter, givenBack, credits }) =>
    facts(fact(t("invoice"), notedInvoice.number), dueFact(notedInvoice.due, dueAfter, asset), fact(t("note.gives"), money(givenBack ?? "0", asset)), creditsFact(credits, asset, { gives: true })),
  );
}

/** @type {Effect} */
async function payment(asked) {
  const { payment: asks, asset } = asked;
  if (!asks?.invoice || !asset) return null;
  const { invoice, amount, method, receivedOn } = asks;
  const { previewPayment } = await ask("PreviewPayment", { input: { invoiceId: invoice.id, amount, method, receivedOn, keepExcess: true } });
  return told(previewPayment, asked, ({ dueAfter, kept }) =>
    facts(fact(t("invoice"), invoice.number), fact(t("pay.method"), `${money(amount, asset)}, ${t(`method.${method}`)}`), dueFact(invoice.due, dueAfter, asset), fact(t("pay.kept"), money(kept ?? "0", asset))),
  );
}

/** @type {Effect} */
async function transfer(asked) {
  const { customer, toCustomer, amount, asset, credit } = asked;
  if (!customer || !toCustomer || !amount || !asset) return null;
  const input = { fromCustomerId: customer.id, toCustomerId: toCustomer.id, amount, asset, creditId: credit?.id ?? null };
  const { previewTransfer } = await ask("PreviewTransfer", { input });
  return told(previewTransfer, asked, ({ availableAfter, receivedAvailableAfter, credits }) =>
    facts(fact(t("effect.balance", { name: customer.name }), money(availableAfter ?? "0", asset)), fact(t("effect.balance", { name: toCustomer.name }), money(receivedAvailableAfter ?? "0", asset)), creditsFact(credits, asset)),
  );
}

/** @type {Effect} */
async function revival(asked) {
  const { credit, amount, asset, reason, expiresInDays, creditExpiresAt } = asked;
  if (!credit || !asset || !reason) return null;
  const { previewRevival } = await ask("PreviewRevival", { input: { creditId: credit.id, amount, reason, note: asked.note, expiresInDays, expiresAt: creditExpiresAt } });
  return told(previewRevival, asked, ({ account, availableAfter, credits }) => [balance(account?.available, availableAfter, asset), facts(creditsFact(credits, asset, { gives: true }))]);
}

/** There is no preview of an order: its lines, and whether its number has been taken meanwhile. @type {Effect} */
async function order(asked) {
  const { items, orderNumber } = asked;
  const { numbered } = await ask("FindOrder", { text: orderNumber ?? "" });
  const lines = items.map(({ product, units, unitPrice }) => {
    const price = unitPrice ?? product?.price;
    return h("li", null, `${Number(units)} × ${product?.name ?? ""}`, price && product && h("small", null, ` ${money(price, product.currency)}`));
  });
  return [
    facts(fact(t("invoice.lines"), h("ul", { class: "plain" }, lines))),
    numbered && h("p", { class: "notice warn" }, icon("warning"), t("asked.taken", { number: numbered.number, day: calendarDay(numbered.issuedOn) })),
  ];
}
