// What the tests of the console put into the books beforehand, and read from the screen.
import assert from "node:assert/strict";

/** Asks the API as a role of the sample, for what a test begins with. Fails where it is refused. */
export async function asked(url, role, query, variables = {}) {
  const { roles } = await (await fetch(`${url}/console/sample.json`)).json();
  const { token } = roles.find((each) => each.role === role);
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const answer = await fetch(`${url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await answer.json();
  assert.equal(errors, undefined);
  for (const payload of Object.values(data)) assert.deepEqual(payload?.userErrors ?? [], []);
  return data;
}

/** Adds credit to a customer, and gives the customer's id. */
export async function give(url, number, amount, more = {}) {
  const { customer } = await asked(url, "manager", "query ($number: String!) { customer(by: { externalId: $number }) { id } }", { number });
  const input = { customerId: customer.id, asset: "GBP", amount, reason: "GOODWILL", idempotencyKey: crypto.randomUUID(), ...more };
  await asked(url, "manager", "mutation ($input: AdjustCreditInput!) { adjustCredit(input: $input) { userErrors { code message } } }", { input });
  return customer.id;
}

/** An invoice of that number, in pounds, which no credit pays by itself. */
export async function bill(url, customerId, number, lines, more = {}) {
  const input = { customerId, number, currency: "GBP", lines, autoApplyCredit: false, idempotencyKey: crypto.randomUUID(), ...more };
  const { createInvoice } = await asked(url, "manager", "mutation ($input: CreateInvoiceInput!) { createInvoice(input: $input) { invoice { id } userErrors { code message } } }", { input });
  return createInvoice.invoice.id;
}

/** The number that a text says, such as 25 of £25.00. */
export const pounds = (text) => Number(text.replaceAll(/[^\d.-]/g, ""));

/** Waits for what is said in passing. */
export const told = (page, text) => page.locator("#told", { hasText: text }).waitFor();

/** Waits until a dialog shows what the server says, and gives the figure that it leads to. */
export async function foreseen(dialog, name) {
  await dialog.locator(".effect:not([aria-busy])").waitFor();
  return pounds(await dialog.locator(".effect .facts > div", { hasText: name }).locator(".from-to strong").first().textContent());
}
