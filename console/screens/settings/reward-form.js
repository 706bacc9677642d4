// Rewards of every kind: an amount off, per cent off, free delivery, a free product. What it is for stays; the rest is changed.
import { ask } from "../../api.js";
import { decimal, units } from "../../decimals.js";
import { h } from "../../dom.js";
import { amountOf } from "../../parts/amounts.js";
import { currenciesFrom } from "../../parts/assets.js";
import { choice, field, select, tick } from "../../parts/fields.js";
import { Sheet } from "../../parts/sheet.js";
import { Step } from "../../parts/step.js";
import { t, typedForm } from "../../text.js";

/** @typedef {NonNullable<import("../../api.js").Data<"RewardSettings">["rewards"]>["edges"][number]["node"]} Reward */
/** @typedef {Reward["kind"]} Kind */
/** @typedef {import("../../parts/fields.js").Field} Field */

const KINDS = /** @type {const} */ (["FIXED", "PERCENT", "FREE_DELIVERY", "FREE_PRODUCT"]);

/**
 * @param {Reward | null} reward Null: a new one.
 * @param {string} currency That an amount off is in, unless another is chosen.
 */
export function openRewardForm(reward, currency) {
  let kind = /** @type {Kind} */ (reward?.kind ?? "FIXED");
  const form = new Form(reward, reward?.currency ?? currency);
  const follow = () => form.follow(kind);
  const kinds = KINDS.map((value) => ({ value, label: t(`reward.kind.${value}`) }));
  const step = new Step(new Sheet(reward?.name ?? t("rewards.new")), {
    body: [
      form.fields.name.root,
      reward === null &&
        choice(t("settings.kind"), kinds, kind, (chosen) => {
          kind = chosen;
          follow();
        }).root,
      form.worth,
      form.fields.product.root,
      form.fields.pointsCost.root,
      h("div", { class: "pair" }, form.fields.validityDays.root, form.fields.stock.root),
      reward && h("div", { class: "field" }, tick(t("settings.on"), form.active)),
    ],
    read: (tells) => form.read(kind, tells),
    fields: form.fields,
    asset: () => "POINTS",
    verb: t("save"),
    send: (filled) => send(reward, kind, filled),
    said: () => t("saved"),
  });
  follow();
  step.show();
}

/** @param {string} value @param {string} mode */
function text(value, mode) {
  return h("input", { type: "text", autocomplete: "off", inputmode: mode, value });
}

class Form {
  /** @param {Reward | null} reward @param {string} currency */
  constructor(reward, currency) {
    this.reward = reward;
    this.name = h("input", { type: "text", autocomplete: "off", maxlength: 200, autofocus: true, value: reward?.name ?? "" });
    this.value = text(typedForm(reward?.value ?? ""), "decimal");
    this.currency = select(currenciesFrom([currency]), currency, { "aria-label": t("reward.currency"), disabled: reward !== null });
    this.product = text(reward?.product ?? "", "text");
    this.cost = text(reward ? decimal(units(reward.pointsCost), 0) : "", "numeric");
    this.days = text(reward?.validityDays ? String(reward.validityDays) : "", "numeric");
    this.stock = text(reward && reward.stock !== null ? String(reward.stock) : "", "numeric");
    this.active = h("input", { type: "checkbox", checked: reward?.active ?? true });
    this.fields = {
      name: field(t("customers.name"), this.name),
      value: field(t("reward.value"), this.value, { beside: this.currency, class: "worth" }),
      product: field(t("reward.product"), this.product),
      pointsCost: field(t("settings.cost"), this.cost),
      validityDays: field(t("expiry.days"), this.days, { hint: t("expiry.never.hint") }),
      stock: field(t("reward.stock.label"), this.stock, { hint: t("reward.stock.hint") }),
    };
    this.worth = this.fields.value.root;
  }

  /** @param {Kind} kind */
  follow(kind) {
    this.worth.hidden = kind !== "FIXED" && kind !== "PERCENT";
    this.currency.hidden = kind !== "FIXED";
    this.fields.value.hint(kind === "PERCENT" ? t("settings.percent") : null);
    this.fields.product.root.hidden = kind !== "FREE_PRODUCT";
  }

  /** @param {Kind} kind @param {boolean} tells */
  read(kind, tells) {
    const asset = this.currency.value;
    const value = kind === "FIXED" ? amountOf(this.value.value, asset) : kind === "PERCENT" ? percentOf(this.value.value) : { amount: null, wrong: null };
    const cost = this.cost.value.trim() === "0" ? { amount: "0", wrong: null } : amountOf(this.cost.value, "POINTS");
    const days = wholeOf(this.days.value);
    const stock = wholeOf(this.stock.value);
    const missing = (/** @type {boolean} */ wanted, /** @type {HTMLInputElement} */ input) => (wanted && input.value.trim() === "" ? t("form.missing") : null);
    const wrong = { name: missing(true, this.name), value: value.wrong, product: missing(kind === "FREE_PRODUCT", this.product), pointsCost: cost.wrong, validityDays: days.wrong, stock: stock.wrong };
    if (tells) for (const [name, why] of Object.entries(wrong)) this.fields[/** @type {keyof typeof wrong} */ (name)].tell(why);
    if (cost.amount === null || Object.values(wrong).some((why) => why !== null)) return null;
    return { name: this.name.value.trim(), value: value.amount, currency: kind === "FIXED" ? asset : null, product: kind === "FREE_PRODUCT" ? this.product.value.trim() : null, pointsCost: cost.amount, validityDays: days.n, stock: stock.n, active: this.active.checked };
  }
}

/** @param {string} typed */
function percentOf(typed) {
  const amount = typed.trim().replace(",", ".").replace(/\s*%$/, "");
  const fits = /^\d{1,3}(\.\d{1,2})?$/.test(amount) && Number(amount) > 0 && Number(amount) <= 100;
  return fits ? { amount, wrong: null } : { amount: null, wrong: t("reward.percent.wrong") };
}

/** @param {string} typed */
function wholeOf(typed) {
  const blank = typed.trim() === "";
  const fits = blank || /^\d{1,9}$/.test(typed.trim());
  return { n: fits && !blank ? Number(typed) : null, wrong: fits ? null : t("form.wrong") };
}

/**
 * @param {Reward | null} reward
 * @param {Kind} kind
 * @param {NonNullable<ReturnType<Form["read"]>>} filled
 */
async function send(reward, kind, { active, currency, ...filled }) {
  if (reward === null) return (await ask("CreateReward", { input: { ...filled, kind, currency } })).createReward;
  const input = { ...filled, active, rewardId: reward.id, validityDays: filled.validityDays ?? (reward.validityDays ? 0 : null), unlimitedStock: filled.stock === null };
  return (await ask("UpdateReward", { input })).updateReward;
}
