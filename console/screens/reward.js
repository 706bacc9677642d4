// Giving a reward: which, for points or free of them; then its code, large, to copy or read out.
import { ask, newKey, rows } from "../api.js";
import { units } from "../decimals.js";
import { booksChanged, h, put } from "../dom.js";
import { icon } from "../icons.js";
import { copyButton } from "../parts/copy.js";
import { field } from "../parts/fields.js";
import { refused } from "../parts/refusals.js";
import { busy, Sheet, submitButton } from "../parts/sheet.js";
import { empty, failed, skeleton, tell, words } from "../parts/states.js";
import { may } from "../session.js";
import { lastDay, money, t } from "../text.js";
import { isLost } from "./adjust.js";

/** @typedef {NonNullable<import("../api.js").Data<"Rewards">["rewards"]>["edges"][number]["node"]} Reward */
/** @typedef {{id: string, name: string, balances?: readonly {asset: string, available: string}[] | null}} Whom */

/** @param {Whom} customer */
export async function openReward(customer) {
  const sheet = new Sheet(t("reward.title", { name: customer.name }));
  const start = async () => {
    sheet.show([skeleton(5)], []);
    try {
      const { rewards } = await ask("Rewards", {});
      const all = rows(rewards);
      if (all.length) new Giving(sheet, customer, all).show();
      else sheet.show([empty(t("rewards.none"), t("rewards.none.advice"))], []);
    } catch (error) {
      sheet.show([failed(error, start)], []);
    }
  };
  await start();
}

class Giving {
  /**
   * @param {Sheet} sheet
   * @param {Whom} customer
   * @param {Reward[]} rewards
   */
  constructor(sheet, customer, rewards) {
    this.sheet = sheet;
    this.customer = customer;
    this.rewards = rewards;
    this.key = newKey();
    this.points = customer.balances?.find(({ asset }) => asset === "POINTS")?.available ?? "0";
    /** @type {Reward | null} */
    this.reward = null;
    this.deducts = true;
    this.note = h("textarea", { rows: 2 });
    this.effect = h("p", { class: "effect", "aria-live": "polite" });
    this.problem = h("div", { class: "problem", role: "alert" });
    this.buttons = h("span", { class: "actions" });
  }

  show() {
    const picks = this.rewards.map((reward) => this.#pick(reward));
    const ways = [
      { label: t("reward.deduct.yes"), on: true },
      { label: t("reward.deduct.no"), on: false },
    ];
    const radios = ways.map(({ label, on }) =>
      h("label", { class: "tick" }, h("input", { type: "radio", name: "deduct", checked: on === this.deducts, onchange: () => this.#deduct(on) }), h("span", null, label)),
    );
    this.sheet.submit = () => void this.#send(false);
    this.sheet.show(
      [
        h("fieldset", { class: "picks" }, h("legend", null, t("reward")), picks),
        may("GIVE_REWARD_FREE") && h("fieldset", { class: "ticks" }, h("legend", null, t("reward.deduct")), radios),
        field(t("note"), this.note, { hint: t("note.hint") }).root,
        this.effect,
        this.problem,
      ],
      [h("button", { type: "button", onclick: () => this.sheet.close() }, t("cancel")), this.buttons],
    );
    this.#follow();
    const first = this.sheet.body.querySelector("input");
    if (first) first.focus();
  }

  /** @param {Reward} reward */
  #pick(reward) {
    const input = h("input", {
      type: "radio",
      name: "reward",
      onchange: () => {
        this.reward = reward;
        this.#follow();
      },
    });
    const about = [money(reward.pointsCost, "POINTS"), reward.validityDays !== null && t("reward.valid", { n: reward.validityDays }), reward.stock !== null && t("reward.stock", { n: reward.stock })];
    return h("label", { class: "pick-card" }, input, h("span", null, h("strong", null, reward.name), h("small", null, ` ${rewardValue(reward)}`), h("small", null, about.filter(Boolean).join(" · "))));
  }

  /** @param {boolean} on */
  #deduct(on) {
    this.deducts = on;
    this.#follow();
  }

  /** What giving it would do, before it is done. */
  #follow() {
    const { reward } = this;
    const short = reward !== null && this.deducts && units(this.points) < units(reward.pointsCost);
    put(this.problem, []);
    put(this.buttons, submitButton(t("reward.give"), { disabled: reward === null || short }));
    if (reward === null) put(this.effect, t("reward.choose"));
    else if (!this.deducts) put(this.effect, t("reward.effect.free"));
    else if (short) put(this.effect, t("reward.short", { amount: money(this.points, "POINTS") }));
    else {
      const left = String((units(this.points) - units(reward.pointsCost)) / 10_000n);
      put(this.effect, t("reward.effect", { amount: money(reward.pointsCost, "POINTS"), left: money(left, "POINTS") }));
    }
  }

  /** @param {boolean} asks Whether a manager is asked. */
  async #send(asks) {
    if (!this.reward) return;
    put(this.problem, []);
    const input = { customerId: this.customer.id, rewardId: this.reward.id, deductPoints: this.deducts, note: this.note.value.trim() || null, requestApproval: asks, idempotencyKey: this.key };
    try {
      const { giveReward: payload } = await busy(this.sheet, () => ask("GiveReward", { input }));
      if (!payload) return;
      const [refusal] = payload.userErrors;
      if (refusal) {
        put(this.problem, h("p", { class: refusal.code === "LIMIT_EXCEEDED" ? "notice warn" : "notice bad" }, icon("warning"), refused(refusal, "POINTS")));
        if (refusal.code === "LIMIT_EXCEEDED") put(this.buttons, h("button", { type: "button", class: "primary", onclick: () => this.#send(true) }, t("ask.manager")));
        return;
      }
      booksChanged();
      if (payload.coupon) showCoupon(this.sheet, payload.coupon, payload.replayed);
      else {
        this.sheet.close();
        tell(t(payload.replayed ? "done.asked.already" : "done.asked"));
      }
    } catch (error) {
      put(this.problem, h("p", { class: "notice bad" }, icon("warning"), isLost(error) ? t("problem.lost.safe") : words(error)));
    }
  }
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
