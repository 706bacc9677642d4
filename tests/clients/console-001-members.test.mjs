// docs/sources/001-members.md at the console: class credits of members are added and removed, and managers review it all.
import assert from "node:assert/strict";
import { test } from "node:test";
import { dayFromNow } from "./console.mjs";
import { HANDS } from "./person.mjs";
import { as, business } from "./shop.mjs";

/** Of the sample: their membership ended longer ago than the days of grace. */
const FORMER = "16422";

/** Opens one of the membership's dialogs, and does what it is for. */
async function change(person, what, said) {
  await person.button(what, person.page.locator(".card"));
  await person.type(person.dialog.getByLabel("Note"), `${what}, at the desk`);
  await person.button(what);
  await person.told(said);
}

for (const hand of HANDS) {
  test(`a membership begins, and gets class credits for one service until a day, by ${hand}`, async () => {
    const customer = await business.customer(hand);
    const staff = await as("staff", hand);
    await staff.open(customer, "Membership");
    await staff.page.getByText("There never was a membership.").waitFor();
    await change(staff, "Start membership", `${customer.name} is a member.`);
    await staff.page.getByText(/Member since/).waitFor();
    await staff.button("Adjust", staff.page.locator(".card"));
    await staff.fill({ amount: "1.5", reason: "Service recovery" });
    await staff.says("Whole numbers only.");
    await staff.fill({ amount: "6", days: "60", services: ["Gift wrapping"], note: "Two classes were cancelled" });
    await staff.says(`Add 6 class credits to ${customer.name}`);
    await staff.says("Service recovery: Two classes were cancelled");
    await staff.button("Apply");
    await staff.told(`Added 6 class credits to ${customer.name}`);
    await staff.figure("SERVICE_CREDITS", "6");
    await staff.page.locator(".lot", { hasText: "Gift wrapping" }).waitFor();
    await staff.tab("History");
    assert.match(await staff.page.locator(".event").first().textContent(), /Two classes were cancelled.*by Sam, staff.*\+6 class credits/);
    await staff.leave();
  });

  test(`removing takes a manager, who says why and sees which credits it is taken from, by ${hand}`, async () => {
    const customer = await business.customer(hand);
    await business.add(customer, "SERVICE_CREDITS", "8");
    const staff = await as("staff", hand);
    await staff.open(customer, "Membership");
    await staff.button("Adjust Class credits", staff.page);
    await staff.dialog.getByLabel("Amount").waitFor();
    assert.equal(await staff.dialog.getByRole("radio", { name: "Remove" }).count(), 0);
    await staff.fill({ amount: "-3", reason: "Correction" });
    await staff.says("Removing takes a manager.");
    await staff.leave();
    const manager = await as("manager", hand);
    await manager.open(customer, "Membership");
    await manager.button("Adjust Class credits", manager.page);
    await manager.fill({ way: "Remove", amount: "3", reason: "Policy enforcement", note: "Used by a friend" });
    await manager.says("3 class credits of the credit of");
    await manager.button("Apply");
    await manager.told(`Removed 3 class credits from ${customer.name}`);
    await manager.figure("SERVICE_CREDITS", "5");
    assert.deepEqual((await business.moves(customer)).map(Number), [8, -3]);
    await manager.leave();
  });

  test(`a cancelled membership still gets credits within its days of grace, and the cancellation is taken back, by ${hand}`, async () => {
    const customer = await business.customer(hand);
    const staff = await as("staff", hand);
    await staff.open(customer, "Membership");
    await change(staff, "Start membership", "is a member");
    await staff.page.getByRole("button", { name: "Cancel membership" }).waitFor();
    await change(staff, "Cancel membership", "membership is cancelled");
    await staff.page.getByText(`Class credits can be added until ${dayFromNow(60, "medium")}.`).waitFor();
    await staff.button("Adjust", staff.page.locator(".card"));
    await staff.fill({ amount: "2", reason: "Goodwill" });
    await staff.button("Apply");
    await staff.figure("SERVICE_CREDITS", "2");
    await change(staff, "Take the cancellation back", "as if nothing had been cancelled");
    await staff.page.locator(".profile-head .badge", { hasText: /^Member$/ }).waitFor();
    await staff.leave();
  });

  test(`after the days of grace nothing is added, and it is said why, by ${hand}`, async () => {
    const manager = await as("manager", hand);
    await manager.search(FORMER);
    const name = await manager.page.locator(".window-body .who a").textContent();
    await manager.open({ number: FORMER, name }, "Membership");
    await manager.page.getByText(/Class credits could be added until .*, 60 days after/).waitFor();
    const before = await manager.page.locator('.big[data-asset="SERVICE_CREDITS"]').textContent();
    await manager.button("Adjust Class credits", manager.page);
    await manager.fill({ amount: "1", reason: "Goodwill" });
    await manager.says("The membership ended too long ago");
    await manager.close();
    await manager.figure("SERVICE_CREDITS", before);
    await manager.leave();
  });

  test(`managers review all adjustments: who, when, why, how much, by ${hand}`, async () => {
    const customer = await business.customer(hand);
    const note = `Reviewed by ${hand}`;
    await business.add(customer, "SERVICE_CREDITS", "4", { note, reason: "PROMOTION" });
    const manager = await as("manager", hand);
    await manager.go("Activity");
    if (hand === "touch") await manager.press(manager.page.locator(".filters-more > summary")); // folded on a phone
    await manager.choose(manager.page.getByLabel("Reason"), "Promotion");
    await manager.choose(manager.page.getByLabel("In", { exact: true }), "Class credits");
    const found = manager.page.locator(".event", { hasText: note });
    await found.waitFor();
    assert.match(await found.textContent(), new RegExp(`Adjusted: Promotion.*${customer.name}.*by shop-system.*Manager.*\\+4 class credits`));
    for (const each of await manager.page.locator(".event strong.plus").allTextContents()) assert.match(each, /class credit/);
    await manager.press(found.getByRole("link", { name: customer.name }));
    await manager.figure("SERVICE_CREDITS", "4");
    await manager.leave();
  });
}
