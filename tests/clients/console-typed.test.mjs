// Dates that are typed in part: they have no value, and are not taken for blank.
import assert from "node:assert/strict";
import { test } from "node:test";
import { as, business } from "./shop.mjs";

const WRONG = "Type day, month and year.";

test("a last day or a payment date that is typed in part is told, and is neither for ever nor today", async () => {
  const customer = await business.customer("typed");
  const person = await as("manager", "keyboard");
  await person.open(customer);
  await person.button("Adjust", person.page.locator(".profile-head"));
  // The first part alone, whichever the browser has first.
  const inPart = async (label) => {
    await person.dialog.getByLabel(label).focus();
    await person.keys.press("ArrowUp");
  };
  await inPart("Last day");
  await person.fill({ amount: "1", reason: "Goodwill" });
  await person.says(WRONG);
  assert.equal(await person.dialog.getByText("Add £1.00 to").count(), 0);
  await person.type(person.dialog.getByLabel("Days until it expires"), "30");
  assert.equal(await person.dialog.getByText(WRONG).count(), 0);
  await person.press(person.dialog.locator("summary"));
  await inPart("Payment date");
  await person.button("Review");
  await person.says(WRONG);
  await person.date(person.dialog.getByLabel("Payment date"), "2026-01-05");
  await person.button("Review");
  await person.says("Add £1.00 to");
  await person.says("Dated 5 Jan 2026");
  await person.leave();
});

test("so is the day of a payment", async () => {
  const customer = await business.customer("typed");
  await business.invoice(customer, "TYPED-1", "30");
  const person = await as("manager", "keyboard");
  await person.open(customer, "Billing");
  await person.button("TYPED-1", person.page);
  await person.button("Record payment");
  const on = person.dialog.getByLabel("Received on");
  await on.focus();
  for (const key of ["ArrowRight", "ArrowRight", "Backspace"]) await person.keys.press(key);
  await person.button("Record payment");
  await person.says(WRONG);
  assert.equal(await person.dialog.getByRole("button", { name: "Record payment" }).count(), 1);
  await person.leave();
});

test("so is a token's last day", async () => {
  const person = await as("admin", "keyboard");
  await person.go("Settings");
  await person.tab("Tokens");
  await person.button("New token", person.page);
  await person.dialog.getByLabel("Last day").focus();
  for (const key of ["ArrowRight", "ArrowRight", "Backspace"]) await person.keys.press(key);
  await person.button("Make token");
  await person.says(WRONG);
  await person.leave();
});
