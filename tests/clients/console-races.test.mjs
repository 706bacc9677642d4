// Answers that come late, or when one has gone on to something else; and what is pressed twice, or left too early.
import assert from "node:assert/strict";
import { test } from "node:test";
import { holding, isOf } from "./console.mjs";
import { as, business, chromium, scrip } from "./shop.mjs";

const manager = () => as("manager", "mouse");

test("the answer about a customer whom one has left gives nothing to the next", async () => {
  const [left, next] = [await business.customer("race"), await business.customer("race")];
  const person = await manager();
  const { page } = person;
  await person.search(left.number);
  const asked = page.waitForRequest((request) => request.postData()?.includes(left.id) ?? false);
  const go = await holding(page, (request) => isOf("Profile")(request) && request.postData().includes(left.id));
  await person.press(page.locator(".window-body .who a"));
  await asked;
  await page.goBack();
  await page.getByRole("searchbox").fill(next.number);
  await person.press(page.locator(`.window-body .who:has-text("${next.number}") a`));
  await page.getByRole("heading", { level: 1, name: next.name }).waitFor();
  const answered = page.waitForResponse((response) => response.request().postData()?.includes(left.id) ?? false);
  go();
  await answered;
  await page.waitForTimeout(300);
  assert.equal(await page.title(), `${next.name} · Scrip`);
  await person.leave();
});

test("pressed twice while its file loads, a button opens one dialog; and none over another screen", async () => {
  const customer = await business.customer("race");
  await business.add(customer, "GBP", "9");
  const person = await manager();
  const { page } = person;
  await person.open(customer);
  const go = await holding(page, () => true, "**/spend.js");
  await page.locator(".profile-head").getByRole("button", { name: "Spend" }).dblclick();
  go();
  await page.getByRole("dialog").first().waitFor();
  await page.waitForTimeout(200);
  assert.equal(await page.getByRole("dialog").count(), 1);
  await person.leave();
  const other = await manager();
  await other.open(customer);
  const goOn = await holding(other.page, () => true, "**/spend.js");
  await other.page.locator(".profile-head").getByRole("button", { name: "Spend" }).click();
  await other.go("Orders");
  goOn();
  await other.page.waitForTimeout(300);
  assert.equal(await other.page.getByRole("dialog").count(), 0);
  await other.leave();
});

test("an order that is created by two clicks opens once", async () => {
  const customer = await business.customer("race");
  const person = await manager();
  await person.go("Orders");
  await person.button("New order", person.page);
  await person.type(person.dialog.getByLabel("Customer number"), customer.number);
  await person.type(person.dialog.getByLabel("Order number"), "TWICE-1");
  const go = await holding(person.page, isOf("FindCustomer"));
  const create = person.dialog.getByRole("button", { name: "Create order" });
  await create.click();
  assert.equal(await create.isDisabled(), true);
  go();
  await person.page.getByRole("heading", { name: "Order TWICE-1" }).waitFor();
  assert.equal(await person.page.getByRole("dialog").count(), 1);
  await person.leave();
});

test("what becomes of a posting is told also to who has left its dialog", async () => {
  const customer = await business.customer("race");
  await business.add(customer, "GBP", "5");
  const person = await manager();
  const { page } = person;
  await person.open(customer);
  await person.button("Adjust", page.locator(".profile-head"));
  await person.fill({ amount: "1", reason: "Goodwill" });
  await person.says("Add £1.00 to");
  let fail;
  const until = new Promise((resolve) => (fail = resolve));
  await page.route("**/graphql", async (route) => {
    if (!isOf("Adjust")(route.request())) return route.fallback();
    await until;
    return route.abort();
  });
  await person.button("Apply");
  await person.button("Close");
  await person.dialog.waitFor({ state: "detached" });
  const seen = page.waitForRequest((request) => isOf("Profile")(request));
  fail();
  // Another dialog would send it under another key: it might be done twice.
  await person.told("it is not known whether this was done. Look at the history");
  await seen;
  await page.context().close();
});

test("Enter opens who was typed last, not who was found before", async () => {
  const [first, second] = [await business.customer("race"), await business.customer("race")];
  const person = await manager();
  await person.search(first.number);
  await person.page.getByRole("searchbox").fill(second.number);
  await person.keys.press("Enter");
  await person.page.getByRole("heading", { level: 1, name: second.name }).waitFor();
  await person.leave();
});

test("a page that is loaded with a session that has ended is followed by one frame alone", async () => {
  const token = await scrip.token("manager", "--subject", "manager@demo", "--ttl", "1s");
  const context = await chromium.browser.newContext({ locale: "en-GB", viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.goto(`${scrip.url}/console`);
  await page.evaluate((session) => sessionStorage.setItem("scrip.session", session), JSON.stringify({ token, role: "manager", taken: true }));
  await page.waitForTimeout(1_500);
  // A connection that is begun again has any frame ask for them once more: over this one nothing comes.
  await page.routeWebSocket("**/graphql", () => {});
  await page.reload();
  await page.getByRole("dialog").locator('[data-role="manager"]').click();
  await page.locator(".nav").waitFor();
  await page.locator(".window-body .row").first().waitFor();
  let asked = 0;
  page.on("request", (request) => (asked += request.postData()?.includes('"operationName":"Requests"') ? 1 : 0));
  await page.locator(".nav").getByRole("link", { name: /Approvals/ }).click();
  await page.locator(".request, .empty").first().waitFor();
  await page.waitForTimeout(300);
  assert.equal(asked, 1);
  await context.close();
});

test("where a part of an answer could not be read, that is said, and nothing is taken for nothing", async () => {
  const customer = await business.customer("race");
  await business.add(customer, "GBP", "5");
  const person = await manager();
  await person.page.route("**/graphql", async (route) => {
    if (!isOf("Profile")(route.request())) return route.fallback();
    const response = await route.fetch();
    const body = await response.json();
    body.data.customer.balances = null;
    body.errors = [{ message: "Something failed.", path: ["customer", "balances"], extensions: { code: "INTERNAL_SERVER_ERROR" } }];
    return route.fulfill({ response, json: body });
  });
  await person.search(customer.number);
  await person.press(person.page.locator(".window-body .who a"));
  await person.page.getByText("Something went wrong here.").waitFor();
  assert.equal(await person.page.getByText("Nothing on this account yet.").count(), 0);
  await person.page.unroute("**/graphql");
  await person.button("Try again", person.page);
  await person.figure("GBP", "£5.00");
  await person.leave();
});

test("an address that is cut off in the middle of a letter is that of nobody", async () => {
  const person = await manager();
  await person.page.goto(`${scrip.url}/console/customers/%E0%A4`);
  await person.page.locator(".nav").waitFor();
  await person.page.context().close();
});

test("the badge counts what was asked for while there was no connection, also if nothing had come over it before", async () => {
  const customer = await business.customer("race");
  const person = await manager();
  const { page } = person;
  let connection;
  let comeBack;
  let begun;
  let back = Promise.resolve();
  await page.routeWebSocket("**/graphql", async (socket) => {
    await back;
    connection = socket;
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      server.send(message);
      if (String(message).includes("FollowRequests")) begun();
    });
  });
  const follows = new Promise((resolve) => (begun = resolve));
  await page.reload();
  await follows;
  const count = page.locator(".count").first();
  const before = Number.parseInt(await count.textContent(), 10);
  back = new Promise((resolve) => (comeBack = resolve));
  await connection.close({ code: 1001 });
  await business.add(customer, "GBP", "3", { proposeOnly: true });
  comeBack();
  await page.waitForFunction((n) => Number.parseInt(document.querySelector(".count")?.textContent ?? "0", 10) === n, before + 1);
  await person.leave();
});

/** Others change something, and the list of customers, or what is on the screen of one, is there anew. */
async function othersChange(page, operation) {
  const again = page.waitForResponse((response) => isOf(operation)(response.request()));
  await page.evaluate(() => document.dispatchEvent(new CustomEvent("scrip-changed", { detail: "others" })));
  await (await again).finished();
  await page.waitForTimeout(300);
}

test("what others change takes neither the focus nor a click that has begun", async () => {
  const person = await manager();
  const { page } = person;
  const box = page.locator(".window-body .row input").nth(1);
  await box.focus();
  const known = await box.getAttribute("aria-label");
  await othersChange(page, "Customers");
  assert.equal(await page.evaluate(() => document.activeElement.ariaLabel), known);
  const hands = [
    [() => page.mouse.down(), () => page.mouse.up()],
    [() => page.keyboard.down("Space"), () => page.keyboard.up("Space")],
  ];
  await box.hover();
  for (const [n, [down, up]] of hands.entries()) {
    await down();
    await othersChange(page, "Customers");
    await up();
    await page.waitForFunction((ticked) => document.querySelectorAll(".window-body .row")[1].querySelector("input").checked === ticked, n === 0);
  }
  await person.search((await business.customer("held down")).number);
  await page.locator(".window-body .who a").first().click();
  const adjust = page.locator(".profile-head").getByRole("button", { name: "Adjust", exact: true });
  await adjust.hover();
  await page.mouse.down();
  await othersChange(page, "Profile");
  await page.mouse.up();
  await person.dialog.getByLabel("Amount").waitFor();
  await person.leave();
});

test("the arrow goes to whom one has typed last, not to who was found before", async () => {
  const [before, last] = [await business.customer("arrow"), await business.customer("arrow")];
  const person = await manager();
  await person.search(before.number);
  await person.page.locator(`.window-body .who:has-text("${before.number}")`).waitFor();
  await person.page.getByRole("searchbox").fill(last.number);
  await person.keys.press("ArrowDown");
  await person.page.waitForFunction((name) => document.activeElement.textContent === name, last.name);
  await person.leave();
});

test("a screen that is turned has its rows one below the other", async () => {
  const person = await as("manager", "mouse", { viewport: { width: 834, height: 1194 } });
  const { page } = person;
  await page.locator(".window-body .row").nth(3).waitFor();
  const areClose = (width) =>
    page.waitForFunction((wide) => {
      const [one, two, three] = [...document.querySelectorAll(".window-body .row")].map((row) => row.getBoundingClientRect());
      return innerWidth === wide && Math.round(two.top - one.bottom) === 0 && Math.round(three.top - two.bottom) === 0;
    }, width);
  await areClose(834);
  await page.setViewportSize({ width: 1194, height: 834 });
  await areClose(1194);
  await person.leave();
});
