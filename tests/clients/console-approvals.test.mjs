// Over a limit at the console: a manager is asked, sees it arrive, and decides; who asked sees that, by itself.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HANDS } from "./person.mjs";
import { as, business } from "./shop.mjs";

async function waiting(person) {
  const count = person.page.locator(".count");
  return Number((await count.count()) ? /\d+/.exec(await count.textContent())[0] : 0);
}

/** Waits until so many wait: nothing is pressed meanwhile. */
const counts = (person, n) => person.page.waitForFunction((wanted) => Number.parseInt(document.querySelector(".count")?.textContent ?? "0", 10) === wanted, n);

/** A manager at the list of what waits, and how much that is. */
async function managerWaits(hand) {
  const manager = await as("manager", hand);
  await manager.go("Approvals");
  await manager.page.locator(".request").first().waitFor();
  await manager.page.locator(".count").waitFor();
  return { manager, before: await waiting(manager) };
}

/** Staff ask for more than they may add. */
async function askFor(staff, customer, note) {
  await staff.open(customer);
  await staff.button("Adjust", staff.page.locator(".profile-head"));
  await staff.fill({ amount: "120", reason: "Service recovery", note });
  await staff.says(/over your limit.*At most £100.00 at a time/);
  assert.equal(await staff.dialog.getByRole("button", { name: "Apply" }).count(), 0);
  await staff.button("Ask a manager");
  await staff.told("A manager has been asked");
}

for (const hand of HANDS) {
  test(`asked, seen arriving, given, and seen by who asked, by ${hand}`, async () => {
    const customer = await business.customer(hand);
    await business.add(customer, "GBP", "1");
    const note = `Course cancelled, told by ${hand}`;
    const [{ manager, before }, staff] = [await managerWaits(hand), await as("staff", hand)];
    await askFor(staff, customer, note);
    const arrived = manager.page.locator(".request", { hasText: note });
    await arrived.waitFor();
    await counts(manager, before + 1);
    await manager.button("Approve", arrived);
    await manager.says("Balance £1.00, then £121.00");
    await manager.type(manager.dialog.getByLabel("Note"), "Spoke to her");
    await manager.button("Approve");
    await manager.told("Approved and posted");
    await arrived.waitFor({ state: "detached" });
    await counts(manager, before);
    await staff.figure("GBP", "£121.00");
    await staff.tab("History");
    assert.match(await staff.page.locator(".event").first().textContent(), /told by .*by Sam, staff · approved by Maria, manager.*\+£120\.00/);
    await manager.leave();
    await staff.leave();
  });

  test(`rejected with a word, which who asked reads; another is withdrawn by who asked, by ${hand}`, async () => {
    const customer = await business.customer(hand);
    const [{ manager, before }, staff] = [await managerWaits(hand), await as("staff", hand)];
    await askFor(staff, customer, `Too much, ${hand}`);
    const arrived = manager.page.locator(".request", { hasText: `Too much, ${hand}` });
    await manager.button("Reject", arrived);
    await manager.type(manager.dialog.getByLabel("Why"), "Half of it is enough");
    await manager.button("Reject");
    await manager.told("Rejected. Nothing has moved.");
    await staff.go("Approvals");
    await staff.pick(staff.page.getByRole("radio", { name: "Decided" }));
    const decided = staff.page.locator(".request", { hasText: `Too much, ${hand}` });
    await decided.getByText("Half of it is enough").waitFor();
    await decided.getByText("Rejected", { exact: true }).waitFor();
    await askFor(staff, customer, `A mistake, ${hand}`);
    await manager.page.locator(".request", { hasText: `A mistake, ${hand}` }).waitFor();
    await staff.go("Approvals");
    const own = staff.page.locator(".request", { hasText: `A mistake, ${hand}` });
    assert.equal(await own.getByRole("button", { name: "Approve" }).count(), 0);
    await staff.button("Withdraw", own);
    await staff.button("Withdraw");
    await staff.told("Withdrawn. Nothing has moved.");
    await manager.page.locator(".request", { hasText: `A mistake, ${hand}` }).waitFor({ state: "detached" });
    await counts(manager, before);
    assert.equal(await business.balance(customer, "GBP"), null);
    await manager.leave();
    await staff.leave();
  });

  test(`a reward free of points over the limit is asked for in the same row, by ${hand}`, async () => {
    const customer = await business.customer(hand);
    await business.limit("POINTS", "250");
    const [{ manager }, staff] = [await managerWaits(hand), await as("staff", hand)];
    await staff.open(customer, "Points");
    await staff.button("Give reward", staff.page.locator(".profile-head"));
    await staff.pick(staff.dialog.getByRole("radio", { name: /5 pounds off/ }));
    await staff.pick(staff.dialog.getByRole("radio", { name: "No, it is free" }));
    await staff.says("This is over your limit.");
    await staff.button("Ask a manager");
    await staff.told("A manager has been asked");
    const arrived = manager.page.locator(".request", { hasText: `Give ${customer.name} “5 pounds off” free of points` });
    await manager.button("Approve", arrived);
    await manager.button("Approve");
    await manager.told("Approved and posted");
    await staff.page.locator(".coupon", { hasText: "5 pounds off" }).getByText("Good").waitFor();
    await manager.leave();
    await staff.leave();
  });
}

test("an order of credit over the limit is asked for, and made once a manager agrees", async () => {
  const customer = await business.customer("order");
  await business.limit("GBP", "50", "SELLING_CREDIT");
  const [{ manager }, staff] = [await managerWaits("mouse"), await as("staff", "mouse")];
  await staff.go("Orders");
  await staff.button("New order", staff.page);
  await staff.type(staff.dialog.getByLabel("Customer number"), customer.number);
  await staff.choose(staff.dialog.getByLabel("Product"), "Account credit, £1.00");
  await staff.type(staff.dialog.getByLabel("How many"), "80");
  await staff.type(staff.dialog.getByLabel("Order number"), "O-OVER");
  await staff.button("Create order");
  await staff.says("This is over your limit.");
  await staff.button("Ask a manager");
  await staff.told("A manager has been asked");
  const arrived = manager.page.locator(".request", { hasText: `Sell ${customer.name} credit of £80.00, order O-OVER` });
  await manager.button("Approve", arrived);
  await manager.button("Approve");
  await manager.told("Approved and posted");
  await staff.page.locator(".order", { hasText: "O-OVER" }).waitFor();
  await manager.leave();
  await staff.leave();
});

test("whoever decides reads from when a credit is good, how long, and for which services", async () => {
  const customer = await business.customer("terms");
  await business.add(customer, "SERVICE_CREDITS", "4", {
    proposeOnly: true,
    note: "Terms to read",
    effectiveOn: "2026-01-05",
    expiresInDays: 60,
    servicesBy: [{ name: "Gift wrapping" }],
  });
  const { manager } = await managerWaits("mouse");
  const asked = manager.page.locator(".request", { hasText: "Terms to read" });
  const terms = "good for 60 days · Dated 5 Jan 2026 · Good for: Gift wrapping";
  await asked.getByText(terms).waitFor();
  await manager.button("Approve", asked);
  await manager.says(terms);
  await manager.leave();
});
