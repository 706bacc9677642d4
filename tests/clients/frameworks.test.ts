// The generated documents in the two clients that most front ends use, with persisted queries switched on.
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { Client, cacheExchange, fetchExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { startScrip, type Scrip } from "#server";
import {
  AdjustCreditDocument,
  type AdjustCreditInput,
  BalancesDocument,
  CustomerDocument,
  UpsertCustomerDocument,
} from "./build/generated/graphql.js";

type Sent = { query?: string; hashed: boolean };

let scrip: Scrip;
let uri: string;
let headers: { authorization: string };

before(async () => {
  scrip = await startScrip();
  uri = `${scrip.url}/graphql`;
  headers = { authorization: `Bearer ${await scrip.token("staff")}` };
});

after(() => scrip?.stop());

/** A fetch that notes whether the query itself was sent. */
function noting(sent: Sent[]): typeof fetch {
  return (target, init) => {
    const body = typeof init?.body === "string" ? JSON.parse(init.body) : {};
    sent.push({ query: body.query, hashed: Boolean(body.extensions?.persistedQuery) });
    return fetch(target, init);
  };
}

function adjustment(customerId: string): AdjustCreditInput {
  return { customerId, amount: "5.00", asset: "GBP", reason: "GOODWILL", idempotencyKey: randomUUID() };
}

test("Apollo Client: a hash that is refused is followed by the query, and no more hashes", async () => {
  const sent: Sent[] = [];
  const persisted = new PersistedQueryLink({ sha256: (text) => createHash("sha256").update(text).digest("hex") });
  const client = new ApolloClient({
    link: persisted.concat(new HttpLink({ uri, headers, fetch: noting(sent) })),
    cache: new InMemoryCache(),
  });
  const externalId = randomUUID();
  await client.mutate({ mutation: UpsertCustomerDocument, variables: { input: { externalId, name: "Ada Apollo" } } });
  const { data } = await client.query({ query: CustomerDocument, variables: { by: { externalId } } });
  const customerId = data?.customer?.id;
  assert(customerId);
  const input = adjustment(customerId);
  const change = await client.mutate({ mutation: AdjustCreditDocument, variables: { input } });
  assert.equal(change.data?.adjustCredit?.account?.available, "5.00");
  assert.deepEqual(sent.map(({ query, hashed }) => [Boolean(query), hashed]), [
    [false, true],
    [true, false],
    [true, false],
    [true, false],
  ]);
  client.stop();
});

test("urql: a hash that is refused is followed by the query", async () => {
  const sent: Sent[] = [];
  const client = new Client({
    url: uri,
    exchanges: [cacheExchange, persistedExchange({ preferGetForPersistedQueries: false }), fetchExchange],
    fetchOptions: { headers },
    fetch: noting(sent),
    preferGetMethod: false,
  });
  const input = { externalId: randomUUID(), name: "Ada Urql" };
  const added = await client.mutation(UpsertCustomerDocument, { input }).toPromise();
  const customerId = added.data?.upsertCustomer?.customer?.id;
  assert(customerId);
  const change = await client.mutation(AdjustCreditDocument, { input: adjustment(customerId) }).toPromise();
  assert.equal(change.data?.adjustCredit?.account?.available, "5.00");
  sent.length = 0;
  const { data, error } = await client.query(BalancesDocument, { customerId }).toPromise();
  assert.equal(error, undefined);
  assert.deepEqual(data?.balances?.map(({ asset, available }) => [asset, available]), [["GBP", "5.00"]]);
  assert.deepEqual(sent.map(({ query }) => Boolean(query)), [false, true]);
});
