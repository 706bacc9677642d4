// docs/sources/000-adjust.md at the console: credit is adjusted from the list, from the profile, and for many at once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { dayFromNow } from "./console.mjs";
import { HANDS } from "./person.mjs";
import { as, business } from "./shop.mjs";

const row = (person, customer) => person.page.locator(".window-body .row", { hasText: customer.number });

for (const hand of HANDS) {
  test(`credit is added in the customer's row, for a reason in one's own words, by ${hand}`, async () => {
    const customer = await business.customer(hand);
    const staff = await as("staff", hand);
    await staff.search(customer.number);
    await staff.press(row(staff, customer).getByRole("button", { name: `Adjust ${customer.name}` }));
    await staff.fill({ amount: "10", days: "5", reason: "Other" });
    await staff.says("Say in a few words why.");
    await staff.fill({ amount: "12,50", note: "Cake fell off the counter" });
    await staff.says(`Add £12.50 to ${customer.name}`);
    await staff.says(`Until the end of ${dayFromNow(5, "medium")}`);
    await staff.says("Other: Cake fell off the counter");
    await staff.button("Apply");
    await staff.told(`Added £12.50 to ${customer.name}. Balance: £12.50.`);
    await row(staff, customer).getByText("£12.50").waitFor();
    await staff.open(customer, "History");
    const event = staff.page.locator(".event");
    await event.getByText("Adjusted: Other").waitFor();
    assert.match(await event.textContent(), /Cake fell off the counter.*by Sam, staff.*\+£12\.50/);
    await staff.leave();
  });

  test(`credit is deducted in the profile by a minus in front, and never more than there is, by ${hand}`, async () => {
    const customer = await business.customer(hand);
    await business.add(customer, "GBP", "20", { expiresInDays: 3 });
    await business.add(customer, "GBP", "30");
    const manager = await as("manager", hand);
    await manager.open(customer);
    await manager.button("Adjust", manager.page.locator(".profile-head"));
    await manager.fill({ amount: "-100", reason: "Correction" });
    await manager.says("Only £50.00 is there: that is not enough.");
    assert.equal(await manager.dialog.getByRole("radio", { name: "Remove" }).isChecked(), true);
    await manager.fill({ amount: "-24.50" });
    await manager.says(`Remove £24.50 from ${customer.name}`);
    await manager.says("£20.00 of the credit of");
    await manager.says("£25.50");
    await manager.button("Apply");
    await manager.told(`Removed £24.50 from ${customer.name}. Balance: £25.50.`);
    await manager.figure("GBP", "£25.50");
    // Blank days: it never expires.
    await manager.button("Adjust £ credit", manager.page);
    await manager.fill({ amount: "4", reason: "Goodwill" });
    await manager.says("Never expires");
    await manager.button("Apply");
    await manager.figure("GBP", "£29.50");
    assert.deepEqual((await business.moves(customer)).map(Number), [20, 30, -20, -4.5, 4]);
    await manager.leave();
  });

  test(`many are ticked in the list and adjusted at once, all of them or nobody, by ${hand}`, async () => {
    const family = await Promise.all([1, 2, 3].map(() => business.customer(hand, " Together")));
    const [poor, ...others] = family;
    for (const customer of others) await business.add(customer, "GBP", "8");
    const manager = await as("manager", hand);
    await manager.search(`${poor.name.split(" ")[0]} ${poor.name.split(" ")[1]} Together`, family.length);
    for (const customer of family) await manager.tick(manager.page.getByRole("checkbox", { name: `Tick ${customer.name}` }));
    await manager.page.getByText("3 customers ticked").waitFor();
    await manager.button("Adjust", manager.page.locator(".bulk-bar"));
    await manager.fill({ amount: "-5", reason: "Correction" });
    await manager.says("Nothing is done until these are put right");
    await manager.says(`${poor.name}: Only £0.00 is there: that is not enough.`);
    assert.equal(await manager.dialog.getByRole("button", { name: "Apply" }).isDisabled(), true);
    await manager.button("Back");
    await manager.fill({ amount: "5", way: "Add", note: "Closed for the day" });
    await manager.says("Add £5.00 to each of 3 customers");
    for (const { name } of family) await manager.says(name);
    await manager.button("Apply");
    await manager.told("Done for 3 customers");
    for (const customer of family) await row(manager, customer).getByText(customer === poor ? "£5.00" : "£13.00").waitFor();
    await manager.button("Untick all", manager.page.locator(".bulk-bar"));
    assert.equal(await manager.page.locator(".bulk-bar").isVisible(), false);
    await manager.leave();
  });

  test(`somebody new is added, and is found, by ${hand}`, async () => {
    const number = `NEW-${hand}`;
    const staff = await as("staff", hand);
    await staff.button("New customer", staff.page);
    await staff.button("Save");
    await staff.page.locator("[aria-invalid=true]").first().waitFor();
    await staff.type(staff.dialog.getByLabel("Customer number"), number);
    await staff.type(staff.dialog.getByLabel("Name"), "Noor Nachtigall");
    await staff.type(staff.dialog.getByLabel("E-mail"), `${number}@example.com`);
    await staff.button("Save");
    await staff.told("Noor Nachtigall was added.");
    await staff.page.getByRole("heading", { name: "Noor Nachtigall" }).waitFor();
    await staff.page.getByText("Nothing on this account yet.").waitFor();
    await staff.go("Customers");
    await staff.search(number.toLowerCase());
    await staff.page.locator(".window-body .who", { hasText: number }).waitFor();
    await staff.leave();
  });
}

test("where there are too many to look through, it is said what to do about it", async () => {
  const staff = await as("staff", "mouse");
  await staff.page.route("**/graphql", (route) => {
    if (!route.request().postData().includes("seldom")) return route.fallback();
    const errors = [{ message: "No index leads to what filter.search asks for", extensions: { code: "BAD_USER_INPUT" } }];
    return route.fulfill({ json: { data: { customers: null }, errors } });
  });
  await staff.type(staff.page.getByRole("searchbox"), "seldom");
  await staff.page.getByText("There are too many customers to look through for this. Type more of it").waitFor();
  await staff.leave();
});
