// What the tests of the console put into the books beforehand, and read from the screen.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

/** From here on, credit can be given before it expires, also on a busy machine. */
const EXPIRES_MS = 6_000;
const PATIENCE_MS = 30_000;

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

async function idOf(url, number) {
  const query = "query ($number: String!) { customer(by: { externalId: $number }) { id } }";
  return (await asked(url, "manager", query, { number })).customer.id;
}

async function adjust(url, customerId, amount, more) {
  const input = { customerId, asset: "GBP", amount, reason: "GOODWILL", idempotencyKey: crypto.randomUUID(), ...more };
  const query = `mutation ($input: AdjustCreditInput!) {
    adjustCredit(input: $input) { credit { id } userErrors { code message } } }`;
  return (await asked(url, "manager", query, { input })).adjustCredit.credit;
}

/** Adds credit to a customer, and gives the customer's id. */
export async function give(url, number, amount, more = {}) {
  const id = await idOf(url, number);
  await adjust(url, id, amount, more);
  return id;
}

/** Adds credit to a customer, waits until it has expired, and gives its id. */
export async function expired(url, number, amount) {
  const id = await idOf(url, number);
  const given = await adjust(url, id, amount, { expiresAt: new Date(Date.now() + EXPIRES_MS).toISOString() });
  const query = "query ($id: ID!) { credits(customerId: $id, status: [EXPIRED], last: 100) { edges { node { id } } } }";
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await pause(200)) {
    const { credits } = await asked(url, "manager", query, { id });
    if (credits.edges.some(({ node }) => node.id === given.id)) return given.id;
  }
  return assert.fail(`${amount} has not expired`);
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

/** Waits until a dialog says that it leads to this figure: what is shown first may be of what was typed before. */
export async function foreseen(dialog, name, figure) {
  const fact = dialog.locator(".effect:not([aria-busy]) .facts > div", { hasText: name });
  const shown = fact.locator(".from-to strong").first();
  let last = NaN;
  for (const end = Date.now() + PATIENCE_MS; last.toFixed(2) !== figure.toFixed(2) && Date.now() < end; await pause(50)) {
    const [text] = await shown.allTextContents();
    if (text !== undefined) last = pounds(text);
  }
  assert.equal(last.toFixed(2), figure.toFixed(2), name);
}
