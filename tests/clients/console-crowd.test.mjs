// Many customers at the console: searched, sorted, narrowed and scrolled, while the tab stays usable and draws few of them. As
// many as SCRIP_TEST_CUSTOMERS says: `npm run large-list` has 1,000,000.
import assert from "node:assert/strict";
import { test } from "node:test";
import { as, business } from "./shop.mjs";
import { heapOf, WATCH } from "./watch.mjs";

const CUSTOMERS = Number(process.env.SCRIP_TEST_CUSTOMERS ?? 20_000);
const LAST = CUSTOMERS - 1;
/** From a key or a choice to what it leads to; the screen itself waits 0.2 s for more keys. */
const SLOWEST_MS = 1_500;
/** The same where everybody fits, so that as many are looked through and counted as ever are. */
const WIDEST_MS = 5_000;
const LONGEST_MS = 200;
const MOST_DRAWN = 60;
const SCROLLED = 5_000;
const MOST_BYTES = 40_000_000;

const count = (n) => n.toLocaleString("en-GB");

test(`${count(CUSTOMERS)} customers`, async (t) => {
  await business.crowd(CUSTOMERS, "balances");
  const person = await as("manager", "mouse");
  const { page } = person;
  await page.evaluate(WATCH);
  const first = () => page.locator(".window-body .row").first();
  const took = async (what, work, slowest = SLOWEST_MS) => {
    const began = performance.now();
    await work();
    const ms = performance.now() - began;
    t.diagnostic(`${what}: ${(ms / 1000).toFixed(2)} s`);
    assert.ok(ms < slowest, `${what}: ${ms} ms`);
  };
  /** How long it takes until none of the rows that are there is left, and there are others. */
  const anew = async (what, work, slowest = SLOWEST_MS) => {
    await page.evaluate(() => document.querySelectorAll(".window-body .row").forEach((row) => (row.dataset.old = "")));
    await took(what, async () => {
      await work();
      await page.waitForFunction(() => document.querySelector(".window-body .row") && !document.querySelector(".window-body .row[data-old]"));
    }, slowest);
  };
  const choose = async (field, label, fits) => {
    await anew(`${field}: ${label}`, () => page.getByLabel(field, { exact: true }).selectOption({ label }));
    assert.ok(fits(await page.locator(".window-body .row").allTextContents()), label);
  };
  const search = async (text, fits, slowest = SLOWEST_MS) => {
    await anew(`search: ${text}`, () => page.getByRole("searchbox").fill(text), slowest);
    assert.ok(fits(await page.locator(".window-body .row").allTextContents()), text);
    await anew("search: nothing any more", () => page.getByRole("searchbox").fill(""));
  };
  await first().waitFor();
  await took("the list anew", async () => {
    await page.reload();
    await first().waitFor();
    await page.getByText("More than 10,000 customers").waitFor();
  });
  await page.evaluate(WATCH);

  const name = `W${String((LAST * 7919) % CUSTOMERS).padStart(7, "0")}`;
  for (const text of [`CROWD-${LAST}`, `c${LAST}@d`, `Crowd ${name}`, name]) await search(text, (rows) => rows.length === 1 && rows[0].includes(`CROWD-${LAST}`));
  await search(`d${LAST % 50_000}.example`, (rows) => rows.length > 0 && rows.every((row) => row.includes(`@d${LAST % 50_000}.example`)));
  await search("Cro", (rows) => rows.length > 10 && rows.every((row) => row.includes("Crowd")), WIDEST_MS);

  const pounds = (row) => Number(/£([\d,.]+)/.exec(row)[1].replaceAll(",", ""));
  await choose("Sort by", "Largest balance", (rows) => rows.every((row, at) => at === 0 || pounds(rows[at - 1]) >= pounds(row)));
  await choose("Sort by", "Newest", (rows) => rows.length > 10);
  await choose("Sort by", "Last activity", (rows) => rows.length > 10);
  await choose("Sort by", "Name", (rows) => rows.length > 10);
  await choose("Show", "Members", (rows) => rows.every((row) => row.includes("Member")));
  await choose("Show", "Everybody", (rows) => rows.some((row) => !row.includes("Member")));

  const heap = await heapOf(page);
  await took("scrolled by a screen", async () => {
    await page.mouse.wheel(0, 900);
    await page.waitForFunction(() => document.querySelector(".window-body .row:last-child").dataset.index > 15);
  });
  const began = performance.now();
  for (let rows = 0; rows < SCROLLED; ) {
    const before = rows;
    await page.evaluate(() => scrollTo({ top: document.documentElement.scrollHeight }));
    await page.waitForFunction((n) => Number(document.querySelector(".window-body .row:last-child").dataset.index) > n, before);
    rows = await page.evaluate(() => Number(document.querySelector(".window-body .row:last-child").dataset.index) + 1);
    assert.ok((await page.locator(".window-body .row").count()) <= MOST_DRAWN);
  }
  t.diagnostic(`scrolled to row ${count(SCROLLED)}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  const names = await page.locator(".window-body .who a").allTextContents();
  assert.deepEqual(names, [...names].sort());
  const longest = await page.evaluate(() => globalThis.longest);
  const grown = (await heapOf(page)) - heap;
  t.diagnostic(`longest task ${Math.round(longest)} ms, heap grown by ${(grown / 1e6).toFixed(1)} MB`);
  assert.ok(longest < LONGEST_MS, `a task of ${longest} ms`);
  assert.ok(grown < MOST_BYTES, `${grown} bytes more`);
  await person.leave();
});
