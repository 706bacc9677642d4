// Activity: everything that was done, newest first: who, when, why, how much, on whose approval.
import { ask } from "../api.js";
import { units } from "../decimals.js";
import { h, put } from "../dom.js";
import { icon } from "../icons.js";
import { currenciesInUse, reasonLabels } from "../parts/choices.js";
import { field, select, wrongDate } from "../parts/fields.js";
import { head } from "../parts/head.js";
import { later } from "../parts/later.js";
import { paged, pageOf } from "../parts/pages.js";
import { personFilter } from "../parts/person-filter.js";
import { empty, failed, nameOf, region, skeleton } from "../parts/states.js";
import { pathTo } from "../router.js";
import { assetName, dayBegins, dayEnds, moment, money, placesOf, t, today, tOr, typedIn } from "../text.js";

/** @typedef {NonNullable<import("../api.js").Data<"Activity">["auditTrail"]>["edges"][number]["node"]} Row */
/** @typedef {Pick<import("../api.js").Variables<"Activity">, "customerId" | "filter">} Filter */

const PAGE = 40;
const PLACES = 2;
/** All that there are, the most frequent first. */
const KINDS = /** @type {const} */ (["ADJUSTMENT", "SPEND", "USE", "HOLD", "REFUND", "ASSIGNMENT", "RELEASE", "CREDIT_NOTE", "ORDER", "OVERPAYMENT", "REWARD", "VOID", "REVERSAL", "TRANSFER", "EXPIRY", "REVIVAL", "UPDATE", "MERGE", "RESTATEMENT"]);

export function activityScreen() {
  const list = h("div", null);
  const wanted = { filter: /** @type {Filter} */ ({}), reasons: /** @type {ReadonlyMap<string, string>} */ (new Map()) };
  const save = h("button", { type: "button", onclick: () => later(() => import("./activity-export.js"), ({ openExport }) => openExport(wanted.filter, wanted.reasons)) }, icon("import"), t("export"));
  // What was chosen stays as it is while others post.
  const chosen = h("div", null, skeleton(2));
  const start = async () => {
    try {
      const [reasons, currencies] = await Promise.all([reasonLabels(), currenciesInUse()]);
      wanted.reasons = reasons;
      const draw = (/** @type {Filter | null} */ filter) => {
        save.disabled = filter === null;
        if (filter === null) {
          put(list, []);
          return;
        }
        wanted.filter = filter;
        put(list, region(() => activityOf(filter), (first) => records(filter, first, reasons), 8));
      };
      put(chosen, filters(reasons, currencies, draw));
    } catch (error) {
      put(chosen, failed(error, start));
    }
  };
  void start();
  return h("div", null, head(t("nav.activity"), save), chosen, list);
}

/**
 * @param {ReadonlyMap<string, string>} reasons
 * @param {readonly string[]} currencies
 * @param {(filter: Filter | null) => void} changed Called at once, and whenever something else is chosen; with null where
 *   something is wrong with it.
 */
function filters(reasons, currencies, changed) {
  const all = { value: "", label: t("all") };
  const draw = () => changed(read());
  const kind = select([all, ...KINDS.map((value) => ({ value, label: t(`kind.${value}`) }))], "", { onchange: draw });
  const reason = select([all, ...[...reasons].map(([value, label]) => ({ value, label }))], "", { onchange: draw });
  const asset = select([all, ...[...currencies, "SERVICE_CREDITS", "POINTS"].map((value) => ({ value, label: assetName(value) }))], "", { onchange: draw });
  const who = h("input", { type: "search", autocomplete: "off", onchange: draw });
  const from = h("input", { type: "date", max: today(), onchange: draw });
  const to = h("input", { type: "date", max: today(), onchange: draw });
  const least = amountOfEither(t("activity.least"), asset, draw);
  const most = amountOfEither(t("activity.most"), asset, draw);
  const first = field(t("period.from"), from);
  const last = field(t("period.to"), to);
  const customer = personFilter(t("invoice.customer"), draw);
  const often = [customer, field(t("activity.kind"), kind), first, last];
  const more = [field(t("reason"), reason), field(t("activity.asset"), asset), least, most, field(t("activity.who"), who, { hint: t("activity.who.hint") })];
  /** @returns {Filter | null} */
  function read() {
    const [minAmount, maxAmount] = [least.read(), most.read()];
    const late = Boolean(from.value && to.value && to.value < from.value);
    const [wrongFrom, wrongTo] = [wrongDate(from), wrongDate(to) ?? (late ? t("period.wrong") : null)];
    first.tell(wrongFrom);
    last.tell(wrongTo);
    const crossed = Boolean(minAmount && maxAmount && units(maxAmount) < units(minAmount));
    if (crossed) most.tell(t("activity.crossed"));
    if (wrongFrom || wrongTo || crossed || minAmount === undefined || maxAmount === undefined) return null;
    const filter = {
      kind: kind.value === "" ? null : [/** @type {typeof KINDS[number]} */ (kind.value)],
      reason: reason.value || null,
      asset: asset.value || null,
      actor: who.value.trim() || null,
      minAmount,
      maxAmount,
      at: from.value || to.value ? { from: from.value ? dayBegins(from.value) : null, to: to.value ? dayEnds(to.value) : null } : null,
    };
    // One that says nothing would be charged for.
    return { customerId: customer.id(), filter: Object.values(filter).some((each) => each !== null) ? filter : null };
  }
  draw();
  // On a phone, the list would be far below them all.
  const open = matchMedia("(min-width: 861px)").matches;
  return [h("div", { class: "filters even" }, often.map(({ root }) => root)), h("details", { class: "more filters-more", open }, h("summary", null, t("more")), h("div", { class: "filters even" }, more.map(({ root }) => root)))];
}

/**
 * An amount that was added or, with a minus, removed.
 * @param {string} label
 * @param {HTMLSelectElement} asset Of what; blank: of anything, and then of no more decimals than most currencies have.
 * @param {() => void} changed
 */
function amountOfEither(label, asset, changed) {
  const input = h("input", { type: "text", autocomplete: "off", placeholder: t("activity.amount.hint"), onchange: changed });
  const shown = field(label, input);
  return {
    ...shown,
    /** Null where it is blank; undefined, and told, where it is none. */
    read() {
      const typed = input.value.trim() === "" ? null : typedIn(input.value, asset.value, asset.value ? placesOf(asset.value) : PLACES);
      const wrong = input.value.trim() !== "" && (typed === null || typed === "unclear" || typed === "precise");
      shown.tell(wrong ? t(typed === "unclear" ? "amount.unclear" : typed === "precise" ? "refused.AMOUNT_PRECISION" : "amount.wrong") : null);
      return wrong ? undefined : typed;
    },
  };
}

/** @param {Filter} filter @param {string | null} [before] */
async function activityOf(filter, before = null) {
  return pageOf((await ask("Activity", { ...filter, last: PAGE, before, counted: false })).auditTrail);
}

/**
 * @param {Filter} filter
 * @param {import("../parts/pages.js").Page<Row>} first
 * @param {ReadonlyMap<string, string>} reasons
 */
function records(filter, first, reasons) {
  if (first.rows.length === 0) return empty(t("activity.none"), t("activity.none.advice"));
  return paged(h("ol", { class: "events" }), first, (row) => line(row, reasons), (before) => activityOf(filter, before));
}

/** What was done, in a word. @param {Row} row */
export function whatOf({ kind, action }) {
  return kind ? tOr(`kind.${kind}`, kind) : tOr(`action.${action}`, t("action.settings"));
}

/**
 * @param {Row} row
 * @param {ReadonlyMap<string, string>} reasons
 */
function line(row, reasons) {
  const { at, amount, held, asset, reason, note, customer, actor, approvedBy } = row;
  return h(
    "li",
    { class: "event" },
    h(
      "div",
      { class: "event-what" },
      h("strong", null, whatOf(row), reason && `: ${reasons.get(reason) ?? reason}`),
      customer && h("span", null, " ", h("a", { href: pathTo("customers", customer.id) }, customer.name)),
      note && h("p", { class: "note" }, note),
      h("small", null, [moment(at), t("by", { name: nameOf(actor) }), t(`role.${actor.role}`), approvedBy && t("approved.by", { name: nameOf(approvedBy) })].filter(Boolean).join(" · ")),
    ),
    amount !== null && asset !== null && h("div", { class: "event-sum" }, h("strong", { class: amount.startsWith("-") ? "minus" : "plus" }, money(amount, asset, { signed: true }))),
    amount === null && held !== null && asset !== null && h("div", { class: "event-sum" }, money(held, asset, { signed: true })),
  );
}
