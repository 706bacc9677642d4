// A list that is asked for a page at a time, with a button for the next: forward, or from the end, newest first.
import { h, put, READ_ON } from "../dom.js";
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

/** Who chooses from a list has it whole, up to so many. */
const MOST = 1_000;

/**
 * All rows of a list, page after page.
 * @template T
 * @param {(cursor: string | null) => Promise<Forward<T>>} ask The page after a cursor.
 */
export async function allOf(ask) {
  /** @type {T[]} */
  const found = [];
  for (let cursor = /** @type {string | null} */ (null); found.length < MOST; ) {
    const page = pageFrom(await ask(cursor));
    found.push(...page.rows);
    if (!page.more) break;
    cursor = page.cursor;
  }
  return found;
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
    const lines = page.rows.map(line);
    list.append(...lines);
    put(foot, page.more && more(page.cursor));
    return lines;
  };
  const more = (/** @type {string | null} */ cursor) => {
    const next = async () => {
      put(foot, skeleton(2));
      try {
        const [begun] = add(await ask(cursor));
        list.setAttribute(READ_ON, "");
        // The button that had the focus is gone: it goes on with what it brought.
        if (begun && document.activeElement === document.body) {
          begun.tabIndex = -1;
          begun.focus({ preventScroll: true });
        }
      } catch (error) {
        put(foot, failed(error, next));
      }
    };
    return h("button", { type: "button", onclick: next }, t("more.rows"));
  };
  add(first);
  return [list, foot];
}
