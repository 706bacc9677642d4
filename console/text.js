// The texts of the language that is chosen, and numbers, amounts and dates as it writes them.
import { placesIn } from "./currencies.js";
import { typedAmount } from "./decimals.js";
import { Cell } from "./dom.js";

/** @typedef {keyof typeof import("./texts/en/frame.js")["default"] | keyof typeof import("./texts/en/people.js")["default"] | keyof typeof import("./texts/en/value.js")["default"] | keyof typeof import("./texts/en/billing.js")["default"] | keyof typeof import("./texts/en/office.js")["default"] | keyof typeof import("./texts/en/settings.js")["default"]} Key */
/** @typedef {string | {one: string, other: string}} Text */

/** What there is in each language, side by side: a file that named them would be one more to wait for. */
const PARTS = ["frame", "people", "value", "billing", "office", "settings"];

/** @type {Record<string, {locale: string, name: string}>} */
export const LANGUAGES = {
  en: { locale: "en-GB", name: "English" },
  de: { locale: "de-DE", name: "Deutsch" },
};

const kept = localStorage.getItem("scrip.language");
const first = [kept, ...navigator.languages.map((each) => each.slice(0, 2))].find((each) => each && each in LANGUAGES);
export const language = new Cell(first ?? "en");

/** The texts of the language alone are loaded. */
let texts = await textsOf(language.value);

/** @param {string} code @returns {Promise<Record<Key, Text>>} */
async function textsOf(code) {
  const parts = await Promise.all(PARTS.map((part) => import(`./texts/${code in LANGUAGES ? code : "en"}/${part}.js`)));
  return Object.assign({}, ...parts.map((part) => part.default));
}

export function locale() {
  return LANGUAGES[language.value]?.locale ?? "en-GB";
}

/** @param {string} code */
export async function speak(code) {
  texts = await textsOf(code);
  localStorage.setItem("scrip.language", code);
  document.documentElement.lang = code;
  language.set(code);
}

/**
 * A text, with values in place of its {names}; numbers as the language writes them. `n` decides between one and many.
 * @param {Key} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const text = texts[key];
  const chosen = typeof text === "string" ? text : text[pluralOf(Number(values.count ?? values.n ?? 0))];
  return chosen.replaceAll(/\{(\w+)\}/g, (_, /** @type {string} */ name) => shown(values[name] ?? ""));
}

/** What is written from right to left would drag the words and figures around it along: it is kept to itself. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** @param {string | number} value */
function shown(value) {
  if (typeof value === "number") return new Intl.NumberFormat(locale()).format(value);
  return RIGHT_TO_LEFT.test(value) ? `\u2068${value}\u2069` : value;
}

/** @param {number} count @returns {"one" | "other"} */
function pluralOf(count) {
  return new Intl.PluralRules(locale()).select(count) === "one" ? "one" : "other";
}

/**
 * A text that may be missing, such as that of a code which a later server knows.
 * @param {string} key
 * @param {string} otherwise
 * @param {Record<string, string | number>} [values]
 */
export function tOr(key, otherwise, values) {
  return key in texts ? t(/** @type {Key} */ (key), values) : otherwise;
}

/** @param {string} asset */
export function isMoney(asset) {
  return asset !== "POINTS" && asset !== "SERVICE_CREDITS";
}

/** @param {string} asset */
export function placesOf(asset) {
  if (!isMoney(asset)) return 0;
  return placesIn(asset) ?? new Intl.NumberFormat("en", { style: "currency", currency: asset }).resolvedOptions().maximumFractionDigits ?? 2;
}

/**
 * £25.00, 10 class credits, 1,750 points.
 * @param {string} amount
 * @param {string} asset
 * @param {{signed?: boolean}} [how]
 */
export function money(amount, asset, { signed = false } = {}) {
  const exact = /** @type {Intl.StringNumericLiteral} */ (amount);
  const signDisplay = signed ? "exceptZero" : "auto";
  if (isMoney(asset)) {
    const places = placesOf(asset);
    return new Intl.NumberFormat(locale(), { style: "currency", currency: asset, signDisplay, minimumFractionDigits: places, maximumFractionDigits: places }).format(exact);
  }
  const n = new Intl.NumberFormat(locale(), { signDisplay, maximumFractionDigits: 0 }).format(exact);
  return t(asset === "POINTS" ? "asset.points.n" : "asset.services.n", { n, count: Math.abs(Number(amount)) });
}

/**
 * The number alone, where a heading says of what.
 * @param {string} amount
 * @param {string} asset
 */
export function figure(amount, asset) {
  if (isMoney(asset)) return money(amount, asset);
  return new Intl.NumberFormat(locale()).format(/** @type {Intl.StringNumericLiteral} */ (amount));
}

/** An amount of money in whatever currency. @param {string} amount */
export function anyMoney(amount) {
  return new Intl.NumberFormat(locale(), { minimumFractionDigits: 2, maximumFractionDigits: 4 }).format(/** @type {Intl.StringNumericLiteral} */ (amount));
}

/** A number with all its decimals, as the language writes it. @param {string} number */
export function exactly(number) {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: 20 }).format(/** @type {Intl.StringNumericLiteral} */ (number));
}

/** Between whole and decimals, as the language writes it. */
function decimalMark() {
  return new Intl.NumberFormat(locale()).formatToParts(1.5).find(({ type }) => type === "decimal")?.value ?? ".";
}

/** An amount as it stands in a field to begin with: with the mark of the language, and none between thousands. @param {string} amount */
export function typedForm(amount) {
  return amount.replace(".", decimalMark());
}

/**
 * The amount that somebody has typed, as `typedAmount` reads it.
 * @param {string} typed
 * @param {string} asset
 * @param {number} [places]
 */
export function typedIn(typed, asset, places = placesOf(asset)) {
  return typedAmount(typed, places, decimalMark(), asset, signsOf(asset));
}

/** The signs of a currency, as the language writes it and shortest: US$, $. @param {string} asset */
function signsOf(asset) {
  if (!isMoney(asset)) return [];
  return /** @type {const} */ (["symbol", "narrowSymbol"]).map((currencyDisplay) => signOf(asset, currencyDisplay));
}

/** @param {string} asset @param {"symbol" | "narrowSymbol"} [currencyDisplay] */
function signOf(asset, currencyDisplay = "symbol") {
  const parts = new Intl.NumberFormat(locale(), { style: "currency", currency: asset, currencyDisplay }).formatToParts(0);
  return parts.find((part) => part.type === "currency")?.value ?? asset;
}

/** £ credit, class credits, points. @param {string} asset */
export function assetName(asset) {
  if (asset === "POINTS") return t("asset.points");
  if (asset === "SERVICE_CREDITS") return t("asset.services");
  return t("asset.credit.in", { sign: signOf(asset) });
}

/** British pounds, US dollars. @param {string} code */
export function currencyName(code) {
  return new Intl.DisplayNames(locale(), { type: "currency" }).of(code) ?? code;
}

/** The business's time zone; all days are days there. */
export const zone = new Cell("UTC");

/** @param {string} instant */
export function day(instant) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeZone: zone.value }).format(new Date(instant));
}

/** @param {string} instant */
export function moment(instant) {
  const how = /** @type {const} */ ({ dateStyle: "medium", timeStyle: "short", timeZone: zone.value });
  return new Intl.DateTimeFormat(locale(), how).format(new Date(instant));
}

/** A day as a calendar has it, such as 2026-12-24. @param {string} date */
export function calendarDay(date) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeZone: "UTC" }).format(new Date(`${date}T00:00:00Z`));
}

/** A month, such as 2026-12. @param {string} month */
export function monthName(month) {
  const how = /** @type {const} */ ({ month: "short", year: "numeric", timeZone: "UTC" });
  return new Intl.DateTimeFormat(locale(), how).format(new Date(`${month.slice(0, 7)}-01T00:00:00Z`));
}

/** The last day on which something that ends at an instant is there: the day's own end is midnight of the next.
 * @param {string} instant */
export function lastDay(instant) {
  return day(new Date(Date.parse(instant) - 1).toISOString());
}

/** Today in the business's time zone, as a calendar has it. @param {Date} [now] */
export function today(now = new Date()) {
  const parts = new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit", timeZone: zone.value });
  return parts.format(now);
}

/** @param {string} date @param {number} days */
export function daysAfter(date, days) {
  const found = new Date(`${date}T00:00:00Z`);
  found.setUTCDate(found.getUTCDate() + days);
  return found.toISOString().slice(0, 10);
}

/** @param {string} from @param {string} to */
export function daysBetween(from, to) {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 86_400_000);
}

/** The instant at which a day begins in the business's time zone. @param {string} date */
export function dayBegins(date) {
  const utc = Date.parse(`${date}T00:00:00Z`);
  const near = utc - offsetAt(utc);
  const found = utc - offsetAt(near);
  // Where clocks go forward at midnight, the day begins at one.
  return new Date(today(new Date(found)) < date ? near : found).toISOString();
}

/** The instant at which a day ends in the business's time zone: where the next begins. @param {string} date */
export function dayEnds(date) {
  return dayBegins(daysAfter(date, 1));
}

/** How far the business's clocks are ahead of UTC, in milliseconds. @param {number} instant */
function offsetAt(instant) {
  const how = /** @type {const} */ ({ timeZone: zone.value, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const part = Object.fromEntries(new Intl.DateTimeFormat("en-CA", how).formatToParts(instant).map(({ type, value }) => [type, value]));
  return Date.parse(`${part.year?.padStart(4, "0")}-${part.month}-${part.day}T${part.hour}:${part.minute}:${part.second}Z`) - instant;
}

/** Days from today until the last day of what ends at an instant. @param {string} instant */
export function daysLeft(instant) {
  return daysBetween(today(), today(new Date(Date.parse(instant) - 1)));
}

/** in 14 days, yesterday. @param {number} days */
export function inDays(days) {
  return new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(days, "day");
}

/** 5 minutes ago. @param {string} instant */
export function ago(instant) {
  const seconds = Math.round((Date.parse(instant) - Date.now()) / 1000);
  /** @type {[Intl.RelativeTimeFormatUnit, number][]} */
  const steps = [["day", 86_400], ["hour", 3_600], ["minute", 60]];
  const [unit, size] = steps.find(([, each]) => Math.abs(seconds) >= each) ?? ["minute", 60];
  if (Math.abs(seconds) > 14 * 86_400) return day(instant);
  if (Math.abs(seconds) < 60) return t("time.now");
  return new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(Math.round(seconds / size), unit);
}
