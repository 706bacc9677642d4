// A button that copies a text, and says whether it did.
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { t } from "../text.js";

/**
 * @param {string} text
 * @param {string} label What it copies, for who does not see what it stands beside.
 * @param {Record<string, unknown>} [properties]
 */
export function copyButton(text, label, properties = {}) {
  const shown = h("span", null, t("copy"));
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      shown.textContent = t("copied");
    } catch {
      shown.textContent = t("copy.not");
    }
  };
  return h("button", { type: "button", class: "small", onclick: copy, "aria-label": label, ...properties }, icon("copy"), shown);
}
