// Activity: everything that was done, newest first: who, when, why, how much, on whose approval.
import { ask, rows } from "../api.js";
import { h, put } from "../dom.js";
import { reasonLabels } from "../parts/choices.js";
import { field, select } from "../parts/fields.js";
import { head } from "../parts/head.js";
import { empty, failed, nameOf, region, skeleton } from "../parts/states.js";
import { pathTo } from "../router.js";
import { assetName, moment, money, t, tOr } from "../text.js";

/** @typedef {NonNullable<import("../api.js").Data<"Activity">["auditTrail"]>["edges"][number]["node"]} Row */
/** @typedef {Omit<import("../api.js").Variables<"Activity">, "last" | "before">} Filter */

const PAGE = 40;
const KINDS = /** @type {const} */ (["ADJUSTMENT", "ASSIGNMENT", "RELEASE", "VOID", "REWARD", "REFUND", "SPEND", "EXPIRY", "TRANSFER"]);

export function activityScreen() {
  const list = h("div", null);
  const screen = h("div", null, head(t("nav.activity")), region(reasonLabels, (reasons) => filters(reasons, list), 2), list);
  return screen;
}

/**
 * @param {ReadonlyMap<string, string>} reasons
 * @param {HTMLElement} list
 */
function filters(reasons, list) {
  /** @type {Filter} */
  let filter = {};
  const draw = () => put(list, region(() => pageOf(filter), (first) => records(filter, first, reasons), 8));
  const changed = (/** @type {Filter} */ more) => {
    filter = { ...filter, ...more };
    draw();
  };
  const all = { value: "", label: t("all") };
  const kind = select([all, ...KINDS.map((value) => ({ value, label: t(`kind.${value}`) }))], "", {
    onchange: () => changed({ kind: kind.value === "" ? null : [/** @type {typeof KINDS[number]} */ (kind.value)] }),
  });
  const asset = select([all, ...["POINTS", "SERVICE_CREDITS"].map((value) => ({ value, label: assetName(value) }))], "", { onchange: () => changed({ asset: asset.value || null }) });
  const reason = select([all, ...[...reasons].map(([value, label]) => ({ value, label }))], "", { onchange: () => changed({ reason: reason.value || null }) });
  const who = h("input", { type: "search", autocomplete: "off", onchange: () => changed({ actor: who.value.trim() || null }) });
  draw();
  return h("div", { class: "filters" }, field(t("activity.kind"), kind).root, field(t("reason"), reason).root, field(t("activity.asset"), asset).root, field(t("activity.who"), who, { hint: null }).root);
}

/** @param {Filter} filter @param {string | null} [before] */
async function pageOf(filter, before = null) {
  const { auditTrail } = await ask("Activity", { ...filter, last: PAGE, before });
  return { rows: rows(auditTrail).reverse(), more: auditTrail?.pageInfo.hasPreviousPage ?? false, cursor: auditTrail?.pageInfo.startCursor ?? null };
}

/**
 * @param {Filter} filter
 * @param {Awaited<ReturnType<typeof pageOf>>} first
 * @param {ReadonlyMap<string, string>} reasons
 */
function records(filter, first, reasons) {
  if (first.rows.length === 0) return empty(t("activity.none"), t("activity.none.advice"));
  const list = h("ol", { class: "events" }, first.rows.map((row) => line(row, reasons)));
  const foot = h("div", { class: "foot" });
  const more = (/** @type {string | null} */ cursor) => {
    const next = async () => {
      put(foot, skeleton(2));
      try {
        const page = await pageOf(filter, cursor);
        list.append(...page.rows.map((row) => line(row, reasons)));
        put(foot, page.more ? more(page.cursor) : null);
      } catch (error) {
        put(foot, failed(error, next));
      }
    };
    return h("button", { type: "button", onclick: next }, t("more.rows"));
  };
  put(foot, first.more ? more(first.cursor) : null);
  return [list, foot];
}

/**
 * @param {Row} row
 * @param {ReadonlyMap<string, string>} reasons
 */
function line(row, reasons) {
  const { at, kind, action, amount, asset, reason, note, customer, actor, approvedBy } = row;
  const what = kind ? tOr(`kind.${kind}`, kind) : tOr(`action.${action}`, t("action.settings"));
  return h(
    "li",
    { class: "event" },
    h(
      "div",
      { class: "event-what" },
      h("strong", null, what, reason && `: ${reasons.get(reason) ?? reason}`),
      customer && h("span", null, " ", h("a", { href: pathTo("customers", customer.id) }, customer.name)),
      note && h("p", { class: "note" }, note),
      h("small", null, [moment(at), t("by", { name: nameOf(actor) }), t(`role.${actor.role}`), approvedBy && t("approved.by", { name: nameOf(approvedBy) })].filter(Boolean).join(" · ")),
    ),
    amount !== null && asset !== null && h("div", { class: "event-sum" }, h("strong", { class: amount.startsWith("-") ? "minus" : "plus" }, money(amount, asset, { signed: true }))),
  );
}
