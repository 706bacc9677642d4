// Putting back what has expired of a credit, under a new expiry.
import { ask } from "../api.js";
import { amountField } from "../parts/amounts.js";
import { chooseFrom } from "../parts/choices.js";
import { balanceFact, creditsFact } from "../parts/effects.js";
import { expiry } from "../parts/expiry.js";
import { facts } from "../parts/facts.js";
import { field, select } from "../parts/fields.js";
import { noteField } from "../parts/note.js";
import { allOf } from "../parts/pages.js";
import { Sheet } from "../parts/sheet.js";
import { empty, fill } from "../parts/states.js";
import { Step } from "../parts/step.js";
import { lastDay, money, t } from "../text.js";

/** @typedef {NonNullable<import("../api.js").Data<"Expired">["credits"]>["edges"][number]["node"]} Expired */

/** @param {{id: string, name: string}} customer @param {string} asset */
export async function openRevive(customer, asset) {
  const sheet = new Sheet(t("revive.title", { name: customer.name }));
  await fill(
    sheet,
    5,
    () => Promise.all([allOf(async (after) => (await ask("Expired", { customerId: customer.id, asset, after })).credits), chooseFrom()]),
    ([expired, { adjustmentReasons }]) => {
      if (expired.length) revive(sheet, asset, expired, (adjustmentReasons ?? []).filter(({ directions }) => directions.includes("ADD")));
      else sheet.show([empty(t("revive.none"))], []);
    },
  );
}

/**
 * @param {Sheet} sheet
 * @param {string} asset
 * @param {readonly Expired[]} expired Newest first.
 * @param {readonly import("../parts/choices.js").Reason[]} reasons
 */
function revive(sheet, asset, expired, reasons) {
  const credit = select(expired.map(({ id, amount, expiresAt }) => ({ value: id, label: t("assign.credit.until", { amount: money(amount, asset), day: expiresAt ? lastDay(expiresAt) : "" }) })), expired[0]?.id ?? "");
  const amount = amountField("", t("revive.amount"));
  const reason = select([{ value: "", label: t("reason.choose") }, ...reasons.map(({ code, label }) => ({ value: code, label }))], "");
  const note = noteField();
  const until = expiry();
  const fields = { creditId: field(t("credit"), credit), amount, reason: field(t("reason"), reason), note, expiresInDays: until };
  /** @param {boolean} tells */
  const read = (tells) => {
    const blank = amount.input.value.trim() === "";
    const typed = blank ? null : amount.read(asset, tells);
    const days = until.value();
    if (tells) fields.reason.tell(reason.value ? null : t("reason.missing"));
    if (!reason.value || Number.isNaN(days) || (!blank && typed === null)) return null;
    return { creditId: credit.value, amount: typed, reason: reason.value, note: note.read(), expiresInDays: days, neverExpires: days === null };
  };
  new Step(sheet, {
    body: [fields.creditId.root, amount.root, fields.reason.root, until.root, fields.note.root],
    read,
    fields,
    empty: t("revive.empty"),
    asset: () => asset,
    preview: async (input) => (await ask("PreviewRevival", { input })).previewRevival,
    effect: ({ account, availableAfter, credits }) => facts(balanceFact(account?.available ?? "0", availableAfter, asset), creditsFact(credits, asset, { gives: true })),
    verb: t("revive"),
    asks: () => true,
    send: async (input, idempotencyKey, requestApproval) => (await ask("ReviveCredit", { input: { ...input, requestApproval, idempotencyKey } })).reviveCredit,
    said: ({ account }) => t("revive.done", { left: money(account?.available ?? "0", asset) }),
  }).show();
}
