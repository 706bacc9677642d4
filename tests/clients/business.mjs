// What the business's own systems have sent before somebody sits down at the console: over the API, as they would.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

const UPSERT = `mutation ($input: UpsertCustomerInput!) { upsertCustomer(input: $input) { customer { id name } userErrors { code message } } }`;
const ADJUST = `mutation ($input: AdjustCreditInput!) { adjustCredit(input: $input) { credit { id } userErrors { code message } } }`;
const INVOICE = `mutation ($input: CreateInvoiceInput!) { createInvoice(input: $input) { invoice { id due } userErrors { code message } } }`;
const LIMIT = `mutation ($input: SetLimitInput!) { setLimit(input: $input) { userErrors { code message } } }`;
const HAS = `query ($number: String!) { customer(by: { externalId: $number }) { account(asset: "GBP") { available } } }`;
const BALANCE = `query ($id: ID!, $asset: AssetCode!) { customer(by: { id: $id }) { account(asset: $asset) { available lifetime } } }`;
const MOVES = `query ($id: ID!) { ledger(customerId: $id, first: 100) { edges { node { amount } } } }`;

const NAMES = { mouse: "Moana Mausen", keyboard: "Kay Tastner", touch: "Tate Fingerhut" };

export class Business {
  #number = 0;

  constructor(scrip, token) {
    this.scrip = scrip;
    this.url = `${scrip.url}/graphql`;
    this.token = token;
  }

  static async of(scrip) {
    return new Business(scrip, await scrip.token("manager", "--subject", "shop-system"));
  }

  async ask(query, variables, token = this.token) {
    const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
    const answer = await fetch(this.url, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
    const { data, errors } = await answer.json();
    assert.equal(errors, undefined);
    return data;
  }

  async #done(query, input) {
    const [payload] = Object.values(await this.ask(query, { input }));
    assert.deepEqual(payload.userErrors, []);
    return payload;
  }

  #key() {
    this.#number += 1;
    return `shop-${this.#number}`;
  }

  /** A new customer, such as C-mouse-1. */
  async customer(hand, more = "") {
    this.#number += 1;
    const number = `C-${hand}-${this.#number}`;
    const name = `${NAMES[hand] ?? "Nell Neuman"}${more} ${"ABCDEFGHIJKLMNOPQRSTUVWXYZ"[this.#number % 26]}`;
    const { customer } = await this.#done(UPSERT, { externalId: number, name, email: `${number.toLowerCase()}@example.com` });
    return { id: customer.id, name: customer.name, number };
  }

  add({ id }, asset, amount, more = {}) {
    return this.#done(ADJUST, { customerId: id, asset, amount, reason: "GOODWILL", idempotencyKey: this.#key(), ...more });
  }

  async invoice({ id }, number, unitPrice, more = {}) {
    const lines = [{ description: "Ten classes", units: "1", unitPrice }];
    return (await this.#done(INVOICE, { customerId: id, number, currency: "GBP", lines, autoApplyCredit: false, idempotencyKey: this.#key(), ...more })).invoice;
  }

  /** What staff may add, or sell, at a time from now on. */
  async limit(asset, perAdjustment, kind = "ADDING") {
    this.admin ??= await this.scrip.token("admin");
    const input = { role: "STAFF", asset, kind, perAdjustment };
    const { setLimit } = await this.ask(LIMIT, { input }, this.admin);
    assert.deepEqual(setLimit.userErrors, []);
  }

  async balance({ id }, asset) {
    return (await this.ask(BALANCE, { id, asset })).customer.account;
  }

  /** As many customers, straight into the database; their numbers. more: "balances" gives them some. */
  async crowd(size, ...more) {
    const { environment, python } = this.scrip;
    await promisify(execFile)(python, [path.join(import.meta.dirname, "crowd.py"), environment.SCRIP_DATA_DIR, String(size), ...more]);
    return Array.from({ length: size }, (_, n) => `CROWD-${n}`);
  }

  /** What the customer of a number has in pounds. */
  async has(number) {
    return Number((await this.ask(HAS, { number })).customer.account.available);
  }

  /** The amounts of all movements of a customer. */
  async moves({ id }) {
    return (await this.ask(MOVES, { id })).ledger.edges.map(({ node }) => node.amount);
  }
}
