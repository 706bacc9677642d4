// The files of clients/recipes, which scripts/test_clients.sh has put into build/recipes.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { ApolloClient, HttpLink } from "@apollo/client";
import { Client, fetchExchange } from "@urql/core";
import { Scrip, type TypedDocument } from "scrip-client";
import * as texts from "scrip-client/operations";
import { startScrip, type Scrip as Server } from "#server";
import {
  AdjustCreditDocument,
  BalancesDocument,
  CustomerDocument,
  LedgerDocument,
  UpsertCustomerDocument,
} from "./build/generated/graphql.js";
import { afterWrite, newCache } from "./build/recipes/apollo-cache.js";
import { OfflineQueue, type Waiting } from "./build/recipes/offline-queue.js";
import { newCacheExchange } from "./build/recipes/urql-cache.js";

const CLIENTS = process.cwd();

let scrip: Server;
let uri: string;
let token: string;
let headers: { authorization: string };

before(async () => {
  scrip = await startScrip();
  uri = `${scrip.url}/graphql`;
  token = await scrip.token("staff");
  headers = { authorization: `Bearer ${token}` };
});

after(() => scrip?.stop());

function adjustment(customerId: string, amount: string) {
  return { customerId, amount, asset: "GBP", reason: "GOODWILL", idempotencyKey: randomUUID() };
}

/** How many requests went through, by the operation's name. */
function counting(asked: string[]): typeof fetch {
  return (target, init) => {
    asked.push(/(?:query|mutation) (\w+)/.exec(String(init?.body))?.[1] ?? "?");
    return fetch(target, init);
  };
}

test("Apollo Client: pages grow, a write changes what is shown, and what is known is not asked for again", async () => {
  const asked: string[] = [];
  const client = new ApolloClient({ link: new HttpLink({ uri, headers, fetch: counting(asked) }), cache: newCache() });
  const externalId = randomUUID();
  await client.mutate({ mutation: UpsertCustomerDocument, variables: { input: { externalId, name: "Ada Apollo" } } });
  const { data } = await client.query({ query: CustomerDocument, variables: { by: { externalId } } });
  const customerId = data?.customer?.id;
  assert(customerId);
  for (const amount of ["1.00", "2.00", "3.00"]) {
    await client.mutate({ mutation: AdjustCreditDocument, variables: { input: adjustment(customerId, amount) } });
  }
  const ledger = client.watchQuery({ query: LedgerDocument, variables: { customerId, first: 2 } });
  const shown = () => ledger.getCurrentResult().data;
  const amounts = () => (shown() as { ledger?: { edges: { node: { amount: string } }[] } } | undefined)?.ledger?.edges.map(({ node }) => node.amount);
  const watching = ledger.subscribe(() => {});
  const first = await ledger.refetch();
  await ledger.fetchMore({ variables: { after: first.data?.ledger?.pageInfo.endCursor } });
  for (let left = 1_500; amounts()?.length !== 3 && left > 0; left -= 1) await pause(20);
  assert.deepEqual(amounts(), ["1.00", "2.00", "3.00"]);

  await client.query({ query: BalancesDocument, variables: { customerId } });
  asked.length = 0;
  const input = adjustment(customerId, "4.00");
  await client.mutate({ mutation: AdjustCreditDocument, variables: { input }, update: afterWrite });
  const balances = await client.query({ query: BalancesDocument, variables: { customerId } });
  assert.equal(balances.data?.balances?.[0]?.available, "10.00");
  await client.query({ query: CustomerDocument, variables: { by: { id: customerId } } });
  assert(!asked.includes("Balances") && !asked.includes("Customer"), asked.join());
  watching.unsubscribe();
  client.stop();
});

test("urql: pages grow, a write changes what is shown, and what is known is not asked for again", async () => {
  const asked: string[] = [];
  const client = new Client({
    url: uri,
    exchanges: [newCacheExchange(), fetchExchange],
    fetch: counting(asked),
    fetchOptions: { headers },
    preferGetMethod: false,
  });
  const externalId = randomUUID();
  await client.mutation(UpsertCustomerDocument, { input: { externalId, name: "Ada Urql" } }).toPromise();
  const customer = (await client.query(CustomerDocument, { by: { externalId } }).toPromise()).data?.customer;
  assert(customer);
  const customerId = customer.id;
  for (const amount of ["1.00", "2.00", "3.00"]) {
    await client.mutation(AdjustCreditDocument, { input: adjustment(customerId, amount) }).toPromise();
  }
  const page = (after?: string | null) => client.query(LedgerDocument, { customerId, first: 2, after }).toPromise();
  const first = await page();
  const both = await page(first.data?.ledger?.pageInfo.endCursor);
  assert.deepEqual(both.data?.ledger?.edges.map(({ node }) => node.amount), ["1.00", "2.00", "3.00"]);

  await client.query(BalancesDocument, { customerId }).toPromise();
  asked.length = 0;
  await client.mutation(AdjustCreditDocument, { input: adjustment(customerId, "4.00") }).toPromise();
  const balances = await client.query(BalancesDocument, { customerId }).toPromise();
  assert.equal(balances.data?.balances?.[0]?.available, "10.00");
  await client.query(CustomerDocument, { by: { id: customerId } }).toPromise();
  assert(!asked.includes("Balances") && !asked.includes("Customer"), asked.join());
  assert.equal((await page()).data?.ledger?.edges.length, 2);
  assert(asked.includes("Ledger"), "a write makes the list old");
});

test("codegen in a project of one's own: from a server, and from a file", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "scrip-codegen-"));
  try {
    await mkdir(path.join(folder, "src"));
    await symlink(path.join(CLIENTS, "node_modules"), path.join(folder, "node_modules"));
    await cp(path.join(CLIENTS, "../../clients/recipes/codegen.ts"), path.join(folder, "codegen.ts"));
    const document = "query Mine($id: ID!) { customer(by: { id: $id }) { id name } }";
    await writeFile(path.join(folder, "src/mine.graphql"), document);
    const generate = (env: Record<string, string>) =>
      promisify(execFile)("npx", ["graphql-codegen", "--errors-only", "--config", "codegen.ts"], { cwd: folder, env: { ...process.env, ...env } });
    const generated = path.join(folder, "src/generated/graphql.ts");
    await generate({ SCRIP_URL: scrip.url, SCRIP_TOKEN: token });
    const asked = await readFile(generated, "utf8");
    assert.match(asked, /MineQueryVariables/);
    await rm(path.join(folder, "src/generated"), { recursive: true });
    await cp(path.join(CLIENTS, "../../schema.graphql"), path.join(folder, "schema.graphql"));
    await generate({ SCRIP_URL: "" });
    assert.match(await readFile(generated, "utf8"), /MineQueryVariables/);
    const manifest = JSON.parse(await readFile(path.join(folder, "src/generated/persisted-documents.json"), "utf8")) as object;
    assert.equal(Object.keys(manifest).length, 1);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("trusted documents: the manifest that the build writes is all that a server runs", async () => {
  const manifest = path.join(CLIENTS, "../../clients/typescript/documents.json");
  const only = await startScrip({ SCRIP_TRUSTED_DOCUMENTS: manifest, SCRIP_PAGES: "false" });
  try {
    const bearer = await only.token("staff");
    const trusting = new Scrip({ url: only.url, token: bearer, trusted: true });
    assert.equal((await trusting.ask(texts.ViewerDocument, {})).data.viewer?.role, "STAFF");
    const other = "query Mine { viewer { subject } }" as unknown as TypedDocument<unknown, object>;
    await assert.rejects(new Scrip({ url: only.url, token: bearer }).ask(other, {}), /DOCUMENT_NOT_TRUSTED/);
  } finally {
    await only.stop();
  }
});

test("an offline queue: kept, sent in order and once, put aside where it is refused", async () => {
  let network = false;
  let answers = true;
  const sent: string[] = [];
  const flaky: typeof fetch = async (target, init) => {
    if (!network) throw new TypeError("no network");
    const answer = await fetch(target, init);
    sent.push(JSON.parse(String(init?.body)).variables.input.amount);
    if (!answers) throw new TypeError("the answer was lost");
    return answer;
  };
  const client = new Scrip({ url: scrip.url, token, retries: { attempts: 2, firstMs: 1 }, fetch: flaky });
  let kept: string | null = null;
  const store = { load: async () => kept, save: async (text: string) => void (kept = text) };
  const done: Waiting[] = [];
  let now = Date.now();
  const writes = { adjustCredit: texts.AdjustCreditDocument };
  const open = () => new OfflineQueue(client, writes, store, (waiting) => done.push(waiting), () => now);
  const added = await new Scrip({ url: scrip.url, token }).do(
    texts.UpsertCustomerDocument,
    { input: { externalId: randomUUID(), name: "Ada Offline" } },
  );
  assert(added.done && added.payload.customer);
  const customerId = added.payload.customer.id;
  const wish = (amount: string) => ({ customerId, asset: "GBP", amount, reason: "GOODWILL" });

  for (const amount of ["1.00", "250.00", "2.00"]) await open().add("adjustCredit", wish(amount));
  await open().send();
  assert.deepEqual([sent, (await open().waiting()).length], [[], 3]);

  [network, answers] = [true, false];
  await open().send(); // the first is done, and nobody hears of it
  assert.deepEqual(sent, ["1.00", "1.00"]);
  answers = true;
  const queue = open();
  await Promise.all([queue.send(), queue.send()]);
  assert.deepEqual(done.map(({ input }) => input["amount"]), ["1.00", "2.00"]);
  const [refused] = await queue.waiting();
  assert.deepEqual(refused?.refused?.map(({ code }) => code), ["LIMIT_EXCEEDED"]);
  await queue.change(refused?.input.idempotencyKey ?? "", { amount: "3.00" });
  await queue.send();
  assert.deepEqual(await queue.waiting(), []);
  const balances = await new Scrip({ url: scrip.url, token }).ask(texts.BalancesDocument, { customerId });
  assert.equal(balances.data.balances?.[0]?.available, "6.00");

  await queue.add("adjustCredit", wish("9.00"));
  now += 90 * 24 * 60 * 60 * 1000;
  await queue.send();
  const [old] = await queue.waiting();
  assert.equal(old?.refused?.[0]?.code, "TOO_OLD");
  await queue.drop(old?.input.idempotencyKey ?? "");
  assert.deepEqual(await queue.waiting(), []);
});
