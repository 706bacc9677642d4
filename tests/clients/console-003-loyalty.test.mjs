// docs/sources/003-loyalty.md at the console: points are corrected, spent on rewards or given, and imported for many.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HANDS } from "./person.mjs";
import { as, business } from "./shop.mjs";

/** Gives a reward, and answers its code. */
async function give(person, reward, { free = false } = {}) {
  await person.button("Give reward", person.page.locator(".profile-head"));
  await person.pick(person.dialog.getByRole("radio", { name: reward }));
  if (free) await person.pick(person.dialog.getByRole("radio", { name: "No, it is free" }));
  await person.says(free ? "No points are taken. The tier stays as it is." : /are taken, .* stay. The tier stays as it is\./);
  await person.button("Give reward");
  return person.dialog.locator(".code code").textContent();
}

for (const hand of HANDS) {
  test(`a correction moves both figures, and the tier with them: it is said before, by ${hand}`, async () => {
    const customer = await business.customer(hand);
    await business.add(customer, "POINTS", "900");
    const manager = await as("manager", hand);
    await manager.open(customer, "Points");
    await manager.button("Adjust points", manager.page);
    await manager.fill({ amount: "200", reason: "Promotion", note: "Campaign was not counted" });
    await manager.says("Rises from Bronze to Silver");
    await manager.says("Lifetime total 900 points, then 1,100 points");
    await manager.button("Apply");
    await manager.figure("POINTS", "1,100");
    await manager.page.locator(".profile-head .badge", { hasText: "Silver" }).waitFor();
    await manager.button("Adjust points", manager.page);
    await manager.fill({ amount: "-150", reason: "Correction" });
    await manager.says("Falls from Silver to Bronze");
    await manager.button("Apply");
    await manager.figure("POINTS", "950");
    await manager.page.locator(".profile-head .badge", { hasText: "Bronze" }).waitFor();
    assert.deepEqual(await business.balance(customer, "POINTS"), { available: "950", lifetime: "950" });
    await manager.leave();
  });

  test(`points for a discount that was used: a reward is given, its coupon disabled, the tier stays, by ${hand}`, async () => {
    const customer = await business.customer(hand);
    await business.add(customer, "POINTS", "1000");
    const manager = await as("manager", hand);
    await manager.open(customer, "Points");
    const code = await give(manager, /Free delivery/);
    await manager.button("Done");
    await manager.figure("POINTS", "800");
    const coupon = manager.page.locator(".coupon", { hasText: code });
    await manager.button("Disable", coupon);
    await manager.pick(manager.dialog.getByRole("radio", { name: "No, they stay spent" }));
    await manager.button("Disable");
    await manager.told(`${code} is disabled.`);
    await coupon.getByText("Disabled").waitFor();
    assert.deepEqual(await business.balance(customer, "POINTS"), { available: "800", lifetime: "1000" });
    await manager.page.locator(".profile-head .badge", { hasText: "Silver" }).waitFor();
    await manager.leave();
  });

  test(`a coupon is given free, copied, and marked used; another is disabled with its points back, by ${hand}`, async () => {
    const customer = await business.customer(hand);
    await business.add(customer, "POINTS", "500");
    const manager = await as("manager", hand, { permissions: ["clipboard-read", "clipboard-write"] });
    await manager.open(customer, "Points");
    const free = await give(manager, /5 pounds off/, { free: true });
    await manager.press(manager.dialog.getByRole("button", { name: `Copy code ${free}` }));
    await manager.says("Copied");
    assert.equal(await manager.page.evaluate(() => navigator.clipboard.readText()), free);
    await manager.button("Done");
    await manager.figure("POINTS", "500");
    await manager.button("Mark used", manager.page.locator(".coupon", { hasText: free }));
    await manager.button("Mark used");
    await manager.told(`${free} is used.`);
    const paid = await give(manager, /A free metal lantern/);
    await manager.button("Done");
    await manager.figure("POINTS", "200");
    await manager.button("Disable", manager.page.locator(".coupon", { hasText: paid }));
    await manager.button("Disable");
    await manager.told(`${paid} is disabled.`);
    await manager.figure("POINTS", "500");
    await manager.page.locator(".coupon", { hasText: paid }).getByText("points given back").waitFor();
    await manager.leave();
  });

  test(`points of many customers come as a file, and are taken back, by ${hand}`, async () => {
    const family = await Promise.all([1, 2, 3].map(() => business.customer(hand)));
    const text = ["customer,amount", ...family.map(({ number }) => `${number},40`)].join("\n");
    const manager = await as("manager", hand);
    await manager.go("Imports");
    await manager.button("Import a file", manager.page);
    await manager.file(manager.dialog.locator("input[type=file]"), { name: `points-${hand}.csv`, mimeType: "text/csv", buffer: Buffer.from(text) });
    await manager.choose(manager.dialog.getByLabel("What"), "Points");
    await manager.choose(manager.dialog.getByLabel("Reason"), "Promotion");
    await manager.button("Look it over");
    await manager.says("3 rows can be posted");
    await manager.says("They come to 120 points.");
    await manager.button("Post 3 rows");
    await manager.told("Done for 3 customers");
    for (const customer of family) assert.equal((await business.balance(customer, "POINTS")).available, "40");
    await manager.button("Take back");
    await manager.says("Take back 3 rows");
    await manager.button("Take back");
    await manager.told("Taken back");
    for (const customer of family) assert.deepEqual(await business.balance(customer, "POINTS"), { available: "0", lifetime: "0" });
    await manager.leave();
  });
}
