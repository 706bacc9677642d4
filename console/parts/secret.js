// A secret that is shown this once: it is copied from here, and kept nowhere in the browser.
import { Problem } from "../api.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../text.js";
import { copyButton } from "./copy.js";
import { Sheet, submitButton } from "./sheet.js";

/**
 * @param {string} title
 * @param {string} secret
 * @param {string} advice What to do with it.
 */
export function showSecret(title, secret, advice) {
  const sheet = new Sheet(title, { kept: true });
  sheet.submit = () => sheet.close();
  sheet.show(
    [
      h("p", { class: "notice warn" }, icon("warning"), h("span", null, t("secret.once"))),
      h("p", { class: "secret" }, h("code", null, secret), copyButton(secret, t("secret.copy"), { autofocus: true })),
      h("p", { class: "hint" }, advice),
    ],
    [submitButton(t("secret.stored"))],
  );
}

/**
 * Asks for a secret. It is shown once, so an answer that is lost is not asked for again: what was made is replaced.
 * @template T
 * @param {() => Promise<T>} work
 * @param {import("../text.js").Key} lost What to do then.
 */
export async function maybeDone(work, lost) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Problem && error.kind === "lost") throw new Problem("told", t(lost));
    throw error;
  }
}
