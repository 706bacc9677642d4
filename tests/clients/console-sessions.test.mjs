// Sessions that end in the middle of something: it is gone on with where it was, by whoever it was, and by nobody else.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { watched } from "./console.mjs";
import { Person } from "./person.mjs";
import { as, business, chromium, scrip } from "./shop.mjs";

/** Long enough to fill a form in, from when the token is made. */
const BRIEF_S = 40;
const LONG_S = 600;

/** Somebody whose token is good for so many seconds. Gives them, and when it has ended. */
async function holding(role, seconds) {
  const token = await scrip.token(role, "--subject", `${role}@demo`, "--ttl", `${seconds}s`);
  const ends = JSON.parse(Buffer.from(token.split(".")[1], "base64url")).exp * 1000;
  const context = await chromium.browser.newContext({ locale: "en-GB", viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const person = new Person(page, "mouse", watched(page, scrip.url));
  await page.goto(`${scrip.url}/console`);
  await page.evaluate((session) => sessionStorage.setItem("scrip.session", session), JSON.stringify({ token, role }));
  await page.reload();
  await page.locator(".nav").waitFor();
  return { person, ended: () => pause(Math.max(ends - Date.now(), 0)) };
}

/** Signs in again in the dialog that has come up. */
async function again(person, role) {
  const dialog = person.page.getByRole("dialog", { name: "Your session has ended" });
  await dialog.locator(`[data-role="${role}"]`).click();
  await dialog.waitFor({ state: "detached" });
}

/** The next request comes with a token that is no longer good. */
async function expire(person, where) {
  let ended = false;
  await person.page.route(where, (route) => {
    if (ended) return route.fallback();
    ended = true;
    return route.continue({ headers: { ...route.request().headers(), authorization: "Bearer gone" } });
  });
}

test("a token runs out in the middle of a form: what was typed is sent under the next, and the badge goes on counting", async () => {
  const customer = await business.customer("session");
  const { person, ended } = await holding("manager", BRIEF_S);
  await person.open(customer);
  await person.button("Adjust", person.page.locator(".profile-head"));
  const { dialog } = person;
  await person.type(dialog.getByLabel("Amount"), "7,25");
  await person.choose(dialog.getByLabel("Reason"), "Goodwill");
  await person.type(dialog.getByLabel("Note"), "Typed before it ran out");
  await ended();
  await person.button("Review");
  await again(person, "manager");
  await person.says(`Add £7.25 to ${customer.name}`);
  await person.says("Goodwill: Typed before it ran out");
  await person.button("Apply");
  await person.told("Added £7.25");
  const before = Number.parseInt(await person.page.locator(".count").textContent(), 10);
  await business.add(customer, "GBP", "3", { proposeOnly: true });
  await person.page.waitForFunction((n) => Number.parseInt(document.querySelector(".count").textContent, 10) === n, before + 1);
  await person.page.context().close();
});

test("while a payment is recorded", async () => {
  const customer = await business.customer("session");
  await business.invoice(customer, "SESSION-1", "30");
  const person = await as("staff", "mouse");
  await person.open(customer, "Billing");
  await person.button("SESSION-1", person.page);
  await person.button("Record payment");
  await person.type(person.dialog.getByLabel("Amount"), "10");
  await person.says("£20.00");
  await expire(person, "**/graphql");
  await person.button("Record payment");
  await again(person, "staff");
  await person.told("£10.00 recorded, £20.00 still due.");
  await person.page.context().close();
});

test("while a file is sent, and while its failed rows are saved", async () => {
  const person = await as("manager", "mouse");
  await person.go("Imports");
  await person.button("Import a file", person.page);
  await person.file(person.dialog.locator("input[type=file]"), { name: "s.csv", mimeType: "text/csv", buffer: Buffer.from("customer,amount\n17404,5\nnobody,5\n") });
  await person.choose(person.dialog.getByLabel("Reason"), "Promotion");
  await expire(person, "**/imports/credits?*");
  await person.button("Look it over");
  await again(person, "manager");
  await person.says("1 row can be posted");
  await expire(person, "**/imports/credits/*.csv?*");
  const saved = person.page.waitForEvent("download");
  await person.button("Failed rows as a file");
  await again(person, "manager");
  assert.equal((await saved).suggestedFilename(), "failed-rows.csv");
  await person.page.context().close();
});

/** Somebody of whom only the token is kept, with the dialog open to adjust this customer's credit. */
async function adjusting(customer) {
  const { person } = await holding("manager", LONG_S);
  await person.page.evaluate(() => {
    const session = JSON.parse(sessionStorage.getItem("scrip.session"));
    sessionStorage.setItem("scrip.session", JSON.stringify({ token: session.token }));
  });
  await person.page.reload();
  await person.open(customer);
  await person.button("Adjust", person.page.locator(".profile-head"));
  return person;
}

test("somebody else who signs in finds nothing of what was typed", async () => {
  const customer = await business.customer("session");
  const person = await adjusting(customer);
  await person.type(person.dialog.getByLabel("Amount"), "9");
  await person.choose(person.dialog.getByLabel("Reason"), "Goodwill");
  await expire(person, "**/graphql");
  await person.button("Review");
  const reloaded = person.page.waitForEvent("load");
  await person.page.getByRole("dialog", { name: "Your session has ended" }).locator('[data-role="staff"]').click();
  await reloaded;
  await person.page.getByRole("button", { name: "Staff" }).waitFor();
  assert.equal(await person.page.getByRole("dialog").count(), 0);
  assert.equal(await business.balance(customer, "GBP"), null);
  await person.page.context().close();
});

test("somebody else who signs in at the last step posts nothing under their own name", async () => {
  const customer = await business.customer("session");
  const person = await adjusting(customer);
  await person.fill({ amount: "9", reason: "Goodwill" });
  await person.says(`Add £9.00 to ${customer.name}`);
  let sent = 0;
  person.page.on("request", (request) => {
    if (request.postData()?.includes('"operationName":"Adjust"')) sent += 1;
  });
  await expire(person, "**/graphql");
  await person.button("Apply");
  const reloaded = person.page.waitForEvent("load");
  await person.page.getByRole("dialog", { name: "Your session has ended" }).locator('[data-role="staff"]').click();
  await reloaded;
  await person.page.getByRole("button", { name: "Staff" }).waitFor();
  assert.equal(sent, 1);
  assert.equal(await business.balance(customer, "GBP"), null);
  await person.page.context().close();
});
