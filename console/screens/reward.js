// Giving a reward: which, for points or free of them; then its code, large, to copy or read out.
import { ask } from "../api.js";
import { decimal, units } from "../decimals.js";
import { h, put } from "../dom.js";
import { icon } from "../icons.js";
import { copyButton } from "../parts/copy.js";
import { noteField } from "../parts/note.js";
import { allOf } from "../parts/pages.js";
import { Sheet, submitButton } from "../parts/sheet.js";
import { Step } from "../parts/step.js";
import { empty, fill } from "../parts/states.js";
import { may } from "../session.js";
import { lastDay, money, t } from "../text.js";

/** @typedef {NonNullable<import("../api.js").Data<"Rewards">["rewards"]>["edges"][number]["node"]} Reward */
/** @typedef {{id: string, name: string, balances?: readonly {asset: string, available: string}[] | null}} Whom */

/** @param {Whom} customer */
export async function openReward(customer) {
  const sheet = new Sheet(t("reward.title", { name: customer.name }));
  await fill(
    sheet,
    5,
    () => allOf(async (after) => (await ask("Rewards", { after })).rewards),
    (rewards) => {
      if (rewards.length) give(sheet, customer, rewards);
      else sheet.show([empty(t("rewards.none"), t("rewards.none.advice"))], []);
    },
  );
}

/**
 * @param {Sheet} sheet
 * @param {Whom} customer
 * @param {readonly Reward[]} rewards
 */
function give(sheet, customer, rewards) {
  /** @type {Reward | null} */
  let reward = null;
  let deductPoints = true;
  const note = noteField();
  const missing = h("p", { class: "wrong", role: "alert" });
  const picks = rewards.map((each) => {
    const input = h("input", { type: "radio", name: "reward", oninput: () => (reward = each) });
    const about = [money(each.pointsCost, "POINTS"), each.validityDays ? t("reward.valid", { n: each.validityDays }) : null, each.stock !== null && t("reward.stock", { n: each.stock })];
    return h("label", { class: "pick-card" }, input, h("span", null, h("strong", null, each.name), h("small", null, ` ${rewardValue(each)}`), h("small", null, about.filter(Boolean).join(" · "))));
  });
  const ways = /** @type {const} */ ([["reward.deduct.yes", true], ["reward.deduct.no", false]]);
  const radios = ways.map(([label, on]) => h("label", { class: "tick" }, h("input", { type: "radio", name: "deduct", checked: on, oninput: () => (deductPoints = on) }), h("span", null, t(label))));
  new Step(sheet, {
    body: [
      h("fieldset", { class: "picks" }, h("legend", null, t("reward")), picks, missing),
      may("GIVE_REWARD_FREE") && h("fieldset", { class: "ticks" }, h("legend", null, t("reward.deduct")), radios),
      note.root,
    ],
    read: (tells) => {
      put(missing, tells && reward === null && t("reward.choose"));
      return reward && { customerId: customer.id, rewardId: reward.id, deductPoints, note: note.read() };
    },
    empty: t("reward.choose"),
    asset: () => "POINTS",
    preview: async (input) => (await ask("PreviewReward", { input })).previewReward,
    effect: ({ accounts }) => taken(accounts?.find(({ asset }) => asset === "POINTS") ?? null),
    verb: t("reward.give"),
    asks: () => !deductPoints,
    send: async (input, idempotencyKey, requestApproval) => (await ask("GiveReward", { input: { ...input, requestApproval, idempotencyKey } })).giveReward,
    said: ({ coupon }) => t("reward.given", { code: coupon?.code ?? "" }),
    done: ({ coupon, replayed }) => (coupon ? showCoupon(sheet, coupon, replayed) : sheet.close()),
  }).show();
  sheet.body.querySelector("input")?.focus();
}

/**
 * What giving it would do to the points.
 * @param {{availableAfter: string, account: {available: string} | null} | null} after
 */
function taken(after) {
  if (after === null) return h("p", null, t("reward.effect.free"));
  const amount = decimal(units(after.account?.available ?? "0") - units(after.availableAfter), 0);
  return h("p", null, t("reward.effect", { count: Number(amount), amount: money(amount, "POINTS"), left: money(after.availableAfter, "POINTS") }));
}

/**
 * @param {Sheet} sheet
 * @param {{code: string, terms: {name: string}, expiresAt: string | null}} coupon
 * @param {boolean} replayed
 */
export function showCoupon(sheet, coupon, replayed) {
  sheet.submit = () => sheet.close();
  sheet.show(
    [
      replayed && h("p", { class: "notice good" }, icon("check"), t("done.already")),
      h("div", { class: "coupon-large" }, h("p", null, coupon.terms.name), h("p", { class: "code" }, h("code", null, coupon.code)), copyButton(coupon.code, t("copy.code", { code: coupon.code })), coupon.expiresAt && h("p", { class: "hint" }, t("until", { day: lastDay(coupon.expiresAt) }))),
    ],
    [submitButton(t("finish"))],
  );
}

/** What a reward is worth: £5 off, 10% off. @param {{kind: string, value: string | null, currency: string | null}} reward */
export function rewardValue({ kind, value, currency }) {
  if (kind === "FIXED" && value && currency) return t("reward.FIXED", { value: money(value, currency) });
  if (kind === "PERCENT" && value) return t("reward.PERCENT", { value: Number(value) });
  return t(kind === "FREE_DELIVERY" ? "reward.FREE_DELIVERY" : "reward.FREE_PRODUCT");
}
