// The texts of the language that is chosen, and numbers, amounts and dates as it writes them.
import de from "./texts/de.js";
import en from "./texts/en.js";
import { Cell } from "./dom.js";

/** @typedef {keyof typeof en | keyof typeof import("./texts/en-settings.js").default} Key */
/** @typedef {string | {one: string, other: string}} Text */

/** @typedef {{locale: string, name: string, texts: Record<Key, Text>, settings: () => Promise<{default: object}>}} Language */

/** settings: the texts that only the settings need, loaded with them. @type {Record<string, Language>} */
export const LANGUAGES = {
  en: { locale: "en-GB", name: "English", texts: /** @type {Language["texts"]} */ ({ ...en }), settings: () => import("./texts/en-settings.js") },
  de: { locale: "de-DE", name: "Deutsch", texts: /** @type {Language["texts"]} */ ({ ...de }), settings: () => import("./texts/de-settings.js") },
};

const kept = localStorage.getItem("scrip.language");
const first = [kept, ...navigator.languages.map((each) => each.slice(0, 2))].find((each) => each && each in LANGUAGES);
export const language = new Cell(first ?? "en");

/** @returns {Language} */
function spoken() {
  return /** @type {Language} */ (LANGUAGES[language.value] ?? LANGUAGES.en);
}

/** Loads the texts of the settings in the chosen language. */
export async function loadSettingsTexts() {
  const chosen = spoken();
  Object.assign(chosen.texts, (await chosen.settings()).default);
}

export function locale() {
  return spoken().locale;
}

/** @param {string} code */
export function speak(code) {
  localStorage.setItem("scrip.language", code);
  document.documentElement.lang = code;
  language.set(code);
}

/**
 * A text, with values in place of its {names}. `n` decides between one and many.
 * @param {Key} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const text = spoken().texts[key];
  const chosen = typeof text === "string" ? text : text[pluralOf(Number(values.count ?? values.n ?? 0))];
  return chosen.replaceAll(/\{(\w+)\}/g, (_, /** @type {string} */ name) => String(values[name] ?? ""));
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
  return key in spoken().texts ? t(/** @type {Key} */ (key), values) : otherwise;
}

/** @param {string} asset */
export function isMoney(asset) {
  return asset !== "POINTS" && asset !== "SERVICE_CREDITS";
}

/** @param {string} asset */
export function placesOf(asset) {
  if (!isMoney(asset)) return 0;
  return new Intl.NumberFormat("en", { style: "currency", currency: asset }).resolvedOptions().maximumFractionDigits ?? 2;
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
    return new Intl.NumberFormat(locale(), { style: "currency", currency: asset, signDisplay }).format(exact);
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

/** £ credit, class credits, points. @param {string} asset */
export function assetName(asset) {
  if (asset === "POINTS") return t("asset.points");
  if (asset === "SERVICE_CREDITS") return t("asset.services");
  const parts = new Intl.NumberFormat(locale(), { style: "currency", currency: asset }).formatToParts(0);
  return t("asset.credit.in", { sign: parts.find((part) => part.type === "currency")?.value ?? asset });
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

/** The instant at which a day of the calendar ends in the business's time zone. @param {string} date */
export function endOfDay(date) {
  const midnight = Date.parse(`${daysAfter(date, 1)}T00:00:00Z`);
  const near = midnight - aheadOfUtc(midnight);
  return new Date(midnight - aheadOfUtc(near)).toISOString();
}

/** Milliseconds by which the business's clocks are ahead of UTC. @param {number} instant */
function aheadOfUtc(instant) {
  // Sweden writes 2026-12-24 18:00:00.
  const there = new Date(instant).toLocaleString("sv-SE", { timeZone: zone.value });
  return Date.parse(`${there.replace(" ", "T")}Z`) - Math.floor(instant / 1000) * 1000;
}

/** @param {string} from @param {string} to */
export function daysBetween(from, to) {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 86_400_000);
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
