// Moving value from one customer to another, each credit as it was.
import { ask } from "../api.js";
import { h } from "../dom.js";
import { amountField } from "../parts/amounts.js";
import { balanceFact, creditsFact } from "../parts/effects.js";
import { fact, facts } from "../parts/facts.js";
import { choice } from "../parts/fields.js";
import { noteField } from "../parts/note.js";
import { personField } from "../parts/people.js";
import { Sheet } from "../parts/sheet.js";
import { Step } from "../parts/step.js";
import { assetName, money, t } from "../text.js";
import { spendable } from "./spend.js";

/**
 * @param {import("./spend.js").Whom} customer Who gives.
 * @param {string} [first]
 */
export function openTransfer(customer, first) {
  const accounts = spendable(customer);
  let asset = first ?? accounts[0]?.asset ?? "POINTS";
  const has = () => accounts.find((each) => each.asset === asset)?.available ?? "0";
  const amount = amountField("", null);
  const follow = () => amount.hint(t("amount.now", { amount: money(has(), asset) }));
  const to = personField(t("transfer.to"), customer.id);
  const note = noteField();
  follow();
  new Step(new Sheet(t("transfer.title", { name: customer.name })), {
    body: [
      accounts.length > 1 &&
        choice(t("asset"), accounts.map((each) => ({ value: each.asset, label: assetName(each.asset) })), asset, (value) => {
          asset = value;
          follow();
        }).root,
      amount.root,
      to.root,
      note.root,
    ],
    read: (tells) => {
      const typed = amount.read(asset, tells);
      const person = to.read(tells);
      return typed === null || person === null ? null : { amount: typed, to: person, note: note.read() };
    },
    fields: { amount, toCustomerId: to },
    empty: t("transfer.empty"),
    asset: () => asset,
    preview: async (asked) => (await ask("PreviewTransfer", { input: input(asked) })).previewTransfer,
    effect: ({ availableAfter, receivedAvailableAfter, credits }, asked) =>
      facts(balanceFact(has(), availableAfter, asset, customer.name), fact(asked.to.name, h("strong", null, t("transfer.has", { amount: money(receivedAvailableAfter ?? "0", asset) }))), creditsFact(credits, asset, { gives: false })),
    verb: t("transfer"),
    asks: () => true,
    send: async (asked, idempotencyKey, requestApproval) => (await ask("TransferCredit", { input: { ...input(asked), requestApproval, idempotencyKey } })).transferCredit,
    said: (_, asked) => t("transfer.done", { amount: money(asked.amount, asset), name: asked.to.name }),
  }).show();

  /** @param {{amount: string, to: {id: string}, note: string | null}} asked */
  function input(asked) {
    return { fromCustomerId: customer.id, toCustomerId: asked.to.id, asset, amount: asked.amount, note: asked.note };
  }
}
