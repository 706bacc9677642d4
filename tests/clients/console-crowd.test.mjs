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
  const took = async (what, work) => {
    const began = performance.now();
    await work();
    const ms = performance.now() - began;
    t.diagnostic(`${what}: ${(ms / 1000).toFixed(2)} s`);
    assert.ok(ms < SLOWEST_MS, `${what}: ${ms} ms`);
  };
  const choose = async (field, label, shows) => {
    await took(`${field}: ${label}`, async () => {
      await page.getByLabel(field, { exact: true }).selectOption({ label });
      await first().getByText(shows).first().waitFor();
    });
  };
  const search = async (text, fits) => {
    await took(`search: ${text}`, async () => {
      await page.getByRole("searchbox").fill(text);
      await page.waitForFunction(fits, text);
    });
    await took("search: nothing any more", async () => {
      await page.getByRole("searchbox").fill("");
      await page.waitForFunction(() => document.querySelectorAll(".window-body .row").length > 10);
    });
  };
  await first().waitFor();
  await took("the list anew", async () => {
    await page.reload();
    await first().waitFor();
    await page.getByText("More than 10,000 customers").waitFor();
  });
  await page.evaluate(WATCH);

  const one = (text) => document.querySelectorAll(".window-body .row").length === 1 && document.querySelector(".window-body .row").textContent.includes(text);
  await search(`CROWD-${LAST}`, one);
  await search(`c${LAST}@d`, one);
  await search(`Crowd W${String((LAST * 7919) % CUSTOMERS).padStart(7, "0")}`, one);
  await search(`W${String((LAST * 7919) % CUSTOMERS).padStart(7, "0")}`, one);
  await search(`d${LAST % 50_000}.example`, (text) => [...document.querySelectorAll(".window-body .row")].every((row) => row.textContent.includes(text)));
  await search("Cro", () => [...document.querySelectorAll(".window-body .row")].length > 10 && [...document.querySelectorAll(".window-body .row")].every((row) => row.textContent.includes("Crowd")));

  await choose("Sort by", "Largest balance", /£/);
  await choose("Sort by", "Newest", /./);
  await choose("Sort by", "Last activity", /./);
  await choose("Sort by", "Name", /./);
  await choose("Show", "Members", "Member");
  await choose("Show", "Everybody", /./);

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
