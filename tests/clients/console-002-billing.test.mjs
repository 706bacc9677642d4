// docs/sources/002-billing.md at the console: credit with the day of its payment, set against invoices, and taken back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HANDS } from "./person.mjs";
import { as, business } from "./shop.mjs";

const lot = (person, text) => person.page.locator(".lot", { hasText: text });
const invoice = (person, number) => person.page.locator(".lines tr", { hasText: number });

/** Ticks an invoice in the dialog, and says how much of the credit it gets. */
async function assign(person, number, amount) {
  await person.tick(person.dialog.getByRole("checkbox", { name: number }));
  await person.type(person.dialog.getByLabel(`Amount for ${number}`), amount);
}

for (const hand of HANDS) {
  test(`£250 with the day of its payment: £100 to one invoice and £150 to another, by ${hand}`, async () => {
    const customer = await business.customer(hand);
    const [one, other] = [`${customer.number}-A`, `${customer.number}-B`];
    await business.invoice(customer, one, "120");
    await business.invoice(customer, other, "180");
    const manager = await as("manager", hand);
    await manager.open(customer, "Billing");
    await manager.button("Add credit", manager.page);
    await manager.dialog.getByLabel("Payment date").waitFor();
    await manager.fill({ amount: "250", reason: "Correction", note: "Cancelled classes", from: "2026-01-15" });
    await manager.says("Dated 15 Jan 2026");
    await manager.button("Apply");
    await manager.told("Added £250.00");
    await manager.press(lot(manager, "£250.00"));
    await manager.button("Assign");
    await assign(manager, one, "100");
    await manager.says("£150.00 left");
    await assign(manager, other, "200");
    await manager.says("£50.00 too much");
    await manager.says("Only £180.00 is due.");
    await manager.type(manager.dialog.getByLabel(`Amount for ${other}`), "150,00");
    await manager.says("£0.00 left");
    await manager.button("Assign");
    await manager.told("Assigned to 2 invoices. £0.00 left.");
    await invoice(manager, one).getByText("£20.00").waitFor();
    await invoice(manager, other).getByText("£30.00").waitFor();
    await invoice(manager, one).getByText("Part paid").waitFor();
    await manager.leave();
  });

  test(`what is left goes to the next invoice by itself, unless it is kept for later, by ${hand}`, async () => {
    const customer = await business.customer(hand);
    const first = `${customer.number}-1`;
    await business.invoice(customer, first, "20");
    await business.add(customer, "GBP", "60");
    const manager = await as("manager", hand);
    await manager.open(customer, "Billing");
    await manager.button("Assign", manager.page.locator(".card"));
    await manager.tick(manager.dialog.getByRole("checkbox", { name: first }));
    await manager.says("£40.00 left");
    await manager.button("Assign");
    await manager.told("Assigned to 1 invoice. £40.00 left.");
    await invoice(manager, first).getByText("Paid", { exact: true }).waitFor();
    await business.invoice(customer, `${customer.number}-2`, "25", { autoApplyCredit: true });
    await manager.tab("Points");
    await manager.tab("Billing");
    await invoice(manager, `${customer.number}-2`).getByText("Paid", { exact: true }).waitFor();
    await manager.press(lot(manager, "£15.00"));
    await manager.says("by itself,");
    await manager.button("Keep for later");
    await manager.says("The £15.00 that is left is kept from the next invoice.");
    await manager.button("Keep for later");
    await manager.says("What is left waits to be assigned by hand.");
    await manager.close();
    await lot(manager, "not applied by itself").waitFor();
    await business.invoice(customer, `${customer.number}-3`, "5", { autoApplyCredit: true });
    assert.equal(Number((await business.balance(customer, "GBP")).available), 15);
    await manager.leave();
  });

  test(`an assignment is released and goes to another invoice; the credit is taken back whole, by ${hand}`, async () => {
    const customer = await business.customer(hand);
    const [wrong, right] = [`${customer.number}-WRONG`, `${customer.number}-RIGHT`];
    await business.invoice(customer, wrong, "30");
    await business.invoice(customer, right, "30");
    await business.add(customer, "GBP", "50");
    const manager = await as("manager", hand);
    await manager.open(customer, "Billing");
    await manager.button("Assign", manager.page.locator(".card"));
    await assign(manager, wrong, "30");
    await manager.button("Assign");
    await manager.told("£20.00 left");
    await manager.press(lot(manager, "£20.00"));
    await manager.button(`Release ${wrong}`);
    await manager.says(`Take £30.00 off invoice ${wrong}`);
    await manager.button("Release");
    await manager.told(`£30.00 is off invoice ${wrong} and back on the credit.`);
    await invoice(manager, wrong).getByText("£30.00").filter({ visible: true }).first().waitFor();
    await manager.press(lot(manager, "£50.00"));
    await manager.button("Assign");
    await assign(manager, right, "30");
    await manager.button("Assign");
    await manager.told("£20.00 left");
    await invoice(manager, right).getByText("Paid", { exact: true }).waitFor();
    await manager.press(lot(manager, "£20.00"));
    await manager.button("Void");
    await manager.says("what is set against 1 invoice, which is due again");
    await manager.type(manager.dialog.getByLabel("Note"), "Was meant for somebody else");
    await manager.button("Void");
    await manager.told("was taken back");
    await invoice(manager, right).getByText("Open").waitFor();
    await manager.page.getByText("No credit to set against invoices.").waitFor();
    assert.equal(Number((await business.balance(customer, "GBP")).available), 0);
    await manager.leave();
  });
}

test("several customers are ticked and get credit of one payment day, as a group action", async () => {
  const group = await Promise.all(["one", "two"].map(() => business.customer("group", " Grouped")));
  const manager = await as("manager", "mouse");
  await manager.search("Nell Neuman Grouped", 2);
  for (const { name } of group) await manager.tick(manager.page.getByRole("checkbox", { name: `Tick ${name}` }));
  await manager.button("Adjust", manager.page.locator(".bulk-bar"));
  await manager.press(manager.dialog.getByText("More", { exact: true }));
  await manager.fill({ amount: "15", reason: "Service recovery", from: "2026-02-01" });
  await manager.says("Dated 1 Feb 2026");
  await manager.button("Apply");
  await manager.told("Done for 2 customers");
  for (const customer of group) assert.equal(Number((await business.balance(customer, "GBP")).available), 15);
  await manager.leave();
});
