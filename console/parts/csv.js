// A table as a file that spreadsheets open: no cell of it is a formula to them.
import { h } from "../dom.js";

const NUMBER = /^[+-]?\d+(\.\d+)?$/;
/** What spreadsheets take for the beginning of a formula, full-width forms too. */
const STARTS = "=+\\-@|%\uff1d\uff0b\uff0d\uff20";
const BREAKS = "\\t\\n\\v\\f\\r\\x1c-\\x1f\\x85\\u2028\\u2029";
const BLANKS = " \\u00a0";
/** At the beginning of a cell, and after what begins another cell or line in some, as in the server's own files. */
const FORMULA = new RegExp(`^[${BLANKS}]*(?=[${BREAKS}])|(?:^|[;${BREAKS}])[${BLANKS}]*(?=[${STARTS}])`, "g");

/** A number stays one; before all else that would be taken for a formula comes an apostrophe. @param {string} text */
function harmless(text) {
  if (NUMBER.test(text)) return text;
  return text.replaceAll(FORMULA, (found, at) => (at === 0 && /^[ \u00a0]*$/.test(found) ? `'${found}` : `${found}'`));
}

/** @param {string | null | undefined} text */
export function cell(text) {
  const value = harmless(text ?? "");
  return /[",\r\n;]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

/** @param {readonly (string | null | undefined)[]} cells */
export function row(cells) {
  return `${cells.map(cell).join(",")}\r\n`;
}

/**
 * Gives rows to the browser to save. They begin with a mark by which spreadsheets know that it is UTF-8.
 * @param {string} name
 * @param {readonly string[]} rows
 */
export function save(name, rows) {
  const address = URL.createObjectURL(new Blob(["\ufeff", ...rows], { type: "text/csv;charset=utf-8" }));
  h("a", { href: address, download: name }).click();
  // Not at once: the browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
