// Answers that are lost: the server has done it, the console does not know. A second click does nothing twice, in any dialog.
import assert from "node:assert/strict";
import { test } from "node:test";
import { as, business } from "./shop.mjs";

const UNKNOWN = "it is not known whether this was done";

const manager = () => as("manager", "mouse");
const amounts = async (customer) => (await business.moves(customer)).map(Number);

/** Lets the server do what is asked for first, and loses its answer. Gives how many were sent. */
async function losing(person, isIt, where = "**/graphql") {
  const sent = { times: 0 };
  await person.page.route(where, async (route) => {
    if (!isIt(route.request())) return route.fallback();
    sent.times += 1;
    if (sent.times > 1) return route.fallback();
    await route.fetch();
    return route.abort();
  });
  return sent;
}

/** Presses the button that loses its answer, and presses it again. */
async function twice(person, operation, button, again = button) {
  const sent = await losing(person, (request) => {
    const { operationName, variables } = request.postDataJSON();
    return operationName === operation && !variables.input.dryRun;
  });
  await person.button(button);
  await person.says(UNKNOWN);
  await person.button(again);
  return sent;
}

/** Leaves; the connection that was lost is the only thing that went wrong. */
async function leave(person, sent) {
  assert.equal(sent.times, 2);
  assert.deepEqual(person.problems.filter((text) => !text.includes("net::ERR_FAILED")), []);
  await person.page.context().close();
}

test("adjusting one", async () => {
  const customer = await business.customer("lost");
  const person = await manager();
  await person.open(customer);
  await person.button("Adjust", person.page.locator(".profile-head"));
  await person.fill({ amount: "5", reason: "Goodwill" });
  const sent = await twice(person, "Adjust", "Apply");
  await person.told("Already done, and not done again. Added £5.00");
  await person.figure("GBP", "£5.00");
  assert.deepEqual(await amounts(customer), [5]);
  await leave(person, sent);
});

test("adjusting several", async () => {
  const family = await Promise.all([1, 2].map(() => business.customer("lost", " Several")));
  const person = await manager();
  await person.search("Nell Neuman Several", 2);
  for (const { name } of family) await person.tick(person.page.getByRole("checkbox", { name: `Tick ${name}` }));
  await person.button("Adjust", person.page.locator(".bulk-bar"));
  await person.fill({ amount: "7", reason: "Goodwill" });
  const sent = await twice(person, "BulkAdjust", "Apply");
  await person.told("Already done, and not done again. Done for 2 customers.");
  for (const customer of family) assert.deepEqual(await amounts(customer), [7]);
  await leave(person, sent);
});

test("assigning, releasing and voiding a credit", async () => {
  const customer = await business.customer("lost");
  await business.invoice(customer, "LOST-1", "30");
  await business.add(customer, "GBP", "50");
  const person = await manager();
  await person.open(customer, "Billing");
  const lot = (text) => person.press(person.page.locator(".lot", { hasText: text }));
  await person.button("Assign", person.page.locator(".card"));
  await person.tick(person.dialog.getByRole("checkbox", { name: "LOST-1" }));
  const assigned = await twice(person, "Assign", "Assign");
  await person.told("Already done, and not done again. Assigned to 1 invoice. £20.00 left.");
  assert.equal(assigned.times, 2);
  await lot("£20.00");
  await person.button("Release LOST-1");
  const released = await twice(person, "Release", "Release");
  await person.told("Already done, and not done again. £30.00 is off invoice LOST-1");
  assert.equal(released.times, 2);
  await lot("£50.00");
  await person.button("Void");
  const sent = await twice(person, "VoidCredit", "Void");
  await person.told("Already done, and not done again. £50.00 was taken back.");
  assert.deepEqual(await amounts(customer), [50, -30, 30, -50]);
  await leave(person, sent);
});

test("giving a reward, using one coupon and disabling another", async () => {
  const customer = await business.customer("lost");
  await business.add(customer, "POINTS", "1000");
  const person = await manager();
  const give = async () => {
    await person.button("Give reward", person.page.locator(".profile-head"));
    await person.pick(person.dialog.getByRole("radio", { name: /Free delivery/ }));
  };
  await person.open(customer, "Points");
  await give();
  const given = await twice(person, "GiveReward", "Give reward");
  await person.says("Already done");
  assert.equal(given.times, 2);
  await person.button("Done");
  await person.figure("POINTS", "800");
  await person.page.waitForFunction(() => document.querySelectorAll(".coupon").length === 1);
  await person.button("Mark used", person.page.locator(".coupon"));
  const used = await twice(person, "UseCoupon", "Mark used");
  await person.told("Already done");
  assert.equal(used.times, 2);
  await give();
  await person.button("Give reward");
  await person.button("Done");
  await person.button("Disable", person.page.locator(".coupon", { hasText: "Good" }));
  const sent = await twice(person, "DisableCoupon", "Disable");
  await person.told("Already done");
  await person.figure("POINTS", "800");
  assert.deepEqual(await amounts(customer), [1000, -200, -200, 200]);
  await leave(person, sent);
});

test("ordering, paying and voiding a payment", async () => {
  const customer = await business.customer("lost");
  await business.add(customer, "GBP", "50");
  const person = await manager();
  await person.go("Orders");
  await person.button("New order", person.page);
  await person.type(person.dialog.getByLabel("Customer number"), customer.number);
  await person.choose(person.dialog.getByLabel("Product"), "Gift hamper, £45.00");
  await person.type(person.dialog.getByLabel("Order number"), "LOST-2");
  const ordered = await twice(person, "CreateOrder", "Create order");
  await person.told("Already done, and not done again. Order LOST-2");
  assert.equal(ordered.times, 2);
  await person.button("Record payment");
  await person.choose(person.dialog.getByLabel("Paid by"), "account credit (£50.00 there)");
  const paid = await twice(person, "Pay", "Record payment");
  await person.told("Already done, and not done again. £45.00 recorded, £0.00 still due.");
  assert.equal(paid.times, 2);
  await person.button("Void the payment of £45.00");
  const sent = await twice(person, "VoidPayment", "Void");
  await person.told("Already done");
  assert.equal(Number((await business.balance(customer, "GBP")).available), 50);
  assert.deepEqual(await amounts(customer), [50, -45, 45]);
  await leave(person, sent);
});

test("approving", async () => {
  const customer = await business.customer("lost");
  const staff = await as("staff", "mouse");
  await staff.open(customer);
  await staff.button("Adjust", staff.page.locator(".profile-head"));
  await staff.fill({ amount: "111", reason: "Goodwill", note: "Lost on the way" });
  const requested = await twice(staff, "Adjust", "Ask a manager");
  await staff.told("A manager had been asked already.");
  assert.equal(requested.times, 2);
  const person = await manager();
  await person.go("Approvals");
  const asked = person.page.locator(".request", { hasText: "Lost on the way" });
  await asked.waitFor();
  assert.equal(await asked.count(), 1);
  await person.button("Approve", asked);
  const sent = await twice(person, "Approve", "Approve");
  await person.told("Already done");
  await staff.figure("GBP", "£111.00");
  assert.deepEqual(await amounts(customer), [111]);
  await leave(person, sent);
  await staff.page.context().close();
});

test("importing a file, and taking it back", async () => {
  const customer = await business.customer("lost");
  const person = await manager();
  await person.go("Imports");
  await person.button("Import a file", person.page);
  const buffer = Buffer.from(`customer,amount\n${customer.number},9\n`);
  await person.file(person.dialog.locator("input[type=file]"), { name: "lost.csv", mimeType: "text/csv", buffer });
  await person.choose(person.dialog.getByLabel("Reason"), "Promotion");
  await person.button("Look it over");
  await person.says("1 row can be posted");
  const posted = await losing(person, () => true, "**/imports/credits?*");
  await person.button("Post 1 row");
  await person.says(UNKNOWN);
  await person.button("Post 1 row");
  await person.told("Done for 1 customer.");
  assert.equal(posted.times, 2);
  assert.deepEqual(await amounts(customer), [9]);
  await person.button("Take back");
  await person.says("Take back 1 row.");
  const sent = await twice(person, "Reverse", "Take back");
  await person.told("Already done");
  assert.deepEqual(await amounts(customer), [9, -9]);
  assert.equal(await person.page.locator(".order", { hasText: "lost.csv" }).count(), 1);
  await leave(person, sent);
});

test("paying, and noting, after a step back", async () => {
  const customer = await business.customer("lost");
  await business.invoice(customer, "LOST-3", "100");
  const person = await manager();
  await person.open(customer, "Billing");
  await person.button("LOST-3", person.page);
  /** Lets the answer be lost, goes back, and does the same again. */
  const backAndAgain = async (operation, open, verb, said, fill) => {
    const sent = await losing(person, (request) => request.postDataJSON().operationName === operation);
    await person.button(open);
    await fill();
    await person.button(verb);
    await person.says(UNKNOWN);
    await person.button("Back");
    await person.button(open);
    await fill();
    await person.button(verb);
    await person.told(`Already done, and not done again. ${said}`);
    assert.equal(sent.times, 2);
    return sent;
  };
  await backAndAgain("Pay", "Record payment", "Record payment", "£40.00 recorded, £60.00 still due.", async () => {
    await person.type(person.dialog.getByLabel("Amount"), "40");
    await person.choose(person.dialog.getByLabel("Paid by"), "cash");
  });
  await person.says("£60.00");
  assert.equal(await person.dialog.getByRole("button", { name: "Void the payment of £40.00" }).count(), 1);
  const sent = await backAndAgain("CreateCreditNote", "Credit note", "Make credit note", "A credit note of £10.00 on LOST-3.", () => person.type(person.dialog.getByLabel("Amount"), "10"));
  await person.says("£50.00");
  assert.equal(await person.dialog.getByRole("button", { name: "Void the note of £10.00" }).count(), 1);
  await leave(person, sent);
});
