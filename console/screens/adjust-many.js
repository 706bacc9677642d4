// The second step of an adjustment of several customers: a dry run, with what is wrong with whom; then all of it or nothing.
import { ask } from "../api.js";
import { h, put } from "../dom.js";
import { icon } from "../icons.js";
import { paged, pageFrom } from "../parts/pages.js";
import { refused } from "../parts/refusals.js";
import { busy, submitButton } from "../parts/sheet.js";
import { money, t } from "../text.js";
import { term } from "./adjust.js";

/** @typedef {import("./adjust.js").AdjustingDialog} Dialog */
/** @typedef {import("./adjust.js").Asked} Asked */
/** @typedef {NonNullable<NonNullable<import("../api.js").Data<"BulkAdjust">["bulkCredit"]>["operation"]>} Operation */

let tried = 0;

/**
 * @param {Dialog} dialog
 * @param {Asked} asked
 */
export async function reviewMany(dialog, asked) {
  const { amount, ...shared } = asked;
  const items = dialog.customers.map(({ id }) => ({ customerId: id, amount }));
  const input = { ...shared, items, idempotencyKey: dialog.key };
  const dry = { ...input, dryRun: true, idempotencyKey: `${dialog.key}-dry-${++tried}` };
  const { bulkCredit: payload } = await ask("BulkAdjust", { input: dry });
  if (!payload) return;
  if (payload.userErrors.length) {
    dialog.refuse(payload.userErrors);
    return;
  }
  const { operation } = payload;
  const bad = operation !== null && operation.failed > 0;
  const each = money(amount.replace("-", ""), asked.asset);
  const count = dialog.customers.length;
  const problem = h("div", { class: "problem", role: "alert" });
  dialog.sheet.back = () => dialog.form();
  dialog.sheet.submit = () => void post(dialog, input, problem);
  dialog.sheet.show(
    [
      h("p", { class: "review-what" }, t(dialog.removes ? "review.many.remove" : "review.many.add", { amount: each, n: count })),
      term(asked) && h("p", null, term(asked)),
      bad
        ? h("div", { class: "notice warn" }, icon("warning"), h("div", null, h("p", null, t("review.many.bad")), refusedRows(operation, asked.asset)))
        : h("p", { class: "notice good" }, icon("check"), t("review.many.good", { n: count })),
      h("ul", { class: "names" }, dialog.customers.map(({ name }) => h("li", null, name))),
      problem,
    ],
    [
      h("button", { type: "button", onclick: () => dialog.form() }, t("back")),
      submitButton(t("apply"), { bad: dialog.removes, disabled: bad }),
    ],
  );
}

/** What is wrong with whom. @param {Operation} operation @param {string} asset */
function refusedRows({ id, rows }, asset) {
  const line = (/** @type {Operation["rows"]["edges"][number]["node"]} */ { customer, error }) => h("li", null, `${customer?.name ?? ""}: ${error ? refused(error, asset) : ""}`);
  return paged(h("ul", { class: "plain" }), pageFrom(rows), line, async (after) => pageFrom((await ask("MoreFailed", { id, after })).bulkOperation?.rows));
}

/**
 * @param {Dialog} dialog
 * @param {import("../api.js").Variables<"BulkAdjust">["input"]} input
 * @param {HTMLElement} problem
 */
async function post(dialog, input, problem) {
  put(problem, []);
  try {
    const { bulkCredit: payload } = await busy(dialog.sheet, () => ask("BulkAdjust", { input }));
    if (!payload) return;
    const operation = payload.operation;
    if (payload.userErrors.length) dialog.refuse(payload.userErrors);
    else if (operation && operation.failed > 0) put(problem, h("div", { class: "notice bad" }, h("p", null, t("review.many.bad")), refusedRows(operation, input.asset)));
    else dialog.done(`${payload.replayed ? `${t("done.already")} ` : ""}${t("done.many", { n: operation?.total ?? 0 })}`);
  } catch (error) {
    dialog.sheet.unanswered(problem, error);
  }
}
