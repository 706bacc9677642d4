// A list of lines that is asked for a page at a time, with a button for the next.
import { h, put } from "../dom.js";
import { t } from "../text.js";
import { failed, skeleton } from "./states.js";

/**
 * @template T
 * @typedef {{rows: readonly T[], more: boolean, cursor: string | null}} Page
 */

/**
 * @template T
 * @param {Page<T>} first
 * @param {(cursor: string | null) => Promise<Page<T>>} ask The page after a cursor.
 * @param {(row: T) => HTMLElement} line
 * @param {string} name Of the list's class.
 */
export function paged(first, ask, line, name) {
  const lines = h("ul", { class: name }, first.rows.map(line));
  const foot = h("div", { class: "foot" });
  /** @param {Page<T>} page @returns {HTMLElement | null} */
  const after = ({ more, cursor }) => {
    const next = async () => {
      put(foot, skeleton(2));
      try {
        const page = await ask(cursor);
        lines.append(...page.rows.map(line));
        put(foot, after(page));
      } catch (error) {
        put(foot, failed(error, next));
      }
    };
    return more ? h("button", { type: "button", onclick: next }, t("more.rows")) : null;
  };
  put(foot, after(first));
  return [lines, first.more && foot];
}
