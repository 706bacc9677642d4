// Lists that are longer than a page, and narrowed to what somebody looks for.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { accessible } from "./console.mjs";
import { as, business, scrip } from "./shop.mjs";

const PATIENCE_MS = 60_000;
const manager = (hand = "mouse") => as("manager", hand);

/** Sends a file over the API, and waits until it has been gone through. */
async function send(text, dryRun, key) {
  const headers = { authorization: `Bearer ${business.token}`, "content-type": "text/csv", "idempotency-key": key };
  const answer = await fetch(`${scrip.url}/imports/credits?asset=GBP&reason=PROMOTION&fileName=${key}.csv&dryRun=${dryRun}`, { method: "POST", headers, body: text });
  const { operation } = await answer.json();
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
    const { bulkOperation } = await business.ask("query ($id: ID!) { bulkOperation(id: $id) { status } }", { id: operation });
    if (!["QUEUED", "RUNNING"].includes(bulkOperation.status)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`${key} is not gone through`);
}

test("activity is narrowed to a customer and to amounts, and saved so", async () => {
  const [one, other] = [await business.customer("filter"), await business.customer("filter")];
  for (const amount of ["3", "30", "300"]) await business.add(one, "GBP", amount);
  await business.add(one, "GBP", "-20", { reason: "CORRECTION" });
  await business.add(other, "GBP", "31");
  const person = await manager();
  const { page } = person;
  await person.go("Activity");
  const shown = async (...wanted) => {
    await page.waitForFunction((texts) => [...document.querySelectorAll(".event-sum strong")].map((each) => each.textContent).join() === texts, wanted.join());
  };
  await person.type(page.getByLabel("Customer"), one.number);
  await person.press(page.locator(".found button", { hasText: one.number }));
  await page.getByLabel("In", { exact: true }).selectOption("£ credit");
  await shown("-£20.00", "+£300.00", "+£30.00", "+£3.00");
  await page.getByLabel("Amount, at least").fill("10");
  await page.keyboard.press("Tab");
  await shown("+£300.00", "+£30.00");
  await page.getByLabel("Amount, at most").fill("99,50");
  await page.keyboard.press("Tab");
  await shown("+£30.00");
  await accessible(page, "activity, narrowed");
  const saved = page.waitForEvent("download");
  await person.button("Save as a file", page);
  const lines = (await readFile(await (await saved).path(), "utf8")).trimEnd().split("\r\n");
  assert.equal(lines.length, 2);
  assert.match(lines[1], new RegExp(`,${one.number},.*,GBP,30\\.00,`));
  await person.keys.press("Escape");
  await page.getByLabel("Amount, at most").fill("9");
  await page.keyboard.press("Tab");
  await page.getByText("less than the least").waitFor();
  assert.equal(await page.getByRole("button", { name: "Save as a file" }).isDisabled(), true);
  await page.getByLabel("Amount, at least").fill("");
  await page.getByLabel("Amount, at most").fill("-20");
  await page.keyboard.press("Tab");
  await shown("-£20.00");
  await page.getByLabel("Amount, at most").fill("");
  await person.type(page.getByLabel("Customer"), "nobody of the kind");
  await page.getByText("Nobody found for “nobody of the kind”.").waitFor();
  await page.locator(".event", { hasText: "+£31.00" }).waitFor();
  await person.leave();
});

test("an import is found behind a page of those that were only looked over", async () => {
  await send("customer,amount\n17404,1.00\n", false, "posted");
  for (let n = 0; n < 41; n += 1) await send("customer,amount\n17404,1.00\n", true, `looked-${n}`);
  const person = await manager();
  await person.go("Imports");
  await person.page.getByText("posted.csv").waitFor();
  assert.equal(await person.page.getByText("looked-40.csv").count(), 0);
  await person.leave();
});

test("on a phone, too, a failed row says why", async () => {
  const person = await manager("touch");
  await person.go("Imports");
  await person.button("Import a file", person.page);
  await person.file(person.dialog.locator("input[type=file]"), { name: "p.csv", mimeType: "text/csv", buffer: Buffer.from("customer,amount\nnobody,5\n") });
  await person.choose(person.dialog.getByLabel("Reason"), "Promotion");
  await person.button("Look it over");
  await person.says("1 row is wrong.");
  assert.equal(await person.dialog.locator(".small-table td").last().isVisible(), true);
  await person.leave();
});

test("a file is dropped", async () => {
  const person = await manager();
  await person.go("Imports");
  await person.button("Import a file", person.page);
  const dropped = await person.page.evaluateHandle(() => {
    const data = new DataTransfer();
    data.items.add(new File(["customer,amount\nnobody,5\n"], "dropped.csv", { type: "text/csv" }));
    return data;
  });
  await person.dialog.locator(".drop").dispatchEvent("drop", { dataTransfer: dropped });
  await person.says("dropped.csv");
  await person.choose(person.dialog.getByLabel("Reason"), "Promotion");
  await person.button("Look it over");
  await person.says("There is no such customer.");
  await person.leave();
});

test("the invoices of a customer go on past a page, and the focus with them", async () => {
  const customer = await business.customer("long");
  for (let n = 0; n < 52; n += 1) await business.invoice(customer, `LONG-${n}`, "1");
  const person = await as("staff", "keyboard");
  await person.open(customer, "Billing");
  await person.page.locator(".lines tbody tr").first().waitFor();
  assert.equal(await person.page.locator(".lines tbody tr").count(), 50);
  await person.press(person.page.getByRole("button", { name: "Show more" }));
  await person.page.getByRole("button", { name: "LONG-0", exact: true }).waitFor();
  await person.page.waitForFunction(() => document.activeElement?.matches("tr"));
  await person.keys.press("Tab");
  assert.equal(await person.page.evaluate(() => document.activeElement.textContent), "LONG-1");
  await person.leave();
});

test("a customer's own history goes on, and their account is not told of limits", async () => {
  const person = await as("customer", "mouse");
  const token = await person.page.evaluate(() => JSON.parse(sessionStorage.getItem("scrip.session")).token);
  const { viewer: me } = await business.ask("{ viewer { customer { id } } }", {}, token);
  for (let n = 0; n < 32; n += 1) await business.add(me.customer, "GBP", "0.01");
  await person.page.reload();
  await person.page.locator(".event").first().waitFor();
  assert.equal(await person.page.locator(".event").count(), 30);
  await person.button("Show more", person.page);
  await person.page.waitForFunction(() => document.querySelectorAll(".event").length > 30);
  await person.button("You", person.page);
  await person.dialog.getByText("Appearance").waitFor();
  assert.equal(await person.dialog.getByText("without limits").count(), 0);
  assert.equal(await person.dialog.getByText("Keys:").count(), 0);
  await person.leave();
});

test("a filter that nobody fits does not say that there are no customers", async () => {
  const person = await manager();
  await person.page.getByLabel("Sort by").waitFor();
  await person.page.route("**/graphql", async (route) => {
    if (!route.request().postData()?.includes('"membership"')) return route.fallback();
    return route.fulfill({ json: { data: { customers: { totalCount: 0, edges: [], pageInfo: { hasNextPage: false, endCursor: null } } } } });
  });
  await person.page.getByLabel("Show").selectOption("Members");
  await person.page.getByText("Nobody fits what is chosen.").waitFor();
  await person.leave();
});

test("what somebody has read on in stays while others ask; what is chosen of a history stays while one posts", async () => {
  const customer = await business.customer("read");
  for (let n = 0; n < 31; n += 1) await business.add(customer, "GBP", "0.01");
  await business.add(customer, "POINTS", "7");
  const person = await manager();
  const { page } = person;
  await person.open(customer, "History");
  await page.locator(".event").first().waitFor();
  await person.button("Show more", page);
  const events = (n) => page.waitForFunction((count) => document.querySelectorAll(".event").length === count, n);
  await events(32);
  const before = Number.parseInt(await page.locator(".count").textContent(), 10);
  await business.add(customer, "GBP", "3", { proposeOnly: true });
  await page.waitForFunction((n) => Number.parseInt(document.querySelector(".count").textContent, 10) === n, before + 1);
  await page.waitForTimeout(300);
  await events(32);
  await person.pick(page.getByRole("radio", { name: "Points" }));
  await events(1);
  await person.button("Adjust", page.locator(".profile-head"));
  await person.pick(person.dialog.getByRole("radio", { name: "Points" }));
  await person.fill({ amount: "2", reason: "Goodwill" });
  await person.button("Apply");
  await person.told("Added 2 points");
  await events(2);
  assert.equal(await page.locator(".bar-head").getByRole("radio", { name: "Points" }).isChecked(), true);
  await person.leave();
});

/** Does the same so many times, one after the other. */
async function often(times, name, type, input, wants = "") {
  const query = `mutation ($input: ${type}!) { done: ${name}(input: $input) { ${wants} userErrors { code message } } }`;
  for (let n = 0; n < times; n += 1) {
    const { done } = await business.ask(query, { input: { ...input, idempotencyKey: crypto.randomUUID() } });
    assert.deepEqual(done.userErrors, []);
  }
}

test("what an invoice has is all there, past a page of each: lines, payments, credit and notes", async () => {
  const customer = await business.customer("pages");
  const { credit } = await business.add(customer, "GBP", "20");
  const sold = Array.from({ length: 60 }, (_, n) => ({ description: `Class ${n + 1}`, units: "1", unitPrice: "10" }));
  const { id: invoiceId } = await business.invoice(customer, "PAGES-1", "1", { lines: sold });
  await often(52, "recordPayment", "RecordPaymentInput", { invoiceId, amount: "0.11", method: "CARD" });
  await often(53, "assignCredit", "AssignCreditInput", { creditId: credit.id, assignments: [{ invoiceId, amount: "0.12" }] });
  await often(54, "createCreditNote", "CreateCreditNoteInput", { invoiceId, amount: "0.13" });
  const person = await as("manager", "keyboard");
  const { page, dialog } = person;
  await person.go("Orders");
  await person.type(page.getByLabel("Number, or how its reference begins"), "PAGES-1");
  await person.press(page.getByRole("button", { name: /PAGES-1/ }));
  await person.says("Class 1");
  const parts = { lines: [0, 60], payments: [1, 52], credit: [2, 53], notes: [3, 54] };
  const counted = (place, n) => page.waitForFunction(([at, count]) => document.querySelectorAll("dialog ul.assigned")[at]?.children.length === count, [place, n]);
  for (const [place] of Object.values(parts)) await counted(place, 50);
  await accessible(page, "an invoice of many parts");
  for (const [place, whole] of Object.values(parts)) {
    // Those before it are whole: the first button that is left is its own.
    await person.press(dialog.getByRole("button", { name: "Show more" }).first());
    await counted(place, whole);
    assert.equal(await page.evaluate((at) => document.activeElement === document.querySelectorAll("dialog ul.assigned")[at].children[50], place), true);
  }
  assert.equal(await dialog.getByRole("button", { name: "Show more" }).count(), 0);
  await person.button("Credit note");
  await person.pick(dialog.getByRole("radio", { name: "By lines" }));
  await dialog.getByRole("checkbox", { name: "Class 60" }).waitFor();
  assert.equal(await dialog.getByRole("checkbox").count(), 60);
  await person.keys.press("Escape");
  await person.leave();
});

test("credits go on past a page, and so does what each is set against; voiding it counts all of that", async () => {
  const customer = await business.customer("lots");
  const { credit } = await business.add(customer, "GBP", "60");
  for (let n = 0; n < 51; n += 1) {
    const { id: invoiceId } = await business.invoice(customer, `LOTS-${n}`, "1");
    await often(1, "assignCredit", "AssignCreditInput", { creditId: credit.id, assignments: [{ invoiceId, amount: "1" }] });
  }
  for (let n = 0; n < 102; n += 1) await business.add(customer, "GBP", "2");
  const person = await manager();
  const { page } = person;
  await person.open(customer);
  const lots = (n) => page.waitForFunction((count) => document.querySelectorAll(".lot").length === count, n);
  await lots(100);
  await person.button("Show more", page);
  await lots(103);
  await person.press(page.locator(".lot", { hasText: "of £60.00" }));
  const against = (n) => page.waitForFunction((count) => document.querySelectorAll("dialog ul.assigned > li").length === count, n);
  await against(50);
  await person.button("Show more");
  await against(51);
  await person.button("Void");
  await person.says(/51 invoices/);
  await person.leave();
});

test("what was spent of more credits than a page has is given back whole", async () => {
  const customer = await business.customer("spent");
  for (let n = 0; n < 104; n += 1) await business.add(customer, "GBP", "1");
  await often(1, "spendCredit", "SpendCreditInput", { customerId: customer.id, asset: "GBP", amount: "103", reference: "Hamper" });
  const person = await manager();
  await person.open(customer, "History");
  await person.button("Give back", person.page.locator(".event").first());
  await person.says("£103.00 can be given back");
  await person.leave();
});

test("a customer's coupons go on past a page", async () => {
  const person = await as("customer", "touch");
  const token = await person.page.evaluate(() => JSON.parse(sessionStorage.getItem("scrip.session")).token);
  const { viewer: me } = await business.ask("{ viewer { customer { id } } }", {}, token);
  const { rewards } = await business.ask("{ rewards(first: 100) { edges { node { id stock } } } }");
  const { id: rewardId } = rewards.edges.map(({ node }) => node).find(({ stock }) => stock === null);
  await often(21, "giveReward", "GiveRewardInput", { customerId: me.customer.id, rewardId, deductPoints: false });
  await person.page.reload();
  const coupons = (fits) => person.page.waitForFunction(fits);
  await coupons(() => document.querySelectorAll(".coupons .coupon").length === 20);
  await person.button("Show more", person.page.locator(".card", { has: person.page.locator(".coupons") }));
  await coupons(() => document.querySelectorAll(".coupons .coupon").length > 20);
  await accessible(person.page, "a wallet of many coupons");
  await person.leave();
});

test("who cannot be adjusted is listed past a page, too", async () => {
  const customers = [await business.customer("many"), await business.customer("many")];
  for (const customer of customers) await business.add(customer, "GBP", "1");
  const person = await manager();
  const { page } = person;
  const asked = [];
  await page.route("**/graphql", async (route) => {
    const name = JSON.parse(route.request().postData()).operationName;
    if (name === "MoreFailed") asked.push(name);
    if (name !== "BulkAdjust") return route.fallback();
    const answer = await (await route.fetch()).json();
    answer.data.bulkCredit.operation.rows.pageInfo.hasNextPage = true;
    return route.fulfill({ json: answer });
  });
  await person.search("C-many-", 2);
  for (const box of await page.locator(".window-body input[type=checkbox]").all()) await person.tick(box);
  await person.button("Adjust", page.locator(".bulk-bar"));
  await person.fill({ amount: "-5", reason: "Correction" });
  const refusals = person.dialog.locator(".notice .plain li");
  await refusals.first().waitFor();
  assert.equal(await refusals.count(), 2);
  await person.button("Show more");
  await person.dialog.getByRole("button", { name: "Show more" }).waitFor({ state: "detached" });
  assert.deepEqual([asked, await refusals.count()], [["MoreFailed"], 2]);
  await person.leave();
});

test("all that begins with a reference is found", async () => {
  const customer = await business.customer("found");
  for (let n = 0; n < 22; n += 1) await business.invoice(customer, `FOUND-${n}`, "1", { reference: `TILL-9-${n}` });
  const person = await as("staff", "mouse");
  await person.go("Orders");
  await person.type(person.page.getByLabel("Number, or how its reference begins"), "TILL-9-");
  const found = (n) => person.page.waitForFunction((count) => document.querySelectorAll(".order").length === count, n);
  await found(20);
  await person.button("Show more", person.page);
  await found(22);
  await person.leave();
});

test("what is set aside goes on past a page, and what is found there is taken", async () => {
  const customer = await business.customer("held");
  await business.add(customer, "GBP", "60");
  for (let n = 0; n < 52; n += 1) await often(1, "holdCredit", "HoldCreditInput", { customerId: customer.id, asset: "GBP", amount: "1", expiresInMinutes: 60, reference: `HELD-${n}` });
  const person = await manager();
  await person.open(customer);
  const card = person.page.getByRole("region", { name: "Set aside" });
  const held = (n) => person.page.waitForFunction((count) => document.querySelectorAll('[data-key^="take-"]').length === count, n);
  await held(50);
  await person.button("Show more", card);
  await held(52);
  assert.equal(await person.page.evaluate(() => document.activeElement.textContent.includes("HELD-1")), true);
  await person.press(card.locator("li", { hasText: "HELD-0" }).getByRole("button", { name: /^Take/ }));
  await person.button("Take");
  await person.told("£1.00 taken");
  await held(50);
  await person.button("Show more", card);
  await held(51);
  assert.equal(await card.locator("li", { hasText: "HELD-0" }).count(), 0);
  assert.equal((await business.balance(customer, "GBP")).available, "8.00");
  await person.leave();
});

test("the changes of a tier go on past a page", async () => {
  const customer = await business.customer("tiers");
  await business.add(customer, "POINTS", "900");
  for (let n = 0; n < 12; n += 1) await business.add(customer, "POINTS", n % 2 === 0 ? "200" : "-200", { reason: "CORRECTION" });
  const person = await as("staff", "touch");
  await person.open(customer, "Points");
  const changes = person.page.locator("details.more");
  await person.press(changes.locator("summary"));
  assert.equal(await changes.locator("li").count(), 10);
  await person.button("Show more", changes);
  await changes.locator("li").nth(11).waitFor();
  assert.equal(await changes.getByRole("button", { name: "Show more" }).count(), 0);
  const { tierChanges } = (await business.ask('query ($id: ID!) { customer(by: { id: $id }) { account(asset: "POINTS") { tierChanges(first: 100) { edges { node { new } } } } } }', { id: customer.id })).customer.account;
  assert.equal(await changes.locator("li").count(), tierChanges.edges.length);
  await accessible(person.page, "many changes of a tier");
  await person.leave();
});

test("a customer's credits go on past a page", async () => {
  const person = await as("customer", "keyboard");
  const token = await person.page.evaluate(() => JSON.parse(sessionStorage.getItem("scrip.session")).token);
  const { viewer: me } = await business.ask("{ viewer { customer { id } } }", {}, token);
  for (let n = 0; n < 52; n += 1) await business.add(me.customer, "GBP", "0.03", { expiresInDays: 40 });
  const { account } = (await business.ask('query ($id: ID!) { customer(by: { id: $id }) { account(asset: "GBP") { credits(status: [OPEN, SCHEDULED], first: 100) { edges { node { id } } } } } }', { id: me.customer.id })).customer;
  await person.page.reload();
  const card = person.page.getByRole("region", { name: "£ credit" });
  await card.locator(".wallet-lot").nth(49).waitFor();
  assert.equal(await card.locator(".wallet-lot").count(), 50);
  await person.button("Show more", card);
  await card.locator(".wallet-lot").nth(50).waitFor();
  assert.equal(await card.locator(".wallet-lot").count(), account.credits.edges.length);
  assert.equal(await card.getByRole("button", { name: "Show more" }).count(), 0);
  await person.leave();
});
