// What is owed: to all, by asset, month of expiry and source, now and on another day, with what expires next; and to a customer, in
// their own wallet.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pounds } from "./console-books.mjs";
import { as, business } from "./shop.mjs";

const OWED = 'query ($at: DateTime) { liability(at: $at) { asset outstanding } }';

test("liability says what is owed by month and source, now and on another day, and what expires next, past a page", async () => {
  const person = await as("staff", "mouse");
  const { page } = person;
  await person.go("Liability");
  const card = page.getByRole("region", { name: "£ credit" });
  const pence = (text) => Math.round(100 * pounds(text));
  const owed = async () => pence(await card.locator(".big").textContent());
  const plot = (title) => card.getByRole("table", { name: title }).locator("tr");
  const sumOf = async (title) => {
    const texts = await plot(title).locator(".sum").allTextContents();
    return texts.reduce((sum, text) => sum + pence(text), 0);
  };
  await card.waitFor();
  const before = await owed();
  const given = async () => pence(await plot("By source").filter({ hasText: "Goodwill" }).locator(".sum").textContent());
  const givenBefore = await given();
  const customer = await business.customer("owed");
  for (let n = 0; n < 21; n += 1) await business.add(customer, "GBP", "2", { expiresInDays: 1 });
  await business.add(customer, "GBP", "30.50", { expiresInDays: 5 });
  await page.reload();
  await card.waitFor();
  assert.equal(await owed(), before + 7_250);
  assert.equal(await given(), givenBefore + 7_250);
  for (const title of ["By month of expiry", "By source"]) assert.equal(await sumOf(title), before + 7_250, title);

  const asked = page.waitForRequest((request) => request.postData()?.includes('"operationName":"Liability"') ?? false);
  await person.date(page.getByLabel("As it was on"), new Date(Date.now() - 3 * 86_400_000).toISOString().slice(0, 10));
  const { at } = JSON.parse((await asked).postData()).variables;
  const { liability } = await business.ask(OWED, { at });
  const then = pence(liability.find(({ asset }) => asset === "GBP")?.outstanding ?? "0");
  await page.waitForFunction(() => document.querySelector(".cards .skeleton, .stack > div [aria-busy]") === null);
  assert.equal((await card.count()) === 0 ? 0 : await owed(), then);

  const next = page.locator(".expiring li");
  await next.first().waitFor();
  assert.equal(await next.count(), 20);
  await person.button("Show more", page);
  await page.waitForFunction(() => document.querySelectorAll(".expiring li").length > 20);
  await next.filter({ hasText: customer.name }).filter({ hasText: "£2.00" }).first().waitFor();
  await person.press(next.getByRole("link", { name: customer.name }).first());
  await page.getByRole("heading", { level: 1, name: customer.name }).waitFor();
  await person.leave();
});

test("a wallet has the balance, what expires, the coupons and the history, and only a skeleton until they are there", async () => {
  const person = await as("customer", "touch");
  const { page } = person;
  const token = await page.evaluate(() => JSON.parse(sessionStorage.getItem("scrip.session")).token);
  const { viewer: me } = await business.ask("{ viewer { customer { id } } }", {}, token);
  await business.add(me.customer, "GBP", "5.25", { expiresInDays: 3 });
  const { rewards } = await business.ask("{ rewards(first: 100) { edges { node { id stock } } } }");
  const give = "mutation ($input: GiveRewardInput!) { giveReward(input: $input) { coupon { code } userErrors { code } } }";
  const rewardId = rewards.edges.find(({ node }) => node.stock === null).node.id;
  const { giveReward } = await business.ask(give, { input: { customerId: me.customer.id, rewardId, deductPoints: false, idempotencyKey: crypto.randomUUID() } });
  const { available } = await business.balance(me.customer, "GBP");
  let free = () => {};
  const held = new Promise((resolve) => (free = resolve));
  await page.route("**/graphql", async (route) => {
    if (route.request().postData()?.includes('"Wallet"')) await held;
    return route.fallback();
  });
  await page.reload();
  await page.locator(".wallet .skeleton .bar").first().waitFor();
  assert.equal(await page.locator(".wallet .big").count(), 0);
  free();
  const card = page.getByRole("region", { name: "£ credit" });
  assert.equal(pounds(await card.locator(".big").textContent()), Number(available));
  await card.locator(".wallet-lot", { hasText: "£5.25" }).getByText("in 3 days").waitFor();
  await page.locator(".coupon", { hasText: giveReward.coupon.code }).getByRole("button", { name: "Copy" }).waitFor();
  await page.locator(".event", { hasText: "+£5.25" }).getByText("Added").waitFor();
  await person.leave();
});
