// A list that is shown newest first, with a button for the page before.
import { h, put } from "../dom.js";
import { t } from "../text.js";
import { failed, skeleton } from "./states.js";

/**
 * @template T
 * @typedef {{rows: T[], more: boolean, cursor: string | null}} Page
 */

/**
 * A page that was asked for from the end, newest first.
 * @template T
 * @param {{edges: readonly {node: T}[], pageInfo: {hasPreviousPage: boolean, startCursor: string | null}} | null | undefined} connection
 * @returns {Page<T>}
 */
export function pageOf(connection) {
  return { rows: (connection?.edges ?? []).map(({ node }) => node).reverse(), more: connection?.pageInfo.hasPreviousPage ?? false, cursor: connection?.pageInfo.startCursor ?? null };
}

/**
 * @template T
 * @param {HTMLElement} list
 * @param {Page<T>} first
 * @param {(row: T) => HTMLElement} line
 * @param {(before: string | null) => Promise<Page<T>>} ask
 */
export function paged(list, first, line, ask) {
  const foot = h("div", { class: "foot" });
  const add = (/** @type {Page<T>} */ page) => {
    list.append(...page.rows.map(line));
    put(foot, page.more && more(page.cursor));
  };
  const more = (/** @type {string | null} */ cursor) => {
    const next = async () => {
      put(foot, skeleton(2));
      try {
        add(await ask(cursor));
      } catch (error) {
        put(foot, failed(error, next));
      }
    };
    return h("button", { type: "button", onclick: next }, t("more.rows"));
  };
  add(first);
  return [list, foot];
}
