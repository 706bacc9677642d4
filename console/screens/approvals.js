// Approvals: what waits for a second person. It arrives by itself, and so does the number beside the menu's word.
import { ask, newKey, rows } from "../api.js";
import { booksChanged, Cell, h, othersChanged, put } from "../dom.js";
import { icon } from "../icons.js";
import { choice, field } from "../parts/fields.js";
import { head } from "../parts/head.js";
import { reasonLabels } from "../parts/choices.js";
import { paged, pageOf } from "../parts/pages.js";
import { busy, Sheet, submitButton } from "../parts/sheet.js";
import { badge, empty, nameOf, region, tell } from "../parts/states.js";
import { pathTo } from "../router.js";
import { may, viewer } from "../session.js";
import { follow } from "../socket.js";
import { ago, exactly, lastDay, money, moment, t, tOr } from "../text.js";
import { term } from "./adjust.js";

/** @typedef {NonNullable<import("../api.js").Data<"Requests">["approvalRequests"]>["edges"][number]["node"]} Asked */
/** @typedef {NonNullable<import("../api.js").Data<"Approve">["approveRequest"]>["userErrors"][number]} Refusal */

/** @typedef {"waiting" | "decided"} Which */

const PAGE = 40;

/** How many wait for whoever is signed in: to be decided, or, of those who may not, their own. */
export const waiting = new Cell(0);

/**
 * Counts what waits, now and whenever it changes, until the answered function is called.
 * @param {import("../session.js").Viewer} who
 */
export function followApprovals(who) {
  let asked = 0;
  const count = async () => {
    const turn = ++asked;
    try {
      const { approvalRequests } = await ask("Waiting", {});
      const others = rows(approvalRequests).filter(({ requestedBy }) => !may("APPROVE") || requestedBy.subject !== who.subject);
      if (turn === asked) waiting.set(others.length);
    } catch {
      // The number stays as it was; the screen itself says what is wrong.
    }
  };
  /** @type {string | null} */
  let after = null;
  let begun = false;
  const changed = () => {
    void count();
    othersChanged();
  };
  const variables = () => {
    // Without a cursor nothing tells what has happened while there was no connection.
    if (begun && after === null) changed();
    begun = true;
    return { after };
  };
  void count();
  return follow(
    "FollowRequests",
    variables,
    ({ approvalRequests }) => {
      after = approvalRequests?.cursor ?? after;
      changed();
    },
    // A cursor may have become too old.
    () => (after = null),
  );
}

export function approvalsScreen() {
  const list = h("div", null);
  const draw = (/** @type {Which} */ which) => put(list, region(() => first(which), (found) => requests(found, which), 5));
  draw("waiting");
  const which = /** @type {const} */ (["waiting", "decided"]).map((value) => ({ value, label: t(`approvals.${value}.tab`) }));
  return h("div", null, head(t("nav.approvals")), choice(t("approvals.which"), which, "waiting", draw).root, list);
}

/** @param {Which} which */
async function first(which) {
  const [page, reasons] = await Promise.all([asked(which, null), reasonLabels()]);
  return { page, reasons };
}

/** @param {Which} which @param {string | null} before */
async function asked(which, before) {
  const status = which === "waiting" ? /** @type {const} */ (["PENDING"]) : /** @type {const} */ (["APPROVED", "REJECTED", "WITHDRAWN", "EXPIRED"]);
  return pageOf((await ask("Requests", { status: [...status], last: PAGE, before })).approvalRequests);
}

/**
 * @param {Awaited<ReturnType<typeof first>>} found
 * @param {Which} which
 */
function requests({ page, reasons }, which) {
  if (page.rows.length === 0) return empty(t(`approvals.${which}.none`), which === "waiting" ? t("approvals.waiting.none.advice") : "");
  return paged(h("ul", null), page, (each) => h("li", { class: "card request" }, request(each, reasons)), (before) => asked(which, before));
}

/** What is asked for, in a sentence. @param {Asked} asked */
function sentence({ operation, amount, asset, customer, toCustomer, reward, deductPoints, orderNumber }) {
  const value = amount !== null && asset !== null ? money(amount.replace("-", ""), asset) : "";
  const name = customer?.name ?? "";
  if (operation === "GIVE_REWARD") return t(deductPoints ? "asked.GIVE_REWARD.points" : "asked.GIVE_REWARD", { reward: reward?.name ?? "", name });
  if (operation === "ADJUST_CREDIT") return t(amount?.startsWith("-") ? "asked.remove" : "asked.add", { amount: value, name });
  return tOr(`asked.${operation}`, operation, { amount: value, name, to: toCustomer?.name ?? "", number: orderNumber ?? "" });
}

/** How long the credit is good, from when, and for which services. @param {Asked} each */
function terms(each) {
  const { expiresInDays, creditExpiresAt, services } = each;
  return [
    expiresInDays ? t("asked.days", { n: expiresInDays }) : creditExpiresAt && t("until", { day: lastDay(creditExpiresAt) }),
    term(each),
    services && services.length > 0 && `${t("services")}: ${services.map(({ name }) => name).join(", ")}`,
  ];
}

/**
 * @param {Asked} each
 * @param {ReadonlyMap<string, string>} reasons
 */
function request(each, reasons) {
  const { status, customer, requestedBy, decidedBy, createdAt, decidedAt } = each;
  const own = requestedBy.subject === viewer.value?.subject;
  const why = [each.reason && (reasons.get(each.reason) ?? each.reason), each.note].filter(Boolean).join(": ");
  const pending = status === "PENDING";
  return [
    h(
      "div",
      { class: "request-what" },
      h("h2", null, sentence(each)),
      why && h("p", { class: "note" }, why),
      h("p", { class: "hint" }, [t("by", { name: nameOf(requestedBy) }), ago(createdAt), ...terms(each), pending && t("asked.ends", { when: moment(each.expiresAt) })].filter(Boolean).join(" · ")),
      each.changes && each.changes.length > 0 && h("div", { class: "notice warn" }, icon("warning"), changes(each.changes)),
      !pending && h("p", null, badge(t(`request.${status}`), status === "APPROVED" ? "good" : "plain"), " ", decidedBy && `${t("by", { name: nameOf(decidedBy) })}${decidedAt ? `, ${ago(decidedAt)}` : ""}`, each.decisionNote && h("span", { class: "note" }, ` ${each.decisionNote}`)),
    ),
    h(
      "div",
      { class: "actions" },
      customer && may("READ_CUSTOMERS") && h("a", { class: "button small", href: pathTo("customers", customer.id), "data-key": `customer-${each.id}` }, t("asked.customer")),
      pending && own && h("button", { type: "button", class: "small", "data-key": `withdraw-${each.id}`, onclick: () => decide(each, "withdraw", why) }, t("withdraw")),
      pending && !own && may("APPROVE") && h("button", { type: "button", class: "small", "data-key": `reject-${each.id}`, onclick: () => decide(each, "reject", why) }, t("reject")),
      pending && !own && may("APPROVE") && h("button", { type: "button", class: "small primary", "data-key": `approve-${each.id}`, onclick: () => decide(each, "approve", why) }, t("approve")),
    ),
    pending && own && may("APPROVE") && h("p", { class: "hint" }, t("asked.own")),
  ];
}

/** @param {readonly {field: string, before: string | null, after: string | null}[]} all */
function changes(all) {
  return h("div", null, h("p", null, t("asked.changed")), h("ul", { class: "plain" }, all.map(({ field: name, before, after }) => h("li", null, `${tOr(`term.${name.split(".").at(-1)}`, name)}: ${termOf(name, before)} → ${termOf(name, after)}`))));
}

/** A term as one reads it: a number, yes or no, or what the business has called it. @param {string} name @param {string | null} value */
function termOf(name, value) {
  if (value === null) return "–";
  if (name.endsWith(".kind")) return tOr(`reward.kind.${value}`, tOr(`product.${value}`, value));
  if (name.endsWith(".movesLifetime")) return t(value === "true" ? "yes" : "no");
  return /\.(value|pointsCost|validityDays|unitPrice)$/.test(name) ? exactly(value) : value;
}

/**
 * @param {Asked} each
 * @param {"approve" | "reject" | "withdraw"} how
 * @param {string} why It was asked for.
 */
function decide(each, how, why) {
  const sheet = new Sheet(t(`${how}.title`));
  const key = newKey();
  let version = each.version;
  const note = h("textarea", { rows: 2, autofocus: true });
  const problem = h("div", { role: "alert" });
  const said = terms(each).filter(Boolean).join(" · ");
  sheet.submit = async () => {
    put(problem, []);
    try {
      const done = await busy(sheet, () => send(each.id, how, { note: note.value.trim() || null, version, key }));
      const [refusal] = done.refusals;
      if (!refusal) {
        sheet.close();
        tell(done.replayed ? t("done.already") : t(`${how}.done`));
        booksChanged();
      } else if (refusal.code === "REQUEST_CHANGED") {
        version = refusal.version ?? null;
        put(problem, h("div", { class: "notice warn" }, icon("warning"), changes(refusal.changes ?? [])));
      } else sheet.refuse(problem, [refusal], each.asset ?? "POINTS");
    } catch (error) {
      sheet.unanswered(problem, error);
    }
  };
  sheet.show(
    [h("p", { class: "review-what" }, sentence(each)), why && h("p", { class: "note asked-why" }, why), said && h("p", { class: "hint" }, said), each.changes && each.changes.length > 0 && h("div", { class: "notice warn" }, icon("warning"), changes(each.changes)), how === "approve" && region(() => import("./approval-effect.js"), ({ effectOf }) => effectOf(each), 1), field(t(how === "approve" ? "decision.note" : "decision.why"), note).root, problem],
    [h("button", { type: "button", onclick: () => sheet.close() }, t("cancel")), submitButton(t(how), { bad: how !== "approve" })],
  );
}

/**
 * @param {string} requestId
 * @param {"approve" | "reject" | "withdraw"} how
 * @param {{note: string | null, version: string | null, key: string}} what
 * @returns {Promise<{refusals: readonly (Pick<Refusal, "code" | "message" | "field" | "available" | "used" | "remaining"> & Partial<Refusal>)[], replayed: boolean}>}
 */
async function send(requestId, how, { note, version, key }) {
  if (how === "approve") {
    const { approveRequest: payload } = await ask("Approve", { input: { requestId, note, version, idempotencyKey: key } });
    return { refusals: payload?.userErrors ?? [], replayed: payload?.replayed ?? false };
  }
  const input = { requestId, note };
  if (how === "reject") return { refusals: (await ask("Reject", { input })).rejectRequest?.userErrors ?? [], replayed: false };
  return { refusals: (await ask("Withdraw", { input })).withdrawRequest?.userErrors ?? [], replayed: false };
}
