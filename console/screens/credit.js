// One credit: where it went, and what can be done with what is left of it.
import { ask, rows } from "../api.js";
import { units } from "../decimals.js";
import { h } from "../dom.js";
import { posting } from "../parts/effects.js";
import { fact, facts } from "../parts/facts.js";
import { tick } from "../parts/fields.js";
import { later } from "../parts/later.js";
import { noteField } from "../parts/note.js";
import { allOf, paged, pageFrom } from "../parts/pages.js";
import { Sheet } from "../parts/sheet.js";
import { confirm, Step } from "../parts/step.js";
import { badge, empty, fill } from "../parts/states.js";
import { may } from "../session.js";
import { day, isMoney, money, t, tOr } from "../text.js";
import { termOf } from "./lots.js";

/** @typedef {Extract<NonNullable<import("../api.js").Data<"CreditDetail">["node"]>, {remaining: string}>} Detail */
/** @typedef {ReturnType<typeof rows<NonNullable<Detail["assignments"]>["edges"][number]["node"]>>[number]} Assignment */
/** @typedef {{sheet: Sheet, credit: Detail, asset: string}} Within */

/**
 * @param {string} id
 * @param {string} asset
 */
export async function openCredit(id, asset) {
  const sheet = new Sheet(t("credit"), { wide: true });
  await fill(
    sheet,
    5,
    () => ask("CreditDetail", { id }),
    ({ node }) => {
      if (node && "remaining" in node) show({ sheet, credit: /** @type {Detail} */ (node), asset });
      else sheet.show([empty(t("credit.none"))], []);
    },
  );
}

/** @param {Within} within */
function show(within) {
  const { sheet, credit, asset } = within;
  sheet.heading.textContent = t("credit.title", { amount: money(credit.amount, asset) });
  sheet.back = null;
  sheet.submit = () => {};
  const all = pageFrom(credit.assignments);
  const open = credit.status === "OPEN" || credit.status === "SCHEDULED";
  const held = units(credit.held ?? "0") > 0n;
  const spare = units(credit.remaining) > 0n;
  const customer = credit.account?.customer;
  sheet.show(
    [
      facts(
        fact(t("credit.left"), h("strong", null, money(credit.remaining, asset))),
        held && fact(t("credit.held"), money(credit.held ?? "0", asset)),
        fact(t("credit.state"), badge(t(`lot.${credit.status}`), open ? "good" : "plain")),
        fact(t("expiry"), termOf(credit.expiresAt)),
        credit.transaction && fact(t("credit.from"), `${tOr(`kind.${credit.transaction.kind}`, credit.transaction.kind)}, ${day(credit.transaction.createdAt)}`),
        credit.services.length > 0 && fact(t("services"), credit.services.map(({ name }) => name).join(", ")),
        isMoney(asset) && fact(t("credit.auto"), t(credit.autoApply ? "credit.auto.on" : "credit.auto.off")),
      ),
      isMoney(asset) && h("h3", null, t("credit.assignments")),
      isMoney(asset) && (all.rows.length ? paged(h("ul", { class: "assigned" }), all, (each) => assigned(within, each), async (after) => pageFrom(await assignmentsOf(credit.id, after))) : h("p", { class: "hint" }, t("credit.assignments.none"))),
    ],
    [
      may("VOID") && open && (spare || held) && h("button", { type: "button", class: "bad", onclick: () => voidCredit(within) }, t("credit.void")),
      may("VOID") && open && isMoney(asset) && h("button", { type: "button", onclick: () => pause(within) }, t(credit.autoApply ? "credit.pause" : "credit.resume")),
      may("ASSIGN") && credit.status === "OPEN" && isMoney(asset) && spare && customer && h("button", { type: "button", class: "primary", onclick: () => closing(sheet, ({ openAssign }) => openAssign(customer, [{ lot: credit, asset }])) }, t("assign")),
    ],
  );
}

/** @param {string} id @param {string | null} after */
async function assignmentsOf(id, after) {
  const { node } = await ask("CreditAssignments", { id, after });
  return node && "assignments" in node ? node.assignments : null;
}

/** Goes on to setting it against invoices. @param {Sheet} sheet @param {(assigning: typeof import("./assign.js")) => unknown} then */
function closing(sheet, then) {
  sheet.close();
  void later(() => import("./assign.js"), then);
}

/** @param {Within} within @param {Assignment} assignment */
function assigned(within, assignment) {
  const { sheet, credit, asset } = within;
  const { amount, origin, assignedAt, releasedAt, invoice } = assignment;
  const customer = credit.account?.customer;
  const stands = releasedAt === null && may("RELEASE");
  return h(
    "li",
    null,
    h(
      "span",
      null,
      h("strong", null, money(amount, asset)),
      ` ${t("credit.against", { number: invoice.number })} `,
      h("small", null, `${t(`origin.${origin}`)}, ${day(assignedAt)}`, releasedAt && `, ${t("credit.released", { day: day(releasedAt) })}`),
    ),
    stands &&
      h(
        "span",
        { class: "actions" },
        may("ASSIGN") && customer && h("button", { type: "button", class: "small", "aria-label": t("reassign.of", { number: invoice.number }), onclick: () => closing(sheet, ({ openReassign }) => openReassign(customer, { lot: credit, asset }, assignment)) }, t("reassign")),
        h("button", { type: "button", class: "small", "aria-label": t("release.of", { number: invoice.number }), onclick: () => release(within, assignment) }, t("release")),
      ),
  );
}

/** @param {Within} within */
function voidCredit(within) {
  return fill(within.sheet, 4, () => liveOf(within.credit), (live) => voidStep(within, live));
}

/** How many invoices it is set against. @param {Detail} credit */
async function liveOf({ id, assignments }) {
  const all = assignments?.pageInfo.hasNextPage ? await allOf((after) => assignmentsOf(id, after)) : rows(assignments);
  return all.filter(({ releasedAt }) => releasedAt === null).length;
}

/** @param {Within} within @param {number} live */
function voidStep(within, live) {
  const { sheet, credit, asset } = within;
  const left = money(credit.remaining, asset);
  const held = units(credit.held ?? "0") > 0n;
  const note = noteField({ autofocus: true });
  const holds = h("input", { type: "checkbox" });
  new Step(sheet, {
    body: [
      h("p", { class: "review-what" }, live ? t("credit.void.assigned", { left, n: live }) : t("credit.void.what", { left })),
      held && h("div", { class: "field" }, tick(t("credit.void.held", { amount: money(credit.held ?? "0", asset) }), holds)),
      note.root,
    ],
    read: () => ({ creditId: credit.id, note: note.read(), releaseAssignments: live > 0, releaseHolds: holds.checked }),
    asset: () => asset,
    preview: async (input) => (await ask("PreviewVoidCredit", { input })).previewVoidCredit,
    effect: (preview) => posting(preview),
    verb: t("credit.void"),
    bad: true,
    back: () => show(within),
    send: async (input, idempotencyKey) => (await ask("VoidCredit", { input: { ...input, idempotencyKey } })).voidCredit,
    said: () => t("credit.voided", { left }),
  }).show();
}

/** @param {Within} within @param {Assignment} assignment */
function release(within, { id, amount, invoice }) {
  const { sheet, asset } = within;
  const values = { amount: money(amount, asset), number: invoice.number };
  const note = noteField({ autofocus: true });
  const input = () => ({ assignmentIds: [id], note: note.read() });
  confirm(sheet, t("release.what", values), note, {
    asset: () => asset,
    preview: async () => (await ask("PreviewRelease", { input: input() })).previewRelease,
    effect: (preview) => posting(preview, { gives: true }),
    verb: t("release"),
    bad: true,
    back: () => show(within),
    send: async (_, idempotencyKey) => (await ask("Release", { input: { ...input(), idempotencyKey } })).releaseAssignments,
    said: () => t("release.done", values),
  });
}

/** @param {Within} within */
function pause(within) {
  const { sheet, credit, asset } = within;
  const left = money(credit.remaining, asset);
  const verb = t(credit.autoApply ? "credit.pause" : "credit.resume");
  const note = noteField({ autofocus: true });
  confirm(sheet, t(credit.autoApply ? "credit.pause.what" : "credit.resume.what", { left }), note, {
    asset: () => asset,
    verb,
    back: () => show(within),
    send: async (_, idempotencyKey) => (await ask("PauseCredit", { input: { creditId: credit.id, autoApply: !credit.autoApply, note: note.read(), idempotencyKey } })).updateCredit,
    said: () => t(credit.autoApply ? "credit.auto.off" : "credit.auto.on"),
    done: () => show({ ...within, credit: { ...credit, autoApply: !credit.autoApply } }),
  });
}
