// Fields as people fill them in: dates that are typed, what is hidden, amounts of every currency, numbers that are taken.
import assert from "node:assert/strict";
import { test } from "node:test";
import { asked } from "./console-books.mjs";
import { as, business, scrip } from "./shop.mjs";

const manager = () => as("manager", "mouse");
const openAdjust = async (person, customer) => {
  await person.open(customer);
  await person.button("Adjust", person.page.locator(".profile-head"));
};

test("the last day is typed part by part; one that is over is told, and is not for ever", async () => {
  const customer = await business.customer("field");
  const person = await as("manager", "keyboard");
  await openAdjust(person, customer);
  const days = person.dialog.getByLabel("Days until it expires");
  const date = person.dialog.getByLabel("Last day");
  const next = new Date(Date.now() + 400 * 86_400_000).toISOString().slice(0, 10);
  await person.date(date, next);
  assert.ok(Math.abs(Number(await days.inputValue()) - 400) <= 1);
  await person.date(date, "2020-02-03");
  await person.says("This day is over.");
  assert.equal(await days.inputValue(), "");
  await person.fill({ amount: "1", reason: "Goodwill" });
  assert.equal(await person.dialog.getByText("Add £1.00 to").count(), 0);
  await person.type(days, "30");
  await person.button("Review");
  await person.says("Add £1.00 to");
  await person.leave();
});

test("what is wrong with a field that a removal hides does not stop it", async () => {
  const customer = await business.customer("field");
  await business.add(customer, "GBP", "5");
  const person = await manager();
  await openAdjust(person, customer);
  await person.type(person.dialog.getByLabel("Days until it expires"), "soon");
  await person.fill({ way: "Remove", amount: "2", reason: "Correction" });
  await person.says("Remove £2.00 from");
  await person.leave();
});

test("an order's sum has the decimals of its currency", async () => {
  await asked(scrip.url, "admin", "mutation ($input: CreateProductInput!) { createProduct(input: $input) { userErrors { code message } } }", { input: { name: "Saffron", kind: "GOODS", currency: "KWD", price: "1.234" } });
  const person = await manager();
  await person.go("Orders");
  await person.button("New order", person.page);
  const product = person.dialog.getByLabel("Product");
  await product.selectOption({ label: await product.locator("option", { hasText: "Saffron" }).textContent() });
  await person.type(person.dialog.getByLabel("How many"), "3");
  await person.says(/KWD.3\.702 in all/);
  await person.leave();
});

test("somebody new is in the list at once, and nobody is overwritten by a number that is taken", async () => {
  const there = await business.customer("field");
  const person = await manager();
  await person.page.locator(".counted").getByText("customers").waitFor();
  await person.search("Zuletzt Neumann", 0);
  await person.button("New customer", person.page);
  await person.type(person.dialog.getByLabel("Customer number"), there.number);
  await person.type(person.dialog.getByLabel("Name"), "Zuletzt Neumann");
  await person.button("Save");
  await person.says("This is there already.");
  await person.type(person.dialog.getByLabel("Customer number"), "C-field-new");
  await person.button("Save");
  await person.told("Zuletzt Neumann was added.");
  await person.page.getByRole("heading", { level: 1, name: "Zuletzt Neumann" }).waitFor();
  await person.page.goBack();
  await person.page.locator(".window-body .row", { hasText: "Zuletzt Neumann" }).waitFor();
  assert.equal((await business.ask("query ($id: ID!) { customer(by: { id: $id }) { name } }", { id: there.id })).customer.name, there.name);
  await person.leave();
});

test("a reason that an admin adds is offered at once", async () => {
  const customer = await business.customer("field");
  const admin = await as("admin", "mouse");
  await openAdjust(admin, customer);
  await admin.dialog.getByLabel("Reason").waitFor();
  await admin.close();
  await admin.go("Settings");
  await admin.button("Add: Reasons", admin.page);
  await admin.type(admin.dialog.getByLabel("Code"), "LOST_KEY");
  await admin.type(admin.dialog.getByLabel("What it is called"), "Lost key");
  await admin.button("Save");
  await admin.told("Saved");
  await openAdjust(admin, customer);
  await admin.dialog.getByLabel("Reason").selectOption("Lost key");
  await admin.leave();
});

test("names from right to left are kept to themselves; a number decides between one and many", async () => {
  const person = await manager();
  const said = await person.page.evaluate(async () => {
    const { t, anyMoney, dayBegins, typedForm, speak } = await import("/console/text.js");
    const all = [dayBegins("0002-12-24").slice(0, 13), t("review.add", { amount: "£5.00", name: "شركة" }), t("review.add", { amount: "£5.00", name: "Ann" }), t("member.cancel.what", { n: 1 }), t("webhook.kinds.n", { n: 1 }), anyMoney("1250.0"), typedForm("25.00")];
    await speak("de");
    return [...all, t("points.next", { n: 1, tier: "Gold" }), anyMoney("1250.0"), typedForm("25.00")];
  });
  assert.deepEqual(said, ["0002-12-24T00", "Add £5.00 to \u2068شركة\u2069", "Add £5.00 to Ann", "From now on, class credits can be added for 1 more day. Those that are there stay.", "1 kind", "1,250.00", "25.00", "1 Punkt bis Gold", "1.250,00", "25,00"]);
  await person.page.context().close();
});

test("what is one long word is broken, at 390 px: names, numbers, references, reasons", async () => {
  const long = "Donaudampfschifffahrtsgesellschaftskapitän".repeat(3);
  const { upsertCustomer } = await business.ask("mutation ($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { id } userErrors { code } } }", { input: { externalId: "C-LONG-WORD", name: long } });
  const { customer } = upsertCustomer;
  await business.add(customer, "GBP", "40", { note: long, reference: long, expiresInDays: 9 });
  await business.add(customer, "POINTS", "1200");
  await business.add(customer, "GBP", "5", { proposeOnly: true, note: long });
  await business.invoice(customer, `N-${long.slice(0, 58)}`, "30", { reference: long });
  const person = await as("manager", "touch");
  const { page } = person;
  const fits = async (where) => {
    await page.waitForFunction(() => !document.querySelector("[aria-busy]"));
    const wide = await page.evaluate(() => [...document.querySelectorAll("body *")].filter((each) => each.checkVisibility() && each.getBoundingClientRect().right > innerWidth + 1 && !each.closest(".tabs, .scrolled, .unseen, [role=columnheader], .columns, .skip")).map((each) => each.outerHTML.slice(0, 90)));
    assert.deepEqual(wide, [], where);
  };
  for (const where of ["balance", "membership", "billing", "points", "history", "statement"]) {
    await page.goto(`${scrip.url}/console/customers/${customer.id}/${where}`);
    await page.locator(".tab > *").first().waitFor();
    await fits(where);
  }
  for (const where of ["customers", "orders", "approvals", "activity", "liability"]) {
    await page.goto(`${scrip.url}/console/${where}`);
    await page.locator("h1").waitFor();
    await fits(where);
  }
  await page.goto(`${scrip.url}/console/customers/${customer.id}`);
  await person.press(page.locator(".lot").first());
  await person.dialog.locator(".facts").waitFor();
  await fits("a credit");
  await person.close();
  await person.tab("Billing");
  await person.press(page.locator(".lines button").first());
  await person.dialog.locator(".facts").waitFor();
  await fits("an invoice");
  await person.leave();
});
