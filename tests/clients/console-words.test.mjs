// What comes from the server is said in the reader's language where it is the console's to say.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible } from "./console.mjs";
import { as, business, scrip } from "./shop.mjs";

const IN_GERMAN = { locale: "de-DE" };

/** Over the API, as an admin. */
async function does(name, type, input, wants = "") {
  business.admin ??= await scrip.token("admin");
  const query = `mutation ($input: ${type}!) { done: ${name}(input: $input) { ${wants} userErrors { code message } } }`;
  const { done } = await business.ask(query, { input }, business.admin);
  assert.deepEqual(done.userErrors, []);
  return done;
}

test("who was erased is called so in each language, wherever they are named, and nothing can be added", async () => {
  const customer = await business.customer("erased");
  await business.add(customer, "GBP", "12.34");
  await business.invoice(customer, "ERASED-1", "5");
  await does("eraseCustomer", "EraseCustomerInput", { customerId: customer.id });
  const person = await as("manager", "mouse", IN_GERMAN);
  const { page } = person;
  await page.goto(`${scrip.url}/console/customers/${encodeURIComponent(customer.id)}`);
  await page.getByRole("heading", { level: 1, name: "Gelöscht" }).waitFor();
  await page.getByText(/^Gelöscht am /).waitFor();
  await accessible(page, "somebody who was erased");
  await person.button("Anpassen", page.locator(".profile-head"));
  await person.dialog.getByRole("heading", { name: "Gelöscht anpassen" }).waitFor();
  await person.type(person.dialog.getByLabel("Betrag", { exact: true }), "3");
  await person.choose(person.dialog.getByLabel("Grund", { exact: true }), "Goodwill");
  await person.button("Prüfen");
  await person.says("Dieser Kunde wurde gelöscht.");
  await person.button("Schließen");
  await page.getByRole("link", { name: "Verlauf" }).first().click();
  await page.locator(".event", { hasText: "Gelöscht" }).first().waitFor();
  await page.getByRole("link", { name: "Bestellungen" }).first().click();
  await page.getByLabel("Nummer, oder wie die Referenz beginnt").fill("ERASED-1");
  await page.locator(".order", { hasText: "Gelöscht" }).waitFor();
  assert.equal(await page.getByText("Erased", { exact: true }).count(), 0);
  await person.leave();
});

test("a row's errors, and those of a form, are told in German", async () => {
  const person = await as("manager", "mouse", IN_GERMAN);
  const { page, dialog } = person;
  await person.go("Importe");
  await person.button("Datei importieren", page);
  await person.file(dialog.locator("input[type=file]"), { name: "p.csv", mimeType: "text/csv", buffer: Buffer.from("customer,amount\nnobody,5\n17404,five\n17404,1.234\n") });
  await person.choose(dialog.getByLabel("Grund"), "Promotion");
  await person.button("Durchsehen");
  await person.says("Diesen Kunden gibt es nicht.");
  await person.says("Zu viele Nachkommastellen.");
  // Its details are the file's own: they are quoted.
  await person.says(/^Das wird nicht angenommen: „.*five.*“/);
  await person.button("Schließen");
  await person.go("Kunden");
  await person.button("Neuer Kunde", page);
  await person.type(dialog.getByLabel("Kundennummer"), "DE-1");
  await person.type(dialog.getByLabel("Name"), "Dora Nimm");
  await person.type(dialog.getByLabel("E-Mail"), "dora");
  await person.keys.press("Control+Enter");
  await person.says("Das ist keine E-Mail-Adresse.");
  await person.button("Schließen");
  await person.leave();
});

test("what a reason was called is said also once it is no longer in use", async () => {
  await does("createReason", "CreateReasonInput", { code: "WET_SHOES", label: "Wet shoes", directions: ["ADD"] });
  const customer = await business.customer("reason");
  await business.add(customer, "GBP", "1", { reason: "WET_SHOES" });
  await does("updateReason", "UpdateReasonInput", { code: "WET_SHOES", active: false });
  const person = await as("manager", "mouse");
  await person.open(customer, "History");
  await person.page.locator(".event", { hasText: "Adjusted: Wet shoes" }).waitFor();
  await person.leave();
});

test("the terms of a request that changed are told as one reads them", async () => {
  const customer = await business.customer("terms");
  const made = await does("createReward", "CreateRewardInput", { name: "Ten off", kind: "FIXED", value: "2.5", currency: "GBP", pointsCost: "100" }, "reward { id }");
  const rewardId = made.reward.id;
  const query = "mutation ($input: GiveRewardInput!) { giveReward(input: $input) { approvalRequest { id } userErrors { code message } } }";
  const input = { customerId: customer.id, rewardId, deductPoints: false, proposeOnly: true, idempotencyKey: crypto.randomUUID() };
  const staff = await scrip.token("staff", "--subject", "till-7");
  assert.ok((await business.ask(query, { input }, staff)).giveReward.approvalRequest);
  await does("updateReward", "UpdateRewardInput", { rewardId, value: "1250.75" });
  const person = await as("manager", "mouse", IN_GERMAN);
  await person.go("Freigaben");
  await person.page.locator(".request", { hasText: "Ten off" }).getByText("Wert: 2,5 → 1.250,75").waitFor();
  await person.leave();
});
