// What hands do that nobody means: a tap too many, a key held down; and what people go on doing while something is on its way.
import assert from "node:assert/strict";
import { test } from "node:test";
import { holding, isOf } from "./console.mjs";
import { as, business } from "./shop.mjs";

const manager = (hand = "mouse") => as("manager", hand);

test("the second tap of two records no payment that nobody has read", async () => {
  const customer = await business.customer("tapped");
  const number = `${customer.number}-TAP`;
  await business.invoice(customer, number, "20");
  const person = await manager("touch");
  const { page } = person;
  await person.open(customer, "Billing");
  await person.press(page.locator("button, a", { hasText: number }).first());
  // What it needs is there from now on.
  await person.button("Record payment");
  await person.dialog.getByLabel("Paid by").waitFor();
  await person.button("Back");
  const record = person.dialog.getByRole("button", { name: "Record payment" });
  await record.waitFor();
  await page.waitForTimeout(500);
  const { x, y, width, height } = await record.boundingBox();
  const [at, down] = [x + width / 2, y + height / 2];
  await page.touchscreen.tap(at, down);
  await page.touchscreen.tap(at, down);
  await person.dialog.getByLabel("Paid by").waitFor();
  await page.waitForTimeout(600);
  const { invoice } = await business.ask("query ($number: String!) { invoice(by: { number: $number }) { due } }", { number });
  assert.equal(invoice.due, "20.00");
  await person.leave();
});

test("Enter that is held down goes one step, not two", async () => {
  const customer = await business.customer("held");
  const person = await manager("keyboard");
  const { page } = person;
  await person.open(customer);
  await person.button("Adjust", page.locator(".profile-head"));
  await person.fill({ amount: "3", reason: "Goodwill" });
  await person.says("Add £3.00 to");
  await page.keyboard.press("Escape");
  await person.dialog.getByLabel("Amount").focus();
  await page.keyboard.down("Enter");
  await person.says("Add £3.00 to");
  for (let times = 0; times < 3; times += 1) await page.keyboard.down("Enter");
  await page.waitForTimeout(500);
  await page.keyboard.up("Enter");
  assert.equal(await person.dialog.getByText("Add £3.00 to").count(), 1);
  assert.deepEqual(await business.moves(customer), []);
  await page.keyboard.press("Enter");
  await person.told("Added £3.00");
  await person.leave();
});

test("where a search has no answer, nobody stands who was looked for before", async () => {
  const [before, next] = [await business.customer("wrong"), await business.customer("right")];
  const person = await manager();
  const { page } = person;
  await person.search(before.number);
  await page.locator(`.window-body .who:has-text("${before.number}")`).waitFor();
  let away = true;
  await page.route("**/graphql", (route) => (away && isOf("Customers")(route.request()) ? route.abort() : route.fallback()));
  await page.getByRole("searchbox").fill(next.number);
  await page.getByText("No answer came").waitFor();
  assert.equal(await page.locator(".window-body .row").count(), 0);
  away = false;
  await page.evaluate(() => dispatchEvent(new Event("scroll")));
  await page.locator(`.window-body .who:has-text("${next.number}")`).waitFor();
  assert.equal(await page.locator(".window-body .row").count(), 1);
  await page.context().close();
});

test("far down the list, what was posted to a row shows in it", async () => {
  for (let many = 0; many < 10; many += 1) await Promise.all(Array.from({ length: 40 }, () => business.customer("far")));
  const person = await manager();
  const { page } = person;
  const row = (nth) => page.locator(`.window-body [data-index="${nth}"]`);
  await page.getByText(/^\d{3,} customers/).waitFor();
  const far = (nth) => page.waitForFunction((at) => scrollTo({ top: at * 64 }) ?? document.querySelector(`.window-body [data-index="${at}"]`), nth, { polling: 100 });
  await far(320);
  const there = await page.evaluate(() => scrollY);
  const name = await row(320).locator(".who a").textContent();
  await row(320).getByRole("button").click();
  await person.fill({ amount: "1234", reason: "Goodwill" });
  await person.button("Apply");
  await person.told("Added £1,234.00");
  await row(320).locator(".sum").first().getByText(/£1,\d{3}/).waitFor();
  assert.equal(await row(320).locator(".who a").textContent(), name);
  assert.ok(Math.abs((await page.evaluate(() => scrollY)) - there) < 64);
  await far(400);
  const names = await page.locator(".window-body .who small").allTextContents();
  assert.equal(new Set(names).size, names.length);
  await person.leave();
});

test("who was picked stays so, whatever is found later", async () => {
  const [from, first] = [await business.customer("giver"), await business.customer("taker")];
  await business.customer("taker");
  await business.add(from, "GBP", "9");
  const person = await manager();
  const { page } = person;
  await person.open(from);
  await person.button("Transfer £ credit", page);
  const search = person.dialog.getByRole("searchbox");
  await search.fill(first.number);
  const found = person.dialog.locator(".picks label", { hasText: first.number });
  await found.waitFor();
  const go = await holding(page, isOf("FindPeople"));
  const asked = page.waitForRequest(isOf("FindPeople"));
  await search.fill("taker");
  await asked;
  await found.locator("input").check();
  const answered = page.waitForResponse((response) => isOf("FindPeople")(response.request()));
  go();
  await (await answered).finished();
  await page.waitForTimeout(300);
  assert.equal(await found.locator("input").isChecked(), true);
  await person.leave();
});

test("the focus on one of many that are called alike stays with it", async () => {
  const asked = [];
  for (const amount of ["111", "112"]) {
    const customer = await business.customer("alike");
    const input = { customerId: customer.id, asset: "GBP", amount, reason: "GOODWILL", requestApproval: true, idempotencyKey: `alike-${customer.number}` };
    asked.push([customer, input]);
  }
  const staff = await as("staff", "mouse");
  const token = await staff.page.evaluate(() => JSON.parse(sessionStorage.getItem("scrip.session")).token);
  const ask = ([, input]) => business.ask("mutation ($input: AdjustCreditInput!) { adjustCredit(input: $input) { approvalRequest { id } userErrors { code } } }", { input }, token);
  await ask(asked[0]);
  await staff.leave();
  const person = await manager();
  const { page } = person;
  await person.go("Approvals");
  const link = page.locator(".request", { hasText: asked[0][0].name }).getByRole("link", { name: "See customer" });
  await link.focus();
  await ask(asked[1]);
  await page.locator(".request", { hasText: asked[1][0].name }).waitFor();
  assert.ok(await link.evaluate((each) => each === document.activeElement));
  await person.leave();
});

test("who sits before a screen that follows is asked to sign in again once the token has ended", async () => {
  const person = await manager();
  const { page } = person;
  await page.routeWebSocket(/graphql/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => {
      if (JSON.parse(message).type === "connection_ack") socket.close({ code: 4403, reason: "The token has expired." });
      else socket.send(message);
    });
  });
  await page.reload();
  await page.getByRole("dialog", { name: "Your session has ended" }).waitFor();
  await person.leave();
});

test("what is missing stays told, also if it is pressed before the server has said what it would do", async () => {
  const customer = await business.customer("quick");
  await business.add(customer, "GBP", "9");
  const person = await manager();
  await person.open(customer);
  await person.button("Transfer £ credit", person.page);
  await person.type(person.dialog.getByLabel("Amount"), "4");
  await person.button("Transfer");
  await person.says("Choose somebody.");
  await person.page.waitForTimeout(600);
  assert.equal(await person.dialog.getByText("Choose somebody.").count(), 1);
  await person.leave();
});

test("after a change each part of a profile is asked for once", async () => {
  const customer = await business.customer("once");
  await business.add(customer, "POINTS", "9");
  const person = await manager();
  const { page } = person;
  await person.open(customer, "Points");
  await page.locator("main [aria-busy]").first().waitFor({ state: "detached" });
  const asked = [];
  page.on("request", (request) => asked.push(JSON.parse(request.postData() ?? "{}").operationName));
  await page.evaluate(() => document.dispatchEvent(new CustomEvent("scrip-changed")));
  await page.waitForTimeout(1_000);
  const parts = asked.filter((name) => name && name !== "Customers" && name !== "Waiting");
  assert.ok(parts.length > 1);
  assert.deepEqual(parts, [...new Set(parts)]);
  await person.leave();
});

test("what is said while a dialog is open is said in it, too, to those who hear it", async () => {
  const customer = await business.customer("heard");
  const number = `${customer.number}-HEARD`;
  await business.invoice(customer, number, "20");
  const person = await manager();
  await person.open(customer, "Billing");
  await person.press(person.page.locator("button, a", { hasText: number }).first());
  await person.button("Record payment");
  await person.type(person.dialog.getByLabel("Amount"), "5");
  await person.button("Record payment");
  await person.dialog.getByRole("status").filter({ hasText: "£5.00 recorded, £15.00 still due" }).waitFor({ state: "attached" });
  await person.leave();
});
