// Points: what can be spent, the tier and how far it is to the next, and coupons.
import { ask } from "../api.js";
import { units } from "../decimals.js";
import { h } from "../dom.js";
import { copyButton } from "../parts/copy.js";
import { posting } from "../parts/effects.js";
import { noteField } from "../parts/note.js";
import { paged, pageOf } from "../parts/pages.js";
import { Sheet } from "../parts/sheet.js";
import { confirm, Step } from "../parts/step.js";
import { badge, empty, region } from "../parts/states.js";
import { may } from "../session.js";
import { day, figure, lastDay, money, t } from "../text.js";
import { openAdjust } from "./adjust.js";
import { openReward, rewardValue } from "./reward.js";

/** @typedef {import("./customer.js").Customer} Customer */
/** @typedef {NonNullable<import("../api.js").Data<"Points">["customer"]>["account"]} Account */
/** @typedef {NonNullable<Account>["tierChanges"]["edges"][number]["node"]} Change */
/** @typedef {NonNullable<NonNullable<import("../api.js").Data<"Coupons">["customer"]>["coupons"]>["edges"][number]["node"]} Coupon */

const PAGE = 40;

/** @param {Customer} customer */
export function pointsTab(customer) {
  return region(
    () => Promise.all([ask("Points", { id: customer.id }), couponsOf(customer.id, null)]),
    ([{ customer: found, tiers }, first]) => [standing(customer, found?.account ?? null, tiers ?? []), coupons(customer, first)],
    6,
  );
}

/**
 * @param {Customer} customer
 * @param {Account} account
 * @param {readonly {name: string, threshold: string}[]} tiers
 */
function standing(customer, account, tiers) {
  const available = account?.available ?? "0";
  const lifetime = account?.lifetime ?? "0";
  const next = account ? (account.tier ? account.tier.next : (tiers[0] ?? null)) : (tiers[0] ?? null);
  return h(
    "section",
    { class: "card" },
    h(
      "header",
      { class: "card-head" },
      h("div", null, h("h2", null, t("asset.points")), h("p", { class: "big", "data-asset": "POINTS" }, figure(available, "POINTS")), h("p", { class: "hint" }, t("points.lifetime", { amount: money(lifetime, "POINTS") }))),
      h(
        "div",
        { class: "actions" },
        (may("ADD_CREDIT") || may("REMOVE_CREDIT")) && h("button", { type: "button", class: "small", "data-key": "adjust-points", onclick: () => openAdjust([customer], { asset: "POINTS" }) }, t("points.adjust")),
        may("GIVE_REWARD") && h("button", { type: "button", class: "small", "data-key": "give", onclick: () => openReward(customer) }, t("reward.give")),
      ),
    ),
    next && progress(lifetime, account?.tier?.threshold ?? "0", next, account?.tier?.name ?? null),
    account && changes(account),
  );
}

/** Of the tier, the last first. @param {NonNullable<Account>} account */
function changes({ id, tierChanges }) {
  const first = pageOf(tierChanges);
  if (first.rows.length === 0) return null;
  const page = async (/** @type {string | null} */ before) => {
    const { node } = await ask("TierChanges", { id, before });
    return pageOf(node && "tierChanges" in node ? node.tierChanges : null);
  };
  return h("details", { class: "more" }, h("summary", null, t("points.changes")), paged(h("ul", { class: "plain" }), first, changeLine, page));
}

/** @param {Change} change */
function changeLine({ at, old, new: after }) {
  return h("li", null, t("points.change", { day: day(at), before: old ?? t("tier.none"), after: after ?? t("tier.none") }));
}

/**
 * @param {string} lifetime
 * @param {string} from
 * @param {{name: string, threshold: string}} next
 * @param {string | null} now
 */
function progress(lifetime, from, next, now) {
  const missing = units(next.threshold) - units(lifetime);
  const span = Number(units(next.threshold) - units(from)) || 1;
  const done = Math.min(Math.max(Number(units(lifetime) - units(from)) / span, 0), 1);
  const said = t("points.next", { n: Number(missing / 10_000n), tier: next.name });
  return h(
    "div",
    { class: "progress" },
    h("div", { class: "progress-ends" }, h("span", null, now ?? t("tier.none")), h("span", null, next.name)),
    h("progress", { max: 1, value: done, "aria-label": said }),
    h("p", { class: "hint" }, said),
  );
}

/** @param {string} id @param {string | null} before */
async function couponsOf(id, before) {
  return pageOf((await ask("Coupons", { id, last: PAGE, before })).customer?.coupons);
}

/**
 * @param {Customer} customer
 * @param {import("../parts/pages.js").Page<Coupon>} first
 */
function coupons(customer, first) {
  if (first.rows.length === 0) {
    return empty(t("coupons.none"), may("GIVE_REWARD") ? t("coupons.none.advice") : "", may("GIVE_REWARD") && h("button", { type: "button", onclick: () => openReward(customer) }, t("reward.give")));
  }
  return h("section", { class: "card" }, h("h2", null, t("coupons")), paged(h("ul", null), first, couponLine, (before) => couponsOf(customer.id, before)));
}

/** @param {Coupon} coupon */
function couponLine(coupon) {
  const { code, status, terms, pointsSpent, issuedAt, expiresAt } = coupon;
  const issued = status === "ISSUED";
  const tones = /** @type {const} */ ({ ISSUED: "good", USED: "plain", DISABLED: "plain", EXPIRED: "plain" });
  const about = [
    t("coupon.issued", { day: day(issuedAt) }),
    units(pointsSpent) > 0n ? t("coupon.for", { amount: money(pointsSpent, "POINTS") }) : t("coupon.free"),
    expiresAt && t("until", { day: lastDay(expiresAt) }),
    coupon.refund && t("coupon.refunded"),
  ];
  return h(
    "li",
    { class: "coupon" },
    h("div", null, h("strong", null, terms.name), h("small", null, ` ${rewardValue(terms)}`), h("div", null, h("code", null, code), badge(t(`coupon.${status}`), tones[status])), h("small", null, about.filter(Boolean).join(" · "))),
    h(
      "div",
      { class: "actions" },
      issued && copyButton(code, t("copy.code", { code }), { "data-key": `copy-${code}` }),
      issued && may("GIVE_REWARD") && h("button", { type: "button", class: "small", "data-key": `use-${coupon.id}`, onclick: () => use(coupon) }, t("coupon.use")),
      issued && may("DISABLE_COUPON") && h("button", { type: "button", class: "small", "data-key": `off-${coupon.id}`, onclick: () => disable(coupon) }, t("coupon.disable")),
    ),
  );
}

/** @param {Coupon} coupon */
function use({ id, code }) {
  confirm(new Sheet(t("coupon.use.title", { code })), t("coupon.use.what"), null, {
    asset: () => "POINTS",
    verb: t("coupon.use"),
    send: async (_, idempotencyKey) => (await ask("UseCoupon", { input: { couponId: id, idempotencyKey } })).useCoupon,
    said: () => t("coupon.use.done", { code }),
  });
}

/** @param {Coupon} coupon */
function disable({ id, code, pointsSpent }) {
  const sheet = new Sheet(t("coupon.disable.title", { code }));
  const paid = units(pointsSpent) > 0n;
  const note = noteField();
  let refundPoints = paid;
  const ways = [
    { label: t("coupon.refund.yes", { amount: money(pointsSpent, "POINTS") }), on: true },
    { label: t("coupon.refund.no"), on: false },
  ];
  const radios = ways.map(({ label, on }) => h("label", { class: "tick" }, h("input", { type: "radio", name: "refund", checked: on === refundPoints, oninput: () => (refundPoints = on) }), h("span", null, label)));
  new Step(sheet, {
    body: [h("p", { class: "review-what" }, t("coupon.disable.what")), paid && h("fieldset", { class: "ticks" }, h("legend", null, t("coupon.refund")), radios), note.root],
    read: () => ({ couponId: id, refundPoints, note: note.read() }),
    asset: () => "POINTS",
    preview: async (input) => (await ask("PreviewDisableCoupon", { input })).previewDisableCoupon,
    effect: (preview) => (preview.accounts?.length ? posting(preview, { gives: true }) : h("p", null, t("coupon.disable.nothing"))),
    verb: t("coupon.disable"),
    bad: true,
    send: async (input, idempotencyKey) => (await ask("DisableCoupon", { input: { ...input, idempotencyKey } })).disableCoupon,
    said: () => t("coupon.disable.done", { code }),
  }).show();
}
