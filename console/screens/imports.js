// Imports: a file is looked over row by row, then posted; what failed comes back as a file; all of it can be taken back.
import { ask, newKey, Problem, problemOf, transfer } from "../api.js";
import { booksChanged, h, put } from "../dom.js";
import { icon } from "../icons.js";
import { chooseFrom, currenciesInUse } from "../parts/choices.js";
import { field, select, tick } from "../parts/fields.js";
import { head } from "../parts/head.js";
import { paged, pageOf } from "../parts/pages.js";
import { isUnderWay, progressBar, progressOf, rowsDone } from "../parts/progress.js";
import { busy, Sheet, submitButton } from "../parts/sheet.js";
import { badge, empty, failed, fill, isLost, nameOf, region, tell, words } from "../parts/states.js";
import { may } from "../session.js";
import { ago, assetName, isMoney, money, t } from "../text.js";
import { badRows, bulkDetail, openBulk, stateOf } from "./import-detail.js";

/** @typedef {NonNullable<import("../api.js").Data<"Imports">["bulkOperations"]>["edges"][number]["node"]} Bulk */

const PAGE = 40;
const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

export function importsScreen() {
  const add = h("button", { type: "button", class: "primary", onclick: () => openImport() }, icon("import"), t("import.new"));
  return h("div", null, head(t("nav.imports"), add), region(() => posted(null), list, 6));
}

/**
 * What was posted; what was only looked over is not listed. Of that there may be pages on end.
 * @param {string | null} before
 * @returns {Promise<import("../parts/pages.js").Page<Bulk>>}
 */
async function posted(before) {
  for (let cursor = before; ; ) {
    const page = pageOf((await ask("Imports", { last: PAGE, before: cursor })).bulkOperations);
    const found = page.rows.filter(({ dryRun }) => !dryRun);
    if (found.length > 0 || !page.more) return { ...page, rows: found };
    cursor = page.cursor;
  }
}

/** @param {import("../parts/pages.js").Page<Bulk>} first */
function list(first) {
  if (first.rows.length === 0) return empty(t("imports.none"), t("imports.none.advice"));
  return paged(h("ul", { class: "events" }), first, line, posted);
}

/** @param {Bulk} each */
function line(each) {
  return h("li", null, h("button", { type: "button", class: "lot order", "data-key": `bulk-${each.id}`, onclick: () => openBulk(each.id) }, lineOf(each)));
}

/** @param {Bulk} each */
function lineOf(each) {
  const name = each.kind === "REVERSAL" ? t("import.reversal") : (each.file?.name ?? t("import.bulk"));
  const sums = (each.sums ?? []).map(({ asset, amount }) => money(amount, asset));
  return [
    h("span", { class: "lot-sum" }, h("strong", null, name), h("small", null, sums.join(", "))),
    h("span", { class: "lot-about" }, [t("import.rows", { n: each.total }), t("by", { name: nameOf(each.sentBy) }), ago(each.createdAt)].join(" · ")),
    h("span", { class: "lot-term" }, isUnderWay(each) ? progressOf(each.id, (now) => badge(rowsDone(now)), booksChanged) : stateOf(each)),
  ];
}

async function openImport() {
  const sheet = new Sheet(t("import.new"), { wide: true });
  await fill(
    sheet,
    5,
    () => Promise.all([chooseFrom(), currenciesInUse()]),
    ([choices, currencies]) => new Importing(sheet, choices.adjustmentReasons ?? [], [...currencies, "SERVICE_CREDITS", "POINTS"]).form(),
  );
}

class Importing {
  /**
   * @param {Sheet} sheet
   * @param {readonly import("../parts/choices.js").Reason[]} reasons
   * @param {readonly string[]} assets
   */
  constructor(sheet, reasons, assets) {
    this.sheet = sheet;
    this.key = newKey();
    this.tried = 0;
    /** @type {File | null} */
    this.file = null;
    this.input = h("input", { type: "file", accept: ".csv,.xlsx,text/csv", class: "unseen", "aria-label": t("import.file"), onclick: () => (this.input.value = ""), onchange: () => this.#take(this.input.files?.[0] ?? null) });
    this.named = h("span", null, t("import.drop"));
    this.zone = h("label", { class: "drop" }, this.input, icon("import"), this.named);
    this.zone.addEventListener("dragover", (event) => event.preventDefault());
    this.zone.addEventListener("drop", (event) => {
      event.preventDefault();
      this.#take(event.dataTransfer?.files[0] ?? null);
    });
    this.asset = select(assets.map((asset) => ({ value: asset, label: assetName(asset) })), assets.find(isMoney) ?? "POINTS");
    this.reason = select([{ value: "", label: t("reason.choose") }, ...reasons.map(({ code, label }) => ({ value: code, label }))], "");
    this.note = h("input", { type: "text", autocomplete: "off" });
    this.days = h("input", { type: "text", inputmode: "numeric", autocomplete: "off" });
    const modes = [{ value: "ADJUST", label: t("import.adjust") }, { value: "SET", label: t("import.set") }];
    this.mode = select(may("REMOVE_CREDIT") ? modes : modes.slice(0, 1), "ADJUST");
    const marks = [{ value: "point", label: "1250.50" }, { value: "comma", label: "1250,50" }];
    this.mark = select(marks, "point");
    this.skip = h("input", { type: "checkbox" });
    this.problem = h("div", { role: "alert" });
    this.reasonField = field(t("reason"), this.reason);
  }

  /** @param {File | null} file */
  #take(file) {
    this.file = file;
    put(this.named, file === null ? t("import.drop") : h("strong", null, file.name));
    put(this.problem, []);
  }

  form() {
    this.sheet.back = null;
    this.sheet.submit = () => void this.#look();
    this.sheet.show(
      [
        this.zone,
        h("p", { class: "hint" }, t("import.columns")),
        h("div", { class: "pair" }, field(t("asset"), this.asset).root, this.reasonField.root),
        field(t("note"), this.note, { hint: t("note.hint") }).root,
        h("details", { class: "more" }, h("summary", null, t("more")), h("div", { class: "pair" }, field(t("expiry.days"), this.days).root, field(t("import.mode"), this.mode).root), field(t("import.mark"), this.mark).root),
        this.problem,
      ],
      [h("button", { type: "button", onclick: () => this.sheet.close() }, t("cancel")), submitButton(t("import.look"))],
    );
  }

  /** A dry run: each row by itself, and nothing posted. */
  async #look() {
    this.reasonField.tell(this.reason.value ? null : t("reason.missing"));
    if (this.file === null) put(this.problem, h("p", { class: "notice bad" }, icon("warning"), t("import.nofile")));
    if (this.file === null || !this.reason.value) return;
    await this.#send(true);
  }

  /** @param {boolean} dry */
  async #send(dry) {
    const { file } = this;
    if (file === null) return;
    put(this.problem, []);
    const asked = new URLSearchParams({ asset: this.asset.value, reason: this.reason.value, fileName: file.name, mode: this.mode.value, dryRun: String(dry), errorPolicy: this.skip.checked ? "SKIP_FAILED" : "REJECT_ALL" });
    if (this.note.value.trim()) asked.set("note", this.note.value.trim());
    if (this.days.value.trim()) asked.set("expiresInDays", this.days.value.trim());
    const workbook = file.name.toLowerCase().endsWith(".xlsx");
    if (!workbook) asked.set("decimalMark", this.mark.value);
    const key = dry ? `${this.key}-dry-${++this.tried}` : `${this.key}-${this.skip.checked ? "some" : "all"}`;
    try {
      const { operation, refusals } = await busy(this.sheet, () => upload(file, asked, workbook ? XLSX : "text/csv", key));
      this.sheet.refuse(this.problem, refusals, this.asset.value);
      if (operation === null) return;
      this.#watch(operation, dry);
      if (!dry) booksChanged();
    } catch (error) {
      this.sheet.say(this.problem, [isLost(error) ? t("problem.lost.safe") : words(error)]);
    }
  }

  /** Follows an operation to its end. @param {string} id @param {boolean} dry */
  #watch(id, dry) {
    this.sheet.back = null;
    this.sheet.submit = () => {};
    const stop = h("button", { type: "button", onclick: () => void ask("CancelBulk", { input: { id } }).catch((error) => tell(words(error))) }, t("import.stop"));
    this.sheet.show(progressBar(t(dry ? "import.looking" : "import.posting"), id, () => void this.#ended(id, dry)), [stop]);
  }

  /** @param {string} id @param {boolean} dry */
  async #ended(id, dry) {
    try {
      const { bulkOperation: found } = await ask("BulkDetail", { id });
      if (!found) throw new Problem("missing", "no such bulk");
      if (!dry) {
        booksChanged();
        if (found.succeeded > 0) tell(t("done.many", { n: found.succeeded }));
        bulkDetail(this.sheet, found);
        return;
      }
      if (found.status !== "COMPLETED") {
        this.form();
        if (found.status === "FAILED") this.sheet.say(this.problem, [t("problem.fault")]);
        return;
      }
      const good = found.total - found.failed;
      this.sheet.back = () => this.form();
      this.sheet.submit = () => void this.#send(false);
      const post = submitButton(t("import.post", { n: good }), { disabled: found.failed > 0 || good === 0 });
      this.skip.onchange = () => (post.disabled = good === 0 || (found.failed > 0 && !this.skip.checked));
      this.skip.checked = false;
      this.sheet.show(
        [
          h("p", { class: "review-what" }, t("import.good", { n: good })),
          found.failed === 0 && (found.sums ?? []).length > 0 && h("p", null, t("import.sum", { sum: (found.sums ?? []).map(({ asset, amount }) => money(amount, asset)).join(", ") })),
          found.failed > 0 && badRows(found),
          found.failed > 0 && good > 0 && tick(t("import.skip"), this.skip),
          this.problem,
        ],
        [h("button", { type: "button", onclick: () => this.form() }, t("back")), post],
      );
    } catch (error) {
      this.sheet.show([failed(error, () => this.#ended(id, dry))], []);
    }
  }
}

/**
 * Sends the file; the operation's id, or why there is none.
 * @param {File} file
 * @param {URLSearchParams} asked
 * @param {string} kind
 * @param {string} key
 * @returns {Promise<{operation: string | null, refusals: import("../parts/refusals.js").Refusal[]}>}
 */
async function upload(file, asked, kind, key) {
  const answer = await transfer(`/imports/credits?${asked}`, { method: "POST", headers: { "content-type": kind, "idempotency-key": key }, body: file });
  const { operation = null, userErrors, errors } = await answer.json().catch((error) => {
    throw new Problem("lost", String(error));
  });
  if (answer.ok || userErrors) return { operation, refusals: userErrors ?? [] };
  throw problemOf(errors?.[0] ?? { message: String(answer.status) });
}
