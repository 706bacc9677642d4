// Activity as a file: read page by page as it is filtered, with how far it is and a way to stop.
import { ask, Problem, rows } from "../api.js";
import { h, put } from "../dom.js";
import { icon } from "../icons.js";
import { row, save } from "../parts/csv.js";
import { Sheet } from "../parts/sheet.js";
import { nameOf, words } from "../parts/states.js";
import { t, today } from "../text.js";
import { whatOf } from "./activity.js";

/** @typedef {import("./activity.js").Filter} Filter */
/** @typedef {import("./activity.js").Row} Row */

const PAGE = 100;
/** More is for the operator: docs/reporting.md has files without end. */
const MAX_ROWS = 100_000;
/** How often a page is asked for again that was refused because there is too much going on. */
const TRIES = 5;
const PAUSE_MS = 2_000;
const HEADS = /** @type {const} */ (["at", "what", "number", "customer", "asset", "amount", "held", "reason", "note", "reference", "who", "subject", "role", "approved"]);

/**
 * @param {Filter} filter
 * @param {ReadonlyMap<string, string>} reasons
 */
export function openExport(filter, reasons) {
  new Export(filter, reasons).start();
}

class Export {
  /** @param {Filter} filter @param {ReadonlyMap<string, string>} reasons */
  constructor(filter, reasons) {
    this.filter = filter;
    this.reasons = reasons;
    this.sheet = new Sheet(t("export.title"));
    this.bar = h("progress", { "aria-label": t("export.title") });
    this.said = h("p", { role: "status" });
    this.stopped = false;
    /** @type {string[]} */
    this.lines = [row(HEADS.map((each) => t(`export.${each}`)))];
    this.sheet.closed = () => (this.stopped = true);
  }

  async start() {
    const stop = () => (this.stopped = true);
    this.sheet.show([this.said, this.bar], [h("button", { type: "button", autofocus: true, onclick: stop }, t("export.stop"))]);
    this.sheet.buttons.querySelector("button")?.focus();
    try {
      const whole = await this.#read();
      if (!this.sheet.element.open) return;
      if (this.stopped) this.#offer(t("export.stopped", { n: this.count }));
      else this.#finish(whole);
    } catch (error) {
      this.#offer(words(error));
    }
  }

  get count() {
    return this.lines.length - 1;
  }

  /** Whether all of it was read; the rest is if it was stopped, or is too long. */
  async #read() {
    /** @type {string | null} */
    let before = null;
    for (let first = true; this.count < MAX_ROWS; first = false) {
      const page = await this.#page(before, first);
      if (this.stopped) return false;
      const found = rows(page).reverse();
      for (const each of found) this.lines.push(this.#line(each));
      if (first && page?.totalCount != null) this.bar.max = Math.max(page.totalCount, 1);
      if (this.bar.hasAttribute("max")) this.bar.value = this.count;
      put(this.said, t("export.progress", { n: this.count }));
      if (!page?.pageInfo.hasPreviousPage) return true;
      before = page.pageInfo.startCursor;
    }
    return false;
  }

  /** @param {string | null} before @param {boolean} counted */
  async #page(before, counted) {
    for (let tried = 1; ; tried++) {
      try {
        return (await ask("Activity", { ...this.filter, last: PAGE, before, counted })).auditTrail;
      } catch (error) {
        if (tried === TRIES || this.stopped || !(error instanceof Problem) || error.kind !== "busy") throw error;
        const seconds = Number(error.extensions.retryAfter);
        await new Promise((resolve) => setTimeout(resolve, seconds > 0 ? seconds * 1_000 : PAUSE_MS));
      }
    }
  }

  /** @param {Row} each */
  #line(each) {
    const { at, customer, asset, amount, held, reason, note, transaction, actor, approvedBy } = each;
    const why = reason === null ? null : (this.reasons.get(reason) ?? reason);
    return row([at, whatOf(each), customer?.externalId, customer?.name, asset, amount, held, why, note, transaction?.reference, nameOf(actor), actor.subject, t(`role.${actor.role}`), approvedBy && nameOf(approvedBy)]);
  }

  /** @param {boolean} whole */
  #finish(whole) {
    this.#save();
    put(this.said, [icon("check"), t(whole ? "export.done" : "export.cut", { n: this.count })]);
    this.said.className = whole ? "notice good" : "notice warn";
    this.bar.remove();
    put(this.sheet.buttons, h("button", { type: "button", onclick: () => this.sheet.close() }, t("close")));
    this.sheet.buttons.querySelector("button")?.focus();
  }

  /** Says why it ended early; what was read until then can be had. @param {string} why */
  #offer(why) {
    put(this.said, why);
    this.bar.remove();
    const take = () => {
      this.#save();
      this.sheet.close();
    };
    put(this.sheet.buttons, [h("button", { type: "button", onclick: () => this.sheet.close() }, t("close")), this.count > 0 && h("button", { type: "button", class: "primary", onclick: take }, t("export.part", { n: this.count }))]);
    this.sheet.buttons.querySelector("button")?.focus();
  }

  #save() {
    save(`${t("export.file")}-${today()}.csv`, this.lines);
  }
}
