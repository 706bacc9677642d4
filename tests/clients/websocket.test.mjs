// GraphQL over WebSocket as its reference client speaks it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { startScrip } from "./server.mjs";

const VIEWER = "{ viewer { role tenant { name } } }";
const UPSERT = 'mutation { upsertCustomer(input: { externalId: "ws", name: "Wes" }) { customer { id } userErrors { code } } }';
const TTL_S = 10;
const PATIENCE_MS = 60_000;
const ADJUST = `mutation ($input: AdjustCreditInput!) {
  adjustCredit(input: $input) { replayed account { available } userErrors { code } }
}`;

let scrip;
const clients = [];

before(async () => {
  scrip = await startScrip();
});

after(async () => {
  await Promise.all(clients.map((client) => client.dispose()));
  await scrip?.stop();
});

/** A client that asks for a token whenever it connects, and notes how often it did and why it was closed. */
function connect(token, options = {}) {
  const seen = { opened: 0, closed: [] };
  const client = createClient({
    url: `${scrip.url.replace("http", "ws")}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: async () => ({ Authorization: `Bearer ${await token()}` }),
    on: { opened: () => (seen.opened += 1), closed: ({ code, reason }) => seen.closed.push([code, reason]) },
    ...options,
  });
  clients.push(client);
  return { client, seen };
}

async function ask(client, query, variables) {
  const answers = [];
  for await (const answer of client.iterate({ query, variables })) answers.push(answer);
  assert.equal(answers.length, 1);
  assert.equal(answers[0].errors, undefined);
  return answers[0].data;
}

test("queries and mutations share one connection", async () => {
  const { client, seen } = connect(() => scrip.token("manager"), { lazyCloseTimeout: 5_000 });
  assert.equal((await ask(client, VIEWER)).viewer.role, "MANAGER");
  const { upsertCustomer } = await ask(client, UPSERT);
  const input = { customerId: upsertCustomer.customer.id, asset: "GBP", amount: "5.00", reason: "GOODWILL", idempotencyKey: "ws" };
  const first = (await ask(client, ADJUST, { input })).adjustCredit;
  const again = (await ask(client, ADJUST, { input })).adjustCredit;
  assert.deepEqual([first.replayed, again.replayed], [false, true]);
  assert.equal(again.account.available, "5.00");
  assert.equal(seen.opened, 1);
});

test("an operation that is refused is refused alone", async () => {
  const { client, seen } = connect(() => scrip.token("staff"), { lazyCloseTimeout: 5_000 });
  for (const [query, code] of [
    ["{ viewer {", "GRAPHQL_PARSE_FAILED"],
    ["{ nothing }", "GRAPHQL_VALIDATION_FAILED"],
  ]) {
    const refused = await ask(client, query).catch((errors) => errors);
    assert.deepEqual(refused.map(({ extensions }) => extensions.code), [code]);
  }
  assert.equal((await ask(client, VIEWER)).viewer.role, "STAFF");
  assert.equal(seen.opened, 1);
});

test("a token that is no good is told by the close", async () => {
  const { client } = connect(() => "nonsense", { retryAttempts: 0 });
  const closed = await ask(client, VIEWER).catch((event) => event);
  assert.deepEqual([closed.code, closed.reason], [4403, "this is not a signed token"]);
});

test("when the token ends, the client comes back with another", async () => {
  const tokens = [];
  const newToken = async () => tokens.push(await scrip.token("staff", "--ttl", `${TTL_S}s`)) && tokens.at(-1);
  const { client, seen } = connect(newToken, { lazy: false });
  assert.equal((await ask(client, VIEWER)).viewer.role, "STAFF");
  const end = Date.now() + PATIENCE_MS;
  while (seen.closed.length === 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(seen.closed[0], [4403, "the token has expired"]);
  assert.equal((await ask(client, VIEWER)).viewer.role, "STAFF");
  assert.notEqual(tokens[0], tokens.at(-1));
});
