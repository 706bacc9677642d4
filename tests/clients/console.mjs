// The console in a browser, as its tests drive it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/**
 * Signs in as a role of the sample. Gives the page; `problems`, all that went wrong on it or was asked of elsewhere; and
 * `close`.
 */
export async function open(browser, url, role, options = {}) {
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const problems = watched(page, url);
  await page.goto(`${url}/`);
  await page.locator(`[data-role="${role}"]`).click();
  await page.getByRole("heading", { level: 1 }).waitFor();
  return { page, problems, close: () => context.close() };
}

/** All that goes wrong on a page, or is asked of elsewhere. */
export function watched(page, url) {
  const problems = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("request", (request) => {
    if (![url, "data:", "blob:"].some((begin) => request.url().startsWith(begin))) problems.push(`asked for ${request.url()}`);
  });
  return problems;
}

/** Whether a request is one of this operation. */
export const isOf = (operation) => (request) => request.postData()?.includes(`"operationName":"${operation}"`) ?? false;

/** Holds back what is asked for, where `isIt` says so of the request, until the answered function is called. */
export async function holding(page, isIt, where = "**/graphql") {
  let go;
  const until = new Promise((resolve) => (go = resolve));
  await page.route(where, async (route) => {
    if (!isIt(route.request())) return route.fallback();
    await until;
    return route.fallback().catch(() => {});
  });
  return go;
}

/** So many days from today where the shop is, as a calendar has it, or as a reader of English does. Days are not always of 24 hours. */
export function dayFromNow(days, style = null) {
  const day = new Date(`${new Intl.DateTimeFormat("en-CA", { timeZone: "Europe/London" }).format(Date.now())}T00:00Z`);
  day.setUTCDate(day.getUTCDate() + days);
  return style === null ? day.toISOString().slice(0, 10) : new Intl.DateTimeFormat("en-GB", { dateStyle: style, timeZone: "UTC" }).format(day);
}

/** Finds a customer by typing their number, and opens their profile. */
export async function openCustomer(page, number) {
  await page.keyboard.press("/");
  await page.getByRole("searchbox").fill(number);
  await page.locator(`.window-body .who:has-text("${number}") a`).click();
  await page.locator(".profile-head").waitFor();
}

/** The figure of an account on the screen, such as £25.00. */
export const figureOf = (page, asset) => page.locator(`.big[data-asset="${asset}"]`).textContent();

/**
 * Asks axe, and fails with what it found: about the dialog that is open, else about the page, once what moves there or
 * fades in has come to rest. It runs where the page's policy does not reach.
 */
export async function accessible(page, where) {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(await readFile(AXE, "utf8"));
  const { violations } = await page.evaluate(async (values) => {
    const ending = document.getAnimations().filter(({ effect }) => effect.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ending.map(({ finished }) => finished));
    const [dialog] = [...document.querySelectorAll("dialog[open]")].slice(-1);
    return globalThis.axe.run(dialog ?? document, { runOnly: { type: "tag", values } });
  }, RULES);
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`).join("\n    ")}`);
  assert.deepEqual(found, [], where);
}
