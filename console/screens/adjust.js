// Adjusting: what to add or remove, then what the server says that it would do, then done. One key for each opened dialog.
import { newKey } from "../api.js";
import { booksChanged, h, put } from "../dom.js";
import { amountOf } from "../parts/amounts.js";
import { assetChoice } from "../parts/assets.js";
import { chooseFrom, currenciesInUse } from "../parts/choices.js";
import { expiry } from "../parts/expiry.js";
import { choice, field, select, tick, wrongDate } from "../parts/fields.js";
import { busy, Sheet, submitButton } from "../parts/sheet.js";
import { fill, tell, words } from "../parts/states.js";
import { may } from "../session.js";
import { calendarDay, isMoney, money, t, today } from "../text.js";
import { review } from "./adjust-review.js";
import { reviewMany } from "./adjust-many.js";

/** @typedef {{id: string, name: string, balances?: readonly {asset: string, available: string}[] | null}} Whom */
/** @typedef {{asset: string, amount: string, reason: string, note: string | null, expiresInDays: number | null, effectiveOn: string | null, serviceIds: string[]}} Asked */

/**
 * Opens the dialog for one customer or several.
 * @param {readonly Whom[]} customers
 * @param {{asset?: string, dated?: boolean}} [how] dated: with the day of the payment in sight.
 */
export async function openAdjust(customers, how = {}) {
  const [first] = customers;
  if (!first) return;
  const title = customers.length === 1 ? t("adjust.title", { name: first.name }) : t("adjust.title.many", { n: customers.length });
  const sheet = new Sheet(title);
  await fill(
    sheet,
    6,
    () => Promise.all([chooseFrom(), currenciesInUse()]),
    ([choices, currencies]) => new Adjusting(sheet, customers, choices, assetsOf(customers, currencies), how).form(),
  );
}

/**
 * What can be adjusted: the money that they have or that the business owes others, class credits, points.
 * @param {readonly Whom[]} customers
 * @param {readonly string[]} currencies
 */
function assetsOf(customers, currencies) {
  const own = customers.flatMap(({ balances }) => (balances ?? []).map(({ asset }) => asset)).filter(isMoney);
  const money = own.length ? own : currencies.length ? currencies : ["GBP"];
  return [...new Set([...money, "SERVICE_CREDITS", "POINTS"])];
}

class Adjusting {
  /**
   * @param {Sheet} sheet
   * @param {readonly Whom[]} customers
   * @param {import("../parts/choices.js").Choices} choices
   * @param {string[]} assets
   * @param {{asset?: string, dated?: boolean}} how
   */
  constructor(sheet, customers, choices, assets, how) {
    this.sheet = sheet;
    this.customers = customers;
    this.reasons = choices.adjustmentReasons ?? [];
    this.services = choices.services ?? [];
    this.assets = assets;
    this.dated = how.dated ?? false;
    this.key = newKey();
    this.asset = how.asset ?? assets[0] ?? "POINTS";
    this.removes = !may("ADD_CREDIT");
    this.amount = h("input", { type: "text", inputmode: "decimal", autocomplete: "off", autofocus: true, class: "amount", required: true });
    this.amountField = field(t("amount"), this.amount);
    this.reason = select([], "", { required: true, onchange: () => this.#followReason() });
    this.reasonField = field(t("reason"), this.reason);
    this.note = h("textarea", { rows: 2, maxlength: 10_000 });
    this.noteField = field(t("note"), this.note, { hint: t("note.hint") });
    this.expiry = expiry();
    this.from = h("input", { type: "date", value: "" });
    this.fromField = field(t("effective"), this.from, { hint: t("effective.hint") });
    this.more = h("details", { class: "more", open: this.dated }, h("summary", null, t("more")), this.fromField.root);
    this.ticks = this.services.map(({ id, name }) => ({ id, input: h("input", { type: "checkbox" }), name }));
    this.serviceField = h(
      "fieldset",
      { class: "ticks" },
      h("legend", null, t("services")),
      h("p", { class: "hint" }, t("services.hint")),
      this.ticks.map(({ name, input }) => tick(name, input)),
    );
    this.assetChoice = assetChoice(this.assets, this.asset, (asset) => {
      this.asset = asset;
      this.#follow();
    });
    const ways = /** @type {const} */ ([
      { value: "add", label: t("add") },
      { value: "remove", label: t("remove") },
    ]);
    this.way = choice(t("direction"), ways, this.removes ? "remove" : "add", (way) => {
      this.removes = way === "remove";
      this.#follow();
    });
    this.amount.addEventListener("input", () => this.#followAmount());
    this.problem = h("div", { class: "problem", role: "alert" });
  }

  /** The first step: the fields. */
  form() {
    const both = may("ADD_CREDIT") && may("REMOVE_CREDIT");
    this.sheet.back = null;
    this.sheet.submit = () => this.#next();
    this.sheet.show(
      [
        this.assetChoice,
        both && this.way.root,
        this.amountField.root,
        this.reasonField.root,
        this.noteField.root,
        this.expiry.root,
        this.serviceField,
        this.more,
        this.problem,
      ],
      [h("button", { type: "button", onclick: () => this.sheet.close() }, t("cancel")), submitButton(t("review"))],
    );
    this.#follow();
    this.amount.focus();
  }

  #follow() {
    const adds = !this.removes;
    this.expiry.root.hidden = !adds;
    this.more.hidden = !adds;
    this.serviceField.hidden = this.asset !== "SERVICE_CREDITS" || this.services.length === 0;
    const direction = adds ? "ADD" : "REMOVE";
    const before = this.reason.value;
    const fitting = this.reasons.filter(({ directions }) => directions.includes(direction));
    const options = [{ value: "", label: t("reason.choose") }, ...fitting.map(({ code, label }) => ({ value: code, label }))];
    put(this.reason, options.map(({ value, label }) => h("option", { value, selected: value === before }, label)));
    const known = this.customers.length === 1 ? this.customers[0]?.balances?.find(({ asset }) => asset === this.asset) : null;
    const available = this.customers.length === 1 ? (known?.available ?? "0") : null;
    this.amountField.hint(available === null ? t("amount.each") : t("amount.now", { amount: money(available, this.asset) }));
    this.#followReason();
  }

  /** A minus in front of an amount is a removal. */
  #followAmount() {
    this.amountField.tell(null);
    if (!/^\s*[-\u2212]/.test(this.amount.value) || this.removes || !may("REMOVE_CREDIT")) return;
    this.removes = true;
    this.way.choose("remove");
    this.#follow();
  }

  #followReason() {
    const chosen = this.reasons.find(({ code }) => code === this.reason.value);
    this.reasonField.tell(null);
    const moves = this.asset === "POINTS" && chosen && !chosen.movesLifetime;
    this.reasonField.hint(moves ? t("reason.keeps.tier") : null);
    this.note.required = chosen?.noteRequired ?? false;
    this.noteField.hint(this.note.required ? t("note.required") : t("note.hint"));
  }

  /** What the fields say, or null where something is wrong with one; it is told there. @returns {Asked | null} */
  #read() {
    for (const each of [this.amountField, this.reasonField, this.noteField]) each.tell(null);
    const amount = this.#readAmount();
    this.fromField.tell(wrongDate(this.from));
    const days = this.removes ? null : this.expiry.value();
    if (this.reason.value === "") this.reasonField.tell(t("reason.missing"));
    const note = this.note.value.trim();
    if (this.note.required && note === "") this.noteField.tell(t("refused.NOTE_REQUIRED"));
    // What is hidden, such as the days of a removal, is not asked about.
    const wrong = this.sheet.body.querySelector("[aria-invalid=true]:not([hidden] *)");
    if (wrong instanceof HTMLElement) wrong.focus();
    if (wrong || amount === null || Number.isNaN(days)) return null;
    const services = this.asset === "SERVICE_CREDITS" ? this.ticks.filter(({ input }) => input.checked) : [];
    return {
      asset: this.asset,
      amount: this.removes ? `-${amount}` : amount,
      reason: this.reason.value,
      note: note || null,
      expiresInDays: days,
      effectiveOn: this.removes ? null : this.from.value || null,
      serviceIds: services.map(({ id }) => id),
    };
  }

  /** The amount without its sign; null and told if there is none. */
  #readAmount() {
    const bare = this.amount.value.replace(/^\s*[-\u2212]/, "");
    const { amount, wrong } = amountOf(bare, this.asset);
    const removes = bare !== this.amount.value && !may("REMOVE_CREDIT");
    this.amountField.tell(wrong ?? (removes ? t("amount.noremoval") : null));
    return removes ? null : amount;
  }

  async #next() {
    const asked = this.#read();
    if (asked === null) return;
    put(this.problem, []);
    try {
      if (this.customers.length > 1) await busy(this.sheet, () => reviewMany(this, asked));
      else await busy(this.sheet, () => review(this, asked));
    } catch (error) {
      this.sheet.say(this.problem, [words(error)]);
    }
  }

  /**
   * Shows what was refused beside its field, in the first step.
   * @param {readonly import("../parts/refusals.js").Refusal[]} refusals
   */
  refuse(refusals) {
    this.form();
    const fields = { amount: this.amountField, reason: this.reasonField, note: this.noteField, expiresInDays: this.expiry, effectiveOn: this.fromField };
    this.sheet.refuse(this.problem, refusals, this.asset, fields);
    const wrong = this.sheet.body.querySelector("[aria-invalid=true]");
    if (wrong instanceof HTMLElement) wrong.focus();
  }

  /** Closes the dialog, says what was done, and has the screens ask again. @param {string} text */
  done(text) {
    this.sheet.close();
    tell(text);
    booksChanged();
  }
}

/** @typedef {Adjusting} AdjustingDialog */

/** When what was asked for begins, in words; null if that is today. @param {{effectiveOn: string | null}} asked */
export function term({ effectiveOn: from }) {
  if (from !== null && from !== today()) return t(from > today() ? "effective.from" : "effective.since", { day: calendarDay(from) });
  return null;
}
