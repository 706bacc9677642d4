// Taking value for a purpose, now or later: spent at once, or set aside until it is taken or its time is up.
import { ask } from "../api.js";
import { units } from "../decimals.js";
import { h } from "../dom.js";
import { amountField } from "../parts/amounts.js";
import { chooseFrom } from "../parts/choices.js";
import { balanceFact, creditsFact, heldFact } from "../parts/effects.js";
import { facts } from "../parts/facts.js";
import { choice, field, select, tick } from "../parts/fields.js";
import { noteField } from "../parts/note.js";
import { Sheet } from "../parts/sheet.js";
import { fill } from "../parts/states.js";
import { Step } from "../parts/step.js";
import { assetName, moment, money, t } from "../text.js";

/** @typedef {{id: string, name: string, balances?: readonly {asset: string, available: string}[] | null}} Whom */
/** @typedef {import("../api.js").Data<"PreviewSpend">["previewSpend"]} Preview */
/** @typedef {{customerId: string, asset: string, amount: string, reference: string | null, note: string | null, serviceIds: string[]}} Asked */

/** For how long something is set aside; the books allow 30 days. */
const MINUTES = [15, 60, 240, 1_440, 10_080, 43_200];
/** A preview is asked for before anybody has said what for. */
const UNSAID = "–";

/**
 * @param {Whom} customer
 * @param {string} [asset]
 */
export async function openSpend(customer, asset) {
  const sheet = new Sheet(t("spend.title", { name: customer.name }));
  await fill(sheet, 5, chooseFrom, ({ services }) => spend(sheet, customer, asset, services ?? []));
}

/** What of a customer's can be spent. @param {Whom} customer */
export function spendable(customer) {
  return (customer.balances ?? []).filter(({ available }) => units(available) > 0n);
}

/**
 * @param {Sheet} sheet
 * @param {Whom} customer
 * @param {string | undefined} first
 * @param {readonly {id: string, name: string}[]} services
 */
function spend(sheet, customer, first, services) {
  const accounts = spendable(customer);
  let asset = first ?? accounts[0]?.asset ?? "POINTS";
  let way = /** @type {"now" | "hold"} */ ("now");
  const amount = amountField("", null);
  const minutes = select(MINUTES.map((n) => ({ value: String(n), label: lasting(n) })), "15");
  const until = field(t("hold.for"), minutes);
  const reference = h("input", { type: "text", autocomplete: "off", maxlength: 255 });
  const note = noteField();
  const fields = { amount, reference: field(t("spend.reference"), reference, { hint: t("spend.reference.hint") }), note };
  const ticks = services.map(({ id, name }) => ({ id, name, input: h("input", { type: "checkbox" }) }));
  const restricted = h("fieldset", { class: "ticks" }, h("legend", null, t("spend.services")), h("p", { class: "hint" }, t("spend.services.hint")), ticks.map(({ name, input }) => tick(name, input)));
  const follow = () => {
    until.root.hidden = way === "now";
    restricted.hidden = asset !== "SERVICE_CREDITS" || services.length === 0;
    amount.hint(t("amount.now", { amount: money(accounts.find((each) => each.asset === asset)?.available ?? "0", asset) }));
    step.button.textContent = verb();
    step.how.verb = verb();
  };
  const verb = () => t(way === "now" ? "spend" : "hold");
  const ways = /** @type {const} */ ([{ value: "now", label: t("spend.now") }, { value: "hold", label: t("spend.later") }]);
  const step = new Step(sheet, {
    body: [
      accounts.length > 1 &&
        choice(t("asset"), accounts.map((each) => ({ value: each.asset, label: assetName(each.asset) })), asset, (value) => {
          asset = value;
          follow();
        }).root,
      choice(t("spend.way"), ways, way, (value) => {
        way = value;
        follow();
      }).root,
      amount.root,
      until.root,
      fields.reference.root,
      restricted,
      fields.note.root,
    ],
    read: (tells) => {
      const typed = amount.read(asset, tells);
      const said = { reference: reference.value.trim() || null, note: note.read() };
      const purposeless = said.reference === null && said.note === null;
      if (tells) fields.reference.tell(purposeless ? t("spend.reference.missing") : null);
      if (typed === null || (tells && purposeless)) return null;
      const serviceIds = asset === "SERVICE_CREDITS" ? ticks.filter(({ input }) => input.checked).map(({ id }) => id) : [];
      return { customerId: customer.id, asset, amount: typed, ...said, serviceIds };
    },
    fields,
    empty: t("spend.empty"),
    asset: () => asset,
    preview: (input) => preview(input, way === "now" ? null : Number(minutes.value)),
    effect: ({ account, availableAfter, heldAfter, credits }) => facts(balanceFact(account?.available ?? "0", availableAfter, asset), heldFact(account?.held ?? "0", heldAfter, asset), creditsFact(credits, asset, { gives: false })),
    verb: verb(),
    send: (input, key) => send(input, key, way === "now" ? null : Number(minutes.value)),
    said: ({ account, until: ends }, input) => t(ends ? "hold.done" : "spend.done", { amount: money(input.amount, input.asset), when: ends ? moment(ends) : "", left: money(account?.available ?? "0", input.asset) }),
  });
  step.show();
  follow();
}

/** 15 minutes, 4 hours, 7 days. @param {number} minutes */
export function lasting(minutes) {
  if (minutes < 60) return t("minutes", { n: minutes });
  return minutes < 1_440 ? t("hours", { n: minutes / 60 }) : t("days", { n: minutes / 1_440 });
}

/** @param {Asked} input @param {number | null} minutes Null: to be spent at once. @returns {Promise<Preview>} */
async function preview(input, minutes) {
  const asked = { ...input, note: input.note ?? input.reference ?? UNSAID };
  if (minutes === null) return (await ask("PreviewSpend", { input: asked })).previewSpend;
  return (await ask("PreviewHold", { input: { ...asked, expiresInMinutes: minutes } })).previewHold;
}

/** @param {Asked} input @param {string} idempotencyKey @param {number | null} minutes */
async function send(input, idempotencyKey, minutes) {
  if (minutes === null) {
    const { spendCredit: payload } = await ask("SpendCredit", { input: { ...input, idempotencyKey } });
    return payload && { ...payload, until: null };
  }
  const { holdCredit: payload } = await ask("HoldCredit", { input: { ...input, expiresInMinutes: minutes, idempotencyKey } });
  return payload && { ...payload, until: payload.hold?.expiresAt ?? null };
}
