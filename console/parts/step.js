// A step of a dialog: fields, what the server says that it would do as they are filled in, and the button that does it,
// once. One key for each step that is shown, where it is not given one that was sent before.
import { newKey } from "../api.js";
import { booksChanged, h, put } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../text.js";
import { leftOf, place } from "./refusals.js";
import { busy, submitButton } from "./sheet.js";
import { skeleton, tell, words } from "./states.js";

/** @typedef {import("../dom.js").Child} Child */
/** @typedef {import("./refusals.js").Refusal} Refusal */
/** @typedef {{userErrors: readonly Refusal[], limit?: {remaining: readonly import("./refusals.js").Left[]}}} Previewed */
/** @typedef {{userErrors: readonly Refusal[], replayed?: boolean, approvalRequest?: {id: string} | null}} Payload */

/**
 * body: the fields. foot: what stands before the buttons. read: what the fields say; null if something is missing, which is
 * told beside them if `tells`. empty: what is shown in place of a preview until there is something to ask about. asks:
 * whether a manager can be asked for what is over a limit. key: where one can go back and come again before it is known what
 * became of it. said: what was done. done: what comes after, if not that the dialog closes.
 * @template I
 * @template {Previewed} P
 * @template {Payload} R
 * @typedef {{
 *   body: (Child | Child[])[],
 *   foot?: Child,
 *   read: (tells: boolean) => I | null,
 *   preview?: (input: I) => Promise<P | null>,
 *   effect?: (preview: P, input: I) => Child | Child[],
 *   empty?: string,
 *   asset: () => string,
 *   fields?: Record<string, import("./fields.js").Field>,
 *   verb: string,
 *   bad?: boolean,
 *   asks?: () => boolean,
 *   key?: string,
 *   back?: () => void,
 *   send: (input: I, key: string, asks: boolean) => Promise<R | null>,
 *   said: (payload: R, input: I) => string,
 *   done?: (payload: R) => unknown,
 * }} How
 */

const WAIT_MS = 250;
/** What more rights can help against. */
const OVER = ["LIMIT_EXCEEDED", "CURRENCY_NOT_ALLOWED"];

/**
 * @template I
 * @template {Previewed} P
 * @template {Payload} R
 */
export class Step {
  #asked = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** What is being asked for. @type {Promise<void>} */
  #pending = Promise.resolve();
  /** Whether only a manager can do it, and whether nobody can. */
  #over = false;
  #refused = false;
  #sending = false;

  /**
   * @param {import("./sheet.js").Sheet} sheet
   * @param {How<I, P, R>} how
   */
  constructor(sheet, how) {
    this.sheet = sheet;
    this.how = how;
    this.key = how.key ?? newKey();
    this.effect = h("div", { class: "effect", "aria-live": "polite" });
    this.problem = h("div", { class: "problem", role: "alert" });
    this.button = submitButton(how.verb, { bad: how.bad ?? false });
  }

  show() {
    const { sheet, how } = this;
    const leave = how.back ?? (() => sheet.close());
    sheet.back = how.back ?? null;
    sheet.submit = () => void this.#submit();
    sheet.show(
      [h("div", { oninput: (/** @type {Event} */ { target }) => (target instanceof HTMLTextAreaElement && !this.#refused) || this.follow() }, how.body.flat()), how.preview && this.effect, this.problem],
      [how.foot, h("button", { type: "button", onclick: leave }, t(how.back ? "back" : "cancel")), this.button],
    );
    if (how.preview) {
      put(this.effect, how.empty ? h("p", null, how.empty) : skeleton(1));
      this.#pending = this.#look();
    }
    return this;
  }

  /** Asks what it would do once no more is typed. */
  follow() {
    put(this.problem, []);
    // What was refused may be right now: it is asked about once more before it is sent.
    this.button.disabled = false;
    if (!this.how.preview) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#pending = this.#look();
    }, WAIT_MS);
  }

  async #look() {
    const { how } = this;
    const number = ++this.#asked;
    const input = how.read(false);
    if (input === null) {
      this.effect.removeAttribute("aria-busy");
      this.#judge([]);
      put(this.effect, how.empty ? h("p", null, how.empty) : []);
      return;
    }
    this.effect.setAttribute("aria-busy", "true");
    let content;
    let errors = /** @type {readonly Refusal[]} */ ([]);
    let left = /** @type {readonly import("./refusals.js").Left[]} */ ([]);
    try {
      const preview = await how.preview?.(input);
      errors = preview?.userErrors ?? [];
      left = preview?.limit?.remaining ?? [];
      content = preview && errors.length === 0 ? how.effect?.(preview, input) : [];
    } catch (error) {
      content = h("p", { class: "notice bad" }, icon("warning"), words(error));
    }
    if (number !== this.#asked) return;
    this.effect.removeAttribute("aria-busy");
    const others = this.#judge(errors);
    const limits = leftOf(left, null);
    put(this.effect, [content, others, errors.length === 0 && limits.length > 0 && h("p", { class: "hint" }, limits.join(" "))].flat());
  }

  /**
   * Shows beside its field what is refused, and the rest as notices; and what the button does now.
   * @param {readonly Refusal[]} errors
   */
  #judge(errors) {
    const { how } = this;
    const beyond = how.asks?.() === true && errors.length > 0 && errors.every(({ code }) => OVER.includes(code));
    this.#over = beyond;
    this.#refused = errors.length > 0 && !beyond;
    this.button.disabled = this.#refused;
    this.button.textContent = beyond ? t("ask.manager") : how.verb;
    this.button.classList.toggle("bad", how.bad === true && !beyond);
    const fields = beyond ? {} : (how.fields ?? {});
    for (const each of Object.values(how.fields ?? {})) each.tell(null);
    return place(errors, how.asset(), fields).map((text) => h("p", { class: "notice warn" }, icon("warning"), text));
  }

  async #submit() {
    const { sheet, how } = this;
    put(this.problem, []);
    const input = how.read(true);
    if (input === null) {
      // What is missing stays told, also if it was about to be asked what this would do.
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#asked += 1;
      this.effect.removeAttribute("aria-busy");
    }
    if (input === null || this.#sending) {
      this.#toWrong();
      return;
    }
    const asks = this.#over;
    this.#sending = true;
    try {
      await this.#settled();
      if (this.#refused || this.#over !== asks) {
        this.#toWrong();
        return;
      }
      const payload = await busy(sheet, () => how.send(input, this.key, asks));
      if (payload?.userErrors.length) this.#refuse(payload.userErrors);
      else if (payload) await this.#done(payload, input);
    } catch (error) {
      sheet.unanswered(this.problem, error);
    } finally {
      this.#sending = false;
    }
  }

  /** Waits for what the server says about what is filled in just now. */
  async #settled() {
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#pending = this.#look();
    }
    await this.#pending;
  }

  /** @param {readonly Refusal[]} errors */
  #refuse(errors) {
    this.#judge(errors);
    // What was refused once may pass the next time, such as while another posting is under way.
    this.button.disabled = false;
    this.sheet.refuse(this.problem, errors, this.how.asset(), this.#over ? {} : (this.how.fields ?? {}));
    this.#toWrong();
  }

  #toWrong() {
    const wrong = this.sheet.body.querySelector("[aria-invalid=true]");
    if (wrong instanceof HTMLElement) wrong.focus();
  }

  /** @param {R} payload @param {I} input */
  async #done(payload, input) {
    const { replayed = false, approvalRequest } = payload;
    if (!this.how.done) this.sheet.close();
    if (approvalRequest) tell(t(replayed ? "done.asked.already" : "done.asked"));
    else tell([replayed && t("done.already"), this.how.said(payload, input)].filter(Boolean).join(" "));
    booksChanged();
    await this.how.done?.(payload);
  }
}

/**
 * Shows a step that says in words what it will do, and takes a note.
 * @template {Previewed} P
 * @template {Payload} R
 * @param {import("./sheet.js").Sheet} sheet
 * @param {string} what
 * @param {import("./fields.js").Field | null} noted
 * @param {Omit<How<{}, P, R>, "body" | "read">} how
 */
export function confirm(sheet, what, noted, how) {
  return new Step(sheet, { ...how, body: [h("p", { class: "review-what" }, what), noted?.root], read: () => ({}) }).show();
}
