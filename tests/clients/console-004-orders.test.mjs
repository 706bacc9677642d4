// docs/sources/004-orders.md at the console: credit is a product that is ordered; orders are paid, voided, and paid otherwise.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HANDS } from "./person.mjs";
import { as, business } from "./shop.mjs";

/** Orders so many of a product; the order's dialog is open then. */
async function order(person, customer, product, quantity, number) {
  await person.go("Orders");
  await person.button("New order", person.page);
  await person.type(person.dialog.getByLabel("Customer number"), `${customer.number}0`);
  await person.button("Create order");
  await person.says("Nobody has this number.");
  await person.type(person.dialog.getByLabel("Customer number"), customer.number);
  await person.choose(person.dialog.getByLabel("Product"), product);
  await person.type(person.dialog.getByLabel("How many"), quantity);
  await person.type(person.dialog.getByLabel("Order number"), number);
  await person.button("Create order");
  await person.told(`Order ${number} for ${customer.name}.`);
  await person.page.getByRole("heading", { level: 2, name: `Order ${number}` }).waitFor();
}

async function payment(person, amount, method) {
  await person.button("Record payment");
  if (amount) await person.type(person.dialog.getByLabel("Amount"), amount);
  await person.choose(person.dialog.getByLabel("Paid by"), method);
}

async function pay(person, amount, method) {
  await payment(person, amount, method);
  await person.button("Record payment");
}

const paid = (person) => person.dialog.locator(".badge", { hasText: /^Paid$/ }).waitFor();

for (const hand of HANDS) {
  test(`a product of credit is set up, ordered, and on the account once all of it is paid, by ${hand}`, async () => {
    const customer = await business.customer(hand);
    const product = `Credit by ${hand}`;
    const admin = await as("admin", hand);
    await admin.go("Settings");
    await admin.press(admin.page.getByRole("link", { name: "Products" }));
    await admin.button("Add: Products", admin.page);
    await admin.type(admin.dialog.getByLabel("Name"), product);
    await admin.choose(admin.dialog.getByLabel("Kind"), "Credit on the account");
    await admin.type(admin.dialog.getByLabel("Price of one"), "1");
    await admin.button("Save");
    await admin.told("Saved");
    await admin.page.getByText(product, { exact: true }).waitFor();
    await admin.leave();
    const staff = await as("staff", hand);
    await order(staff, customer, `${product}, £1.00`, "25", `O-${hand}-1`);
    await pay(staff, "10", "cash");
    await staff.told("£10.00 recorded, £15.00 still due.");
    assert.equal(await business.balance(customer, "GBP"), null);
    await pay(staff, null, "card");
    await staff.told("£25.00 is on the account.");
    await paid(staff);
    assert.equal(Number((await business.balance(customer, "GBP")).available), 25);
    await staff.close();
    await staff.page.locator(".order", { hasText: `O-${hand}-1` }).getByText("Paid").waitFor();
    await staff.leave();
  });

  test(`paid in full with credit, voided, a part in cash, and the rest with credit, by ${hand}`, async () => {
    const customer = await business.customer(hand);
    await business.add(customer, "GBP", "100");
    const manager = await as("manager", hand);
    await order(manager, customer, "Gift hamper, £45.00", "2", `O-${hand}-2`);
    await pay(manager, null, "account credit (£100.00 there)");
    await manager.told("£90.00 recorded, £0.00 still due.");
    await manager.close();
    await manager.press(manager.page.locator(".order", { hasText: `O-${hand}-2` }));
    await manager.button("Void the payment of £90.00");
    await manager.says("Take back the payment of £90.00 by account credit");
    await manager.type(manager.dialog.getByLabel("Note"), "Wants to pay a part in cash");
    await manager.button("Void");
    await manager.told("The payment of £90.00 is void.");
    assert.equal(Number((await business.balance(customer, "GBP")).available), 100);
    await pay(manager, "40", "cash");
    await manager.told("£40.00 recorded, £50.00 still due.");
    await payment(manager, "60", "account credit (£100.00 there)");
    await manager.says("That is more than is due on the invoice.");
    await manager.page.locator("[aria-invalid=true]").waitFor();
    assert.equal(await manager.dialog.getByRole("button", { name: "Record payment" }).isDisabled(), true);
    await manager.type(manager.dialog.getByLabel("Amount"), "50,00");
    assert.equal(await manager.dialog.getByRole("button", { name: "Record payment" }).isDisabled(), false);
    await manager.button("Record payment");
    await manager.told("£50.00 recorded, £0.00 still due.");
    await paid(manager);
    await manager.says(/voided/);
    assert.equal(Number((await business.balance(customer, "GBP")).available), 50);
    await manager.leave();
  });
}

test("voiding a payment takes a manager", async () => {
  const customer = await business.customer("staff");
  const staff = await as("staff", "mouse");
  await order(staff, customer, "Gift hamper, £45.00", "1", "O-staff");
  await pay(staff, null, "transfer");
  await staff.told("£45.00 recorded");
  await paid(staff);
  assert.equal(await staff.dialog.getByRole("button", { name: "Void" }).count(), 0);
  await staff.leave();
});
