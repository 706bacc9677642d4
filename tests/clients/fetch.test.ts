// The generated TypeScript client over plain fetch.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { type GraphQLFormattedError, print } from "graphql";
import { startScrip, type Scrip } from "#server";
import {
  AdjustCreditDocument,
  type AdjustCreditInput,
  CustomersDocument,
  LedgerDocument,
  UpsertCustomerDocument,
  ViewerDocument,
} from "./build/generated/graphql.js";

interface Answer<Data> {
  data?: Data | null;
  errors?: GraphQLFormattedError[];
}

let scrip: Scrip;
let token: string;

before(async () => {
  scrip = await startScrip();
  token = await scrip.token("staff");
});

after(() => scrip?.stop());

async function send<Data, Variables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  bearer = token,
): Promise<Answer<Data>> {
  const response = await fetch(`${scrip.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${bearer}` },
    body: JSON.stringify({ query: print(document), variables }),
  });
  return (await response.json()) as Answer<Data>;
}

async function ask<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
  const { data, errors } = await send(document, variables);
  if (!data || errors) throw new Error(errors?.map(({ message }) => message).join("; ") ?? "No data");
  return data;
}

async function newCustomer(): Promise<string> {
  const input = { externalId: randomUUID(), name: "Ada Client" };
  const { upsertCustomer } = await ask(UpsertCustomerDocument, { input });
  assert(upsertCustomer?.customer);
  return upsertCustomer.customer.id;
}

function adjustment(customerId: string, amount: string): AdjustCreditInput {
  return { customerId, amount, asset: "GBP", reason: "GOODWILL", idempotencyKey: randomUUID() };
}

test("a request sent again with its key is answered again, and nothing moves", async () => {
  const input = adjustment(await newCustomer(), "5.00");
  const first = (await ask(AdjustCreditDocument, { input })).adjustCredit;
  const again = (await ask(AdjustCreditDocument, { input })).adjustCredit;
  assert.deepEqual([first?.replayed, again?.replayed], [false, true]);
  assert.deepEqual([first?.account?.available, again?.account?.available], ["5.00", "5.00"]);
  assert.equal(again?.transaction?.id, first?.transaction?.id);
});

test("a key that was used for something else is a userError", async () => {
  const input = adjustment(await newCustomer(), "5.00");
  await ask(AdjustCreditDocument, { input });
  const { adjustCredit } = await ask(AdjustCreditDocument, { input: { ...input, amount: "6.00" } });
  assert.deepEqual(adjustCredit?.userErrors.map(({ code }) => code), ["IDEMPOTENCY_KEY_REUSED"]);
});

test("what a limit forbids is a userError that says what is left", async () => {
  const customerId = await newCustomer();
  const { adjustCredit } = await ask(AdjustCreditDocument, { input: adjustment(customerId, "250.00") });
  const [error] = adjustCredit?.userErrors ?? [];
  assert.equal(error?.code, "LIMIT_EXCEEDED");
  assert.deepEqual(error.field, ["amount"]);
  assert.equal(error.remaining?.find(({ scope }) => scope === "PER_ADJUSTMENT")?.remaining, "100.00");
  assert.deepEqual((await ask(LedgerDocument, { customerId })).ledger?.edges, []);
});

test("a ledger is read a page at a time, from its start and from its end", async () => {
  const customerId = await newCustomer();
  for (const amount of ["1.00", "2.00", "3.00", "4.00", "5.00"]) {
    await ask(AdjustCreditDocument, { input: adjustment(customerId, amount) });
  }
  const forwards: string[] = [];
  for (let after: string | null | undefined, more = true; more; ) {
    const { ledger } = await ask(LedgerDocument, { customerId, first: 2, after });
    assert(ledger && ledger.edges.length <= 2);
    forwards.push(...ledger.edges.map(({ node }) => node.amount));
    more = ledger.pageInfo.hasNextPage;
    after = ledger.pageInfo.endCursor;
  }
  assert.deepEqual(forwards, ["1.00", "2.00", "3.00", "4.00", "5.00"]);

  const backwards: string[] = [];
  for (let before: string | null | undefined, more = true; more; ) {
    const { ledger } = await ask(LedgerDocument, { customerId, last: 2, before });
    assert(ledger && ledger.edges.length <= 2);
    backwards.unshift(...ledger.edges.map(({ node }) => node.amount));
    more = ledger.pageInfo.hasPreviousPage;
    before = ledger.pageInfo.startCursor;
  }
  assert.deepEqual(backwards, forwards);
});

test("without a good token, and without the right, there are errors with a code, and no data", async () => {
  const unknown = await send(ViewerDocument, {}, "nobody");
  assert.deepEqual(unknown.errors?.map(({ extensions }) => extensions?.code), ["UNAUTHENTICATED"]);
  const partner = await scrip.token("partner", "--scope", "ledger:read");
  const refused = await send(CustomersDocument, {}, partner);
  assert.deepEqual(refused.errors?.map(({ extensions }) => extensions?.code), ["FORBIDDEN"]);
  assert.equal(refused.data?.customers, null);
});
