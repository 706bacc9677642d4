// Giving back what was spent, all or a part of it, to the credits that it came from.
import { ask, rows } from "../api.js";
import { decimal, sum, units } from "../decimals.js";
import { h } from "../dom.js";
import { amountField } from "../parts/amounts.js";
import { balanceFact, creditsFact } from "../parts/effects.js";
import { facts } from "../parts/facts.js";
import { field } from "../parts/fields.js";
import { noteField } from "../parts/note.js";
import { allOf } from "../parts/pages.js";
import { Sheet } from "../parts/sheet.js";
import { empty, fill } from "../parts/states.js";
import { Step } from "../parts/step.js";
import { may } from "../session.js";
import { day, money, placesOf, t } from "../text.js";

/** @typedef {NonNullable<import("../api.js").Data<"SpentDetail">["transaction"]>} Spent */
/** @typedef {NonNullable<Spent["entries"]>["edges"][number]["node"]} Entry */

/** @param {string} id Of the transaction that spent. */
export async function openRefund(id) {
  const sheet = new Sheet(t("refund"));
  await fill(
    sheet,
    4,
    () => spentOf(id),
    (spent) => {
      if (spent) refund(sheet, spent.transaction, spent.entries);
      else sheet.show([empty(t("refund.none"))], []);
    },
  );
}

/** What was spent, with all its entries: of each credit there is one. @param {string} id */
async function spentOf(id) {
  const { transaction } = await ask("SpentDetail", { id });
  if (!transaction) return null;
  const entries = transaction.entries?.pageInfo.hasNextPage ? await allOf(async (after) => (await ask("MoreSpent", { id, after })).transaction?.entries) : rows(transaction.entries);
  return { transaction, entries };
}

/** @param {Sheet} sheet @param {Spent} spent @param {readonly Entry[]} entries */
function refund(sheet, spent, entries) {
  const asset = entries[0]?.account.asset ?? "POINTS";
  const before = entries[0]?.account.available ?? "0";
  const total = -sum(entries.map(({ amount }) => amount));
  const left = decimal(total - units(spent.refunded ?? "0"), placesOf(asset));
  if (units(left) <= 0n) {
    sheet.show([empty(t("refund.all"))], []);
    return;
  }
  const amount = amountField(left, t("refund.left", { amount: money(left, asset) }));
  const note = noteField();
  const days = h("input", { type: "text", inputmode: "numeric", autocomplete: "off" });
  const again = field(t("refund.days"), days, { hint: t("refund.days.hint"), class: "compact" });
  new Step(sheet, {
    body: [
      h("p", { class: "review-what" }, t("refund.what", { amount: money(decimal(total, placesOf(asset)), asset), day: day(spent.createdAt) }), spent.reference && ` (${spent.reference})`),
      amount.root,
      note.root,
      may("REVIVE") && h("details", { class: "more" }, h("summary", null, t("more")), again.root),
    ],
    read: (tells) => {
      const typed = amount.read(asset, tells);
      const text = days.value.trim();
      const fits = text === "" || /^\d{1,5}$/.test(text);
      again.tell(fits ? null : t("expiry.wrong"));
      return typed === null || !fits ? null : { transactionId: spent.id, amount: typed, note: note.read(), expiresInDays: text === "" ? null : Number(text) };
    },
    fields: { amount, expiresInDays: again },
    asset: () => asset,
    preview: async (input) => (await ask("PreviewRefund", { input })).previewRefund,
    effect: ({ availableAfter, credits }) => facts(balanceFact(before, availableAfter, asset), creditsFact(credits, asset, { gives: true })),
    verb: t("refund"),
    asks: () => true,
    send: async (input, idempotencyKey, requestApproval) => (await ask("RefundSpend", { input: { ...input, requestApproval, idempotencyKey } })).refundSpend,
    said: ({ account }, input) => t("refund.done", { amount: money(input.amount, asset), left: money(account?.available ?? "0", asset) }),
  }).show();
  amount.input.select();
}
