// One import: what became of it, the rows that failed, and taking it back.
import { ask, newKey, Problem, problemOf, rows, transfer } from "../api.js";
import { units } from "../decimals.js";
import { booksChanged, h, put } from "../dom.js";
import { icon } from "../icons.js";
import { fact, facts } from "../parts/facts.js";
import { isUnderWay, progressBar } from "../parts/progress.js";
import { refused } from "../parts/refusals.js";
import { busy, Sheet, submitButton } from "../parts/sheet.js";
import { badge, failed, fill, isLost, nameOf, tell, words } from "../parts/states.js";
import { may } from "../session.js";
import { ago, money, t } from "../text.js";

/** @typedef {NonNullable<import("../api.js").Data<"BulkDetail">["bulkOperation"]>} Detail */
/** @typedef {NonNullable<import("../api.js").Data<"Reversal">["bulkOperation"]>} Reversal */

/** How long a file may take to be saved. */
const SAVED_MS = 60_000;

/** @param {Pick<Detail, "status" | "failed">} each */
export function stateOf(each) {
  if (isUnderWay(each)) return badge(t(`bulk.${each.status}`));
  if (each.failed > 0) return badge(t("import.failed", { n: each.failed }), "warn");
  return badge(t(`bulk.${each.status}`), each.status === "COMPLETED" ? "good" : "bad");
}

/** The rows that are wrong, with their lines. @param {Detail} found */
export function badRows(found) {
  const lines = rows(found.rows).map(({ line, row, customer, errors }) =>
    h("tr", null, h("th", { scope: "row" }, t("import.line", { n: line ?? row + 1 })), h("td", null, customer?.name ?? "–"), h("td", null, errors.map((each) => refused(each, found.sums?.[0]?.asset ?? "POINTS")).join(" "))),
  );
  return h(
    "div",
    null,
    h("p", { class: "notice warn" }, icon("warning"), t("import.bad", { n: found.failed })),
    h("div", { class: "scrolled", tabindex: "0", role: "region", "aria-label": t("import.bad", { n: found.failed }) }, h("table", { class: "lines small-table" }, h("tbody", null, lines))),
    found.rows.pageInfo.hasNextPage && h("p", { class: "hint" }, t("import.bad.more", { n: lines.length })),
    h("button", { type: "button", class: "small", onclick: () => saveReport(found.id) }, icon("import"), t("import.report")),
  );
}

/** Saves the failed rows as a file, to be put right and sent again. @param {string} id */
async function saveReport(id) {
  try {
    const address = URL.createObjectURL(await report(id));
    h("a", { href: address, download: "failed-rows.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(address), SAVED_MS);
  } catch (error) {
    tell(words(error), "warning");
  }
}

/** @param {string} id @returns {Promise<Blob>} */
async function report(id) {
  const answer = await transfer(`/imports/credits/${encodeURIComponent(id)}.csv?onlyFailed=true`);
  if (answer.ok) return answer.blob();
  const { errors } = await answer.json().catch(() => ({}));
  throw problemOf(errors?.[0] ?? { message: String(answer.status) });
}

/** @param {string} id */
export async function openBulk(id) {
  await showBulk(new Sheet(t("import"), { wide: true }), id);
}

/** @param {Sheet} sheet @param {string} id */
async function showBulk(sheet, id) {
  await fill(
    sheet,
    5,
    () => ask("BulkDetail", { id }),
    ({ bulkOperation }) => {
      if (!bulkOperation) throw new Problem("missing", "no such bulk");
      if (isUnderWay(bulkOperation)) sheet.show(progressBar(t("import.running"), id, () => void showBulk(sheet, id)), []);
      else bulkDetail(sheet, bulkOperation);
    },
  );
}

/** @param {Sheet} sheet @param {Detail} found */
export function bulkDetail(sheet, found) {
  const undone = rows(found.reversals).some(({ dryRun }) => !dryRun);
  const can = may("REVERSE_BULK") && may("REMOVE_CREDIT") && found.kind === "ADJUSTMENT" && !undone && found.succeeded > 0;
  sheet.back = null;
  sheet.submit = () => sheet.close();
  sheet.heading.textContent = found.kind === "REVERSAL" ? t("import.reversal") : (found.file?.name ?? t("import.bulk"));
  sheet.show(
    [
      facts(
        fact(t("import.state"), stateOf(found)),
        fact(t("import.posted"), t("import.of", { n: found.succeeded, all: found.total })),
        (found.sums ?? []).length > 0 && fact(t("amount"), (found.sums ?? []).map(({ asset, amount }) => money(amount, asset)).join(", ")),
        fact(t("activity.who"), `${nameOf(found.sentBy)}, ${ago(found.createdAt)}`),
        undone && fact(t("import.undo"), t("import.undone")),
      ),
      found.failed > 0 && badRows(found),
    ],
    [can && h("button", { type: "button", class: "bad", onclick: () => undo(sheet, found) }, t("import.undo")), submitButton(t("finish"))],
  );
}

/** Taking a bulk back: first what that would do, then done. @param {Sheet} sheet @param {Detail} found */
async function undo(sheet, found) {
  try {
    const would = await busy(sheet, () => reverse(found.id, true, newKey()));
    const [refusal] = would?.userErrors ?? [];
    if (refusal) sheet.body.prepend(h("p", { class: "notice bad", role: "alert" }, icon("warning"), refused(refusal, "POINTS")));
    else if (would?.operation) await ended(sheet, t("import.looking"), would.operation, (reversal) => confirmUndo(sheet, found, reversal));
  } catch (error) {
    sheet.body.prepend(h("p", { class: "notice bad", role: "alert" }, icon("warning"), words(error)));
  }
}

/** @param {string} operationId @param {boolean} dryRun @param {string} idempotencyKey */
async function reverse(operationId, dryRun, idempotencyKey) {
  return (await ask("Reverse", { input: { operationId, dryRun, idempotencyKey } })).reverseBulkOperation;
}

/**
 * Goes on with what became of a reversal, at once or when it has ended.
 * @param {Sheet} sheet
 * @param {string} what
 * @param {{id: string, status: string}} bulk
 * @param {(reversal: Reversal) => void} then
 */
async function ended(sheet, what, bulk, then) {
  sheet.back = null;
  sheet.submit = () => {};
  if (isUnderWay(bulk)) {
    sheet.show(progressBar(what, bulk.id, (done) => void ended(sheet, what, done, then)), []);
    return;
  }
  try {
    const { bulkOperation } = await ask("Reversal", { id: bulk.id });
    if (bulkOperation) then(bulkOperation);
  } catch (error) {
    sheet.show([failed(error, () => void ended(sheet, what, bulk, then))], []);
  }
}

/** @param {Sheet} sheet @param {Detail} found @param {Reversal} would */
function confirmUndo(sheet, found, would) {
  const key = newKey();
  const problem = h("div", { role: "alert" });
  const first = rows(would.rows);
  const kept = first.flatMap(({ customer, usedMoney, error }) => {
    if (error) return [`${customer?.name ?? ""}: ${refused(error, "POINTS")}`];
    return usedMoney && units(usedMoney.amount) !== 0n ? [t("import.undo.used", { name: customer?.name ?? "", amount: money(usedMoney.amount, usedMoney.asset) })] : [];
  });
  sheet.back = () => bulkDetail(sheet, found);
  sheet.submit = async () => {
    put(problem, []);
    try {
      const done = await busy(sheet, () => reverse(found.id, false, key));
      const [wrong] = done?.userErrors ?? [];
      if (wrong) sheet.refuse(problem, [wrong], "POINTS");
      else if (done?.operation) {
        booksChanged();
        await ended(sheet, t("import.undoing"), done.operation, () => {
          sheet.close();
          tell(done.replayed ? t("done.already") : t("import.undo.done"));
          booksChanged();
        });
      }
    } catch (error) {
      sheet.say(problem, [isLost(error) ? t("problem.lost.safe") : words(error)]);
    }
  };
  sheet.show(
    [
      h("p", { class: "review-what" }, t("import.undo.what", { n: would.succeeded })),
      kept.length > 0 && h("div", { class: "notice warn" }, icon("warning"), h("ul", { class: "plain" }, kept.map((each) => h("li", null, each)))),
      would.rows.pageInfo.hasNextPage && h("p", { class: "hint" }, t("import.undo.first", { n: first.length })),
      problem,
    ],
    [h("button", { type: "button", onclick: () => bulkDetail(sheet, found) }, t("back")), submitButton(t("import.undo"), { bad: true, disabled: would.succeeded === 0 })],
  );
}
