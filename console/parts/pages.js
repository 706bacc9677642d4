// A list that is asked for a page at a time, with a button for the next: forward, or from the end, newest first.
import { h, put } from "../dom.js";
import { t } from "../text.js";
import { failed, skeleton } from "./states.js";

/**
 * @template T
 * @typedef {{rows: readonly T[], more: boolean, cursor: string | null}} Page
 */

/**
 * @template T
 * @typedef {{edges: readonly {node: T}[], pageInfo: {hasNextPage: boolean, endCursor: string | null}} | null | undefined} Forward
 */

/** A page that was asked for from the beginning. @template T @param {Forward<T>} connection @returns {Page<T>} */
export function pageFrom(connection) {
  return { rows: (connection?.edges ?? []).map(({ node }) => node), more: connection?.pageInfo.hasNextPage ?? false, cursor: connection?.pageInfo.endCursor ?? null };
}

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
 * @param {(cursor: string | null) => Promise<Page<T>>} ask The page after a cursor, or before it.
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
