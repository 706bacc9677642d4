// One credit: where it went, and what can be done with what is left of it.
import { ask, newKey, rows } from "../api.js";
import { units } from "../decimals.js";
import { booksChanged, h, put } from "../dom.js";
import { icon } from "../icons.js";
import { field } from "../parts/fields.js";
import { refused } from "../parts/refusals.js";
import { busy, Sheet, submitButton } from "../parts/sheet.js";
import { badge, empty, failed, skeleton, tell, words } from "../parts/states.js";
import { may } from "../session.js";
import { day, isMoney, money, t, tOr } from "../text.js";
import { isLost } from "./adjust.js";
import { openAssign } from "./assign.js";
import { termOf } from "./lots.js";

/** @typedef {Extract<NonNullable<import("../api.js").Data<"CreditDetail">["node"]>, {remaining: string}>} Detail */
/** @typedef {import("../parts/refusals.js").Refusal} Refusal */

/**
 * @param {string} id
 * @param {string} asset
 */
export async function openCredit(id, asset) {
  const sheet = new Sheet(t("credit"), { wide: true });
  const start = async () => {
    sheet.show([skeleton(5)], []);
    try {
      const { node } = await ask("CreditDetail", { id });
      if (node && "remaining" in node) show(sheet, /** @type {Detail} */ (node), asset);
      else sheet.show([empty(t("credit.none"))], []);
    } catch (error) {
      sheet.show([failed(error, start)], []);
    }
  };
  await start();
}

/**
 * @param {Sheet} sheet
 * @param {Detail} credit
 * @param {string} asset
 */
function show(sheet, credit, asset) {
  sheet.heading.textContent = t("credit.title", { amount: money(credit.amount, asset) });
  sheet.back = null;
  const all = rows(credit.assignments);
  const live = all.filter(({ releasedAt }) => releasedAt === null);
  const open = credit.status === "OPEN" || credit.status === "SCHEDULED";
  const spare = units(credit.remaining) > 0n;
  const customer = credit.account?.customer;
  sheet.show(
    [
      h(
        "dl",
        { class: "facts" },
        fact(t("credit.left"), h("strong", null, money(credit.remaining, asset))),
        credit.held && units(credit.held) > 0n && fact(t("credit.held"), money(credit.held, asset)),
        fact(t("credit.state"), badge(t(`lot.${credit.status}`), open ? "good" : "plain")),
        fact(t("expiry"), termOf(credit.expiresAt)),
        credit.transaction && fact(t("credit.from"), `${tOr(`kind.${credit.transaction.kind}`, credit.transaction.kind)}, ${day(credit.transaction.createdAt)}`),
        credit.services.length > 0 && fact(t("services"), credit.services.map(({ name }) => name).join(", ")),
        isMoney(asset) && fact(t("credit.auto"), t(credit.autoApply ? "credit.auto.on" : "credit.auto.off")),
      ),
      isMoney(asset) && h("h3", null, t("credit.assignments")),
      isMoney(asset) && (all.length ? h("ul", { class: "assigned" }, all.map((each) => assigned(sheet, each, credit, asset))) : h("p", { class: "hint" }, t("credit.assignments.none"))),
    ],
    [
      may("VOID") && open && spare && h("button", { type: "button", class: "bad", onclick: () => confirmVoid(sheet, credit, asset, live.length) }, t("credit.void")),
      may("VOID") && open && isMoney(asset) && h("button", { type: "button", onclick: () => pause(sheet, credit, asset) }, t(credit.autoApply ? "credit.pause" : "credit.resume")),
      may("ASSIGN") &&
        credit.status === "OPEN" &&
        isMoney(asset) &&
        spare &&
        customer &&
        h(
          "button",
          {
            type: "button",
            class: "primary",
            onclick: () => {
              sheet.close();
              openAssign(customer, [{ lot: credit, asset }]);
            },
          },
          t("assign"),
        ),
    ],
  );
}

/** @param {string} name @param {...import("../dom.js").Child} what */
function fact(name, ...what) {
  return h("div", null, h("dt", null, name), h("dd", null, what));
}

/**
 * @param {Sheet} sheet
 * @param {ReturnType<typeof rows<NonNullable<Detail["assignments"]>["edges"][number]["node"]>>[number]} assignment
 * @param {Detail} credit
 * @param {string} asset
 */
function assigned(sheet, assignment, credit, asset) {
  const { amount, origin, assignedAt, releasedAt, invoice } = assignment;
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
    releasedAt === null && may("RELEASE") && h("button", { type: "button", class: "small", onclick: () => confirmRelease(sheet, assignment, credit, asset) }, t("release")),
  );
}

/**
 * A step that says what it will do, and does it once.
 * @param {Sheet} sheet
 * @param {{what: string, verb: string, asset: string, back: () => void, send: (note: string | null) => Promise<{refusals: readonly Refusal[], said: string} | null>}} step
 */
function confirm(sheet, { what, verb, asset, back, send }) {
  const note = h("textarea", { rows: 2, autofocus: true });
  const problem = h("div", { role: "alert" });
  sheet.back = back;
  sheet.submit = async () => {
    put(problem, []);
    try {
      const done = await busy(sheet, () => send(note.value.trim() || null));
      if (!done) return;
      if (done.refusals.length) {
        put(problem, done.refusals.map((each) => h("p", { class: "notice bad" }, refused(each, asset))));
        return;
      }
      sheet.close();
      tell(done.said);
      booksChanged();
    } catch (error) {
      put(problem, h("p", { class: "notice bad" }, icon("warning"), isLost(error) ? t("problem.lost.safe") : words(error)));
    }
  };
  sheet.show(
    [h("p", { class: "review-what" }, what), field(t("note"), note, { hint: t("note.hint") }).root, problem],
    [h("button", { type: "button", onclick: back }, t("back")), submitButton(verb, { bad: true })],
  );
}

/**
 * @param {Sheet} sheet
 * @param {Detail} credit
 * @param {string} asset
 * @param {number} live Assignments that stand.
 */
function confirmVoid(sheet, credit, asset, live) {
  const key = newKey();
  const left = money(credit.remaining, asset);
  confirm(sheet, {
    what: live ? t("credit.void.assigned", { left, n: live }) : t("credit.void.what", { left }),
    verb: t("credit.void"),
    asset,
    back: () => show(sheet, credit, asset),
    send: async (note) => {
      const { voidCredit: payload } = await ask("VoidCredit", { input: { creditId: credit.id, note, releaseAssignments: live > 0, idempotencyKey: key } });
      return payload && { refusals: payload.userErrors, said: already(payload.replayed, t("credit.voided", { left })) };
    },
  });
}

/**
 * @param {Sheet} sheet
 * @param {{id: string, amount: string, invoice: {number: string}}} assignment
 * @param {Detail} credit
 * @param {string} asset
 */
function confirmRelease(sheet, { id, amount, invoice }, credit, asset) {
  const key = newKey();
  const values = { amount: money(amount, asset), number: invoice.number };
  confirm(sheet, {
    what: t("release.what", values),
    verb: t("release"),
    asset,
    back: () => show(sheet, credit, asset),
    send: async (note) => {
      const { releaseAssignments: payload } = await ask("Release", { input: { assignmentIds: [id], note, idempotencyKey: key } });
      return payload && { refusals: payload.userErrors, said: already(payload.replayed, t("release.done", values)) };
    },
  });
}

/**
 * @param {Sheet} sheet
 * @param {Detail} credit
 * @param {string} asset
 */
async function pause(sheet, credit, asset) {
  try {
    const input = { creditId: credit.id, autoApply: !credit.autoApply, idempotencyKey: newKey() };
    const { updateCredit: payload } = await busy(sheet, () => ask("PauseCredit", { input }));
    const [refusal] = payload?.userErrors ?? [];
    if (refusal) throw new Error(refused(refusal, asset));
    booksChanged();
    tell(t(credit.autoApply ? "credit.auto.off" : "credit.auto.on"));
    show(sheet, { ...credit, autoApply: !credit.autoApply }, asset);
  } catch (error) {
    sheet.body.prepend(h("p", { class: "notice bad", role: "alert" }, error instanceof Error && error.constructor === Error ? error.message : words(error)));
  }
}

/** @param {boolean} replayed @param {string} text */
function already(replayed, text) {
  return replayed ? `${t("done.already")} ${text}` : text;
}
