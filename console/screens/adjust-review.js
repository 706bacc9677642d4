// The second step of an adjustment: what the server says it would do; and then it is done, once.
import { ask } from "../api.js";
import { decimal, units } from "../decimals.js";
import { h, put } from "../dom.js";
import { icon } from "../icons.js";
import { creditsFact, tierFact } from "../parts/effects.js";
import { fact, facts, fromTo } from "../parts/facts.js";
import { leftOf, refused } from "../parts/refusals.js";
import { busy, submitButton } from "../parts/sheet.js";
import { calendarDay, daysAfter, money, placesOf, t, today, zone } from "../text.js";
import { term } from "./adjust.js";

/** @typedef {import("./adjust.js").AdjustingDialog} Dialog */
/** @typedef {import("./adjust.js").Asked} Asked */
/** @typedef {NonNullable<import("../api.js").Data<"PreviewAdjustment">["previewAdjustment"]>} Preview */

/**
 * Asks for the preview, and shows it.
 * @param {Dialog} dialog
 * @param {Asked} asked
 */
export async function review(dialog, asked) {
  const customer = dialog.customers[0];
  if (!customer) return;
  const input = { customerId: customer.id, ...asked };
  const { previewAdjustment: preview } = await ask("PreviewAdjustment", { input });
  if (!preview) return;
  const others = preview.userErrors.filter(({ code }) => code !== "LIMIT_EXCEEDED" && code !== "CURRENCY_NOT_ALLOWED");
  if (others.length) {
    dialog.refuse(others);
    return;
  }
  const over = preview.userErrors[0] ?? null;
  const problem = h("div", { class: "problem", role: "alert" });
  dialog.sheet.back = () => dialog.form();
  dialog.sheet.submit = () => void post(dialog, { ...input, requestApproval: over !== null, idempotencyKey: dialog.key }, customer.name, problem);
  dialog.sheet.show(
    [
      h("p", { class: "review-what" }, t(dialog.removes ? "review.remove" : "review.add", { amount: money(asked.amount.replace("-", ""), asked.asset), name: customer.name })),
      effects(preview, asked, dialog, over !== null),
      over && h("p", { class: "notice warn" }, icon("warning"), refused(over, asked.asset)),
      over === null && leftOf(preview.limit.remaining).length > 0 && h("p", { class: "hint" }, leftOf(preview.limit.remaining).join(" ")),
      problem,
    ],
    [h("button", { type: "button", onclick: () => dialog.form() }, t("back")), over ? submitButton(t("ask.manager")) : submitButton(t("apply"), { bad: dialog.removes })],
  );
  const apply = dialog.sheet.buttons.querySelector("button[type=submit]");
  if (apply instanceof HTMLElement) apply.focus();
}

/**
 * @param {Preview} preview
 * @param {Asked} asked
 * @param {Dialog} dialog
 * @param {boolean} asks Whether a manager has to be asked: the server's figures are then those of today.
 */
function effects(preview, asked, dialog, asks) {
  const { asset } = asked;
  const { account } = preview;
  const now = account?.available ?? "0";
  const after = asks ? decimal(units(now) + units(asked.amount), placesOf(asset)) : (preview.availableAfter ?? now);
  const reason = dialog.reasons.find(({ code }) => code === asked.reason)?.label ?? asked.reason;
  const starts = term(asked);
  return facts(
    fact(t("balance"), fromTo(money(now, asset), money(after, asset)), asks && h("small", null, t("review.once.agreed"))),
    fact(t("reason"), asked.note ? `${reason}: ${asked.note}` : reason),
    starts && fact(t("effective"), starts),
    !dialog.removes && fact(t("expiry"), asked.expiresInDays === null ? t("expiry.never") : until(asked.expiresInDays)),
    asset === "POINTS" && !asks && tierFact(account?.tier ?? null, preview.tierAfter, account?.lifetime ?? "0", preview.lifetimeAfter ?? "0"),
    dialog.removes && creditsFact(preview.credits, asset),
  );
}

/** @param {number} days */
function until(days) {
  return t("expiry.until", { day: calendarDay(daysAfter(today(), days)), zone: zone.value });
}

/**
 * @param {Dialog} dialog
 * @param {import("../api.js").Variables<"Adjust">["input"]} input
 * @param {string} name
 * @param {HTMLElement} problem
 */
async function post(dialog, input, name, problem) {
  put(problem, []);
  try {
    const { adjustCredit: payload } = await busy(dialog.sheet, () => ask("Adjust", { input }));
    if (!payload) return;
    const [refusal] = payload.userErrors;
    if (refusal?.code === "LIMIT_EXCEEDED" || refusal?.code === "BUSY" || refusal?.code === "UNAVAILABLE") {
      dialog.sheet.refuse(problem, [refusal], input.asset);
      if (refusal.code === "LIMIT_EXCEEDED") await review(dialog, { ...askedOf(input) });
    } else if (refusal) dialog.refuse(payload.userErrors);
    else dialog.done(said(payload, input, name));
  } catch (error) {
    dialog.sheet.unanswered(problem, error);
  }
}

/** @param {import("../api.js").Variables<"Adjust">["input"]} input @returns {Asked} */
function askedOf(input) {
  const { asset, amount, reason, note, expiresInDays, effectiveOn, serviceIds } = input;
  return {
    asset,
    amount,
    reason,
    note: note ?? null,
    expiresInDays: expiresInDays ?? null,
    effectiveOn: effectiveOn ?? null,
    serviceIds: [serviceIds ?? []].flat().map(String),
  };
}

/**
 * @param {NonNullable<import("../api.js").Data<"Adjust">["adjustCredit"]>} payload
 * @param {{asset: string, amount: string}} input
 * @param {string} name
 */
function said(payload, input, name) {
  if (payload.approvalRequest) return t(payload.replayed ? "done.asked.already" : "done.asked");
  const amount = money(input.amount.replace("-", ""), input.asset);
  const balance = money(payload.account?.available ?? "0", input.asset);
  const text = t(input.amount.startsWith("-") ? "done.removed" : "done.added", { amount, name, balance });
  return payload.replayed ? `${t("done.already")} ${text}` : text;
}
