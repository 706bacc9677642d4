// The TypeScript client (clients/typescript) against a server, and what it sends again.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { formatMoney, newKey, Scrip, ScripError, type TypedDocument } from "scrip-client";
import {
  AdjustCreditDocument,
  BulkOperationDocument,
  CustomerDocument,
  CustomersDocument,
  FollowEventsDocument,
  LedgerDocument,
  NewestEventDocument,
  PreviewAdjustmentDocument,
  UpsertCustomerDocument,
  ViewerDocument,
} from "scrip-client/operations";
import { WebSocket } from "ws";
import { startScrip, type Scrip as Server } from "#server";

type Reply = Response | Error;
type Data = { act: { replayed: boolean; userErrors: { code: string }[] } | null };

const QUICK = { attempts: 3, firstMs: 1, longestMs: 1_000 };
const DO = "mutation Do($input: I!) { act(input: $input) { replayed } }" as unknown as TypedDocument<Data, { input: object }>;
const ASK = "query Ask { act { replayed } }" as unknown as TypedDocument<Data, object>;
const KEYED = { input: { idempotencyKey: "k", amount: "1" } };
const BARE = { input: { name: "Ann" } };
const done = () => Response.json({ data: { act: { replayed: false, userErrors: [] } } });
const lost = () => new TypeError("fetch failed");

function failed(status: number, code: string, headers: Record<string, string> = {}): Response {
  return Response.json({ errors: [{ message: "no", extensions: { code } }] }, { status, headers });
}

function refused(code: string): Response {
  return Response.json({ data: { act: { userErrors: [{ code, message: "no", field: ["amount"] }] } } });
}

/** A client at a server that answers with each of these in turn, and what it was sent. */
function scripted(replies: Reply[], token: string | (() => string) = "t") {
  const sent: { body: string; bearer: string }[] = [];
  const answer: typeof fetch = async (_target, init) => {
    sent.push({ body: String(init?.body), bearer: new Headers(init?.headers).get("authorization") ?? "" });
    const reply = replies.shift();
    if (!reply) throw new Error("asked too often");
    if (reply instanceof Error) throw reply;
    return reply;
  };
  return { client: new Scrip({ url: "http://scrip", token, retries: QUICK, fetch: answer }), sent };
}

async function error(promise: Promise<unknown>): Promise<ScripError> {
  const caught = await promise.then(() => undefined, (reason: unknown) => reason);
  assert(caught instanceof ScripError, `${caught}`);
  return caught;
}

test("a mutation with a key is sent again as it was", async () => {
  for (const reply of [lost(), failed(503, "UNAVAILABLE"), failed(502, "x"), failed(503, "TIMEOUT"), failed(429, "RATE_LIMITED")]) {
    const { client, sent } = scripted([reply, done()]);
    assert.equal((await client.do(DO, KEYED)).done, true);
    assert.equal(sent[0]?.body, sent[1]?.body);
  }
});

test("one without a key is not, if it may have been done; unless the caller says so", async () => {
  for (const reply of [lost(), failed(503, "UNAVAILABLE"), failed(503, "TIMEOUT")]) {
    const { client, sent } = scripted([reply, done()]);
    assert.equal((await error(client.do(DO, BARE))).unknown, true);
    assert.equal(sent.length, 1);
  }
  assert.equal((await scripted([lost(), done()]).client.do(DO, BARE, { again: true })).done, true);
});

test("one without a key is, if nothing of it was done", async () => {
  for (const reply of [failed(429, "RATE_LIMITED"), failed(503, "BUSY"), refused("UNAVAILABLE")]) {
    const { client, sent } = scripted([reply, done()]);
    assert.equal((await client.do(DO, BARE)).done, true);
    assert.equal(sent.length, 2);
  }
});

test("it gives up after so many attempts, and waits no longer than it was told to", async () => {
  const many = scripted([lost(), lost(), lost()]);
  assert.equal((await error(many.client.ask(ASK, {}))).code, "NO_ANSWER");
  assert.equal(many.sent.length, 3);
  const long = scripted([failed(429, "RATE_LIMITED", { "retry-after": "60", "x-request-id": "r-1" })]);
  const { retryAfter, requestId, status } = await error(long.client.ask(ASK, {}));
  assert.deepEqual([retryAfter, requestId, status], [60, "r-1", 429]);
});

test("a token is asked for anew, once", async () => {
  const tokens = ["old", "new"];
  const { client, sent } = scripted([failed(401, "UNAUTHENTICATED"), done()], () => tokens.shift() ?? "");
  assert.equal((await client.do(DO, KEYED)).done, true);
  assert.deepEqual(sent.map(({ bearer }) => bearer), ["Bearer old", "Bearer new"]);
  const fixed = scripted([failed(401, "UNAUTHENTICATED")]);
  assert.equal((await error(fixed.client.ask(ASK, {}))).code, "UNAUTHENTICATED");
});

test("a root field that failed is an exception, and one below it is told", async () => {
  const told = (path: string[]) => ({ message: "no", path, extensions: { code: "FORBIDDEN", missing: ["ledger:read"] } });
  const below = scripted([Response.json({ data: { act: { replayed: null } }, errors: [told(["act", "replayed"])] })]);
  const { faults } = await below.client.ask(ASK, {});
  assert.deepEqual(faults.map(({ code, path }) => [code, path]), [["FORBIDDEN", ["act", "replayed"]]]);
  const root = scripted([Response.json({ data: { act: null }, errors: [told(["act"])] })]);
  assert.deepEqual((await error(root.client.ask(ASK, {}))).faults[0].extensions["missing"], ["ledger:read"]);
});

test("an aborted request is the signal's, and is not sent again", async () => {
  const stop = new AbortController();
  const { client, sent } = scripted([lost(), done()]);
  stop.abort(new Error("closed"));
  await assert.rejects(client.ask(ASK, {}, { signal: stop.signal }), /closed/);
  assert.equal(sent.length, 1);
});

const FOLLOW = "subscription ($after: String) { events(after: $after) { cursor } }" as unknown as TypedDocument<
  { events: { cursor: string } },
  { after?: string }
>;
const COMPLETE = "event: complete\n\n";
const stream = (...parts: string[]) => new Response(parts.join(""), { headers: { "content-type": "text/event-stream" } });
const next = (result: object) => `event: next\ndata: ${JSON.stringify(result)}\n\n`;
const told = (...cursors: string[]) => cursors.map((cursor) => next({ data: { events: { cursor } } })).join("");
const faulty = (code: string) => next({ errors: [{ message: "", extensions: { code } }], data: { events: null } });

/** The cursors of what is told by these replies in turn, and after which each was asked for. */
async function followed(replies: Reply[]) {
  const { client, sent } = scripted(replies);
  const seen: string[] = [];
  for await (const { cursor } of client.follow(FOLLOW, { after: "0" })) seen.push(cursor);
  return [seen, sent.map(({ body }) => JSON.parse(body).variables.after)];
}

test("a subscription goes on after its last message", async () => {
  const slow = stream(faulty("TOO_SLOW"), COMPLETE);
  const replies = [stream(told("1", "2")), lost(), failed(503, "UNAVAILABLE"), slow, stream(told("3"), COMPLETE)];
  assert.deepEqual(await followed(replies), [["1", "2", "3"], ["0", "2", "2", "2", "2"]]);
  const bad = scripted([stream(faulty("FORBIDDEN"), COMPLETE)]);
  assert.equal((await error(bad.client.follow(FOLLOW, {}).next())).code, "FORBIDDEN");
});

test("a message of a subscription that failed is asked for again", async () => {
  for (const code of ["BUSY", "TIMEOUT", "UNAVAILABLE"]) {
    const first = stream(told("1"), faulty(code), told("3"));
    const again = stream(faulty(code), told("3"), COMPLETE);
    const replies = [first, again, stream(told("2", "3"), COMPLETE)];
    assert.deepEqual(await followed(replies), [["1", "2", "3"], ["0", "1", "1"]]);
  }
});

test("a list goes on from page to page, by nodes or by edges", async () => {
  type Page = { rows: { nodes: number[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } };
  const LIST = "query ($after: String) { rows(after: $after) { nodes } }" as unknown as TypedDocument<Page, { after?: string }>;
  const first = { data: { rows: { nodes: [1, 2], pageInfo: { hasNextPage: true, endCursor: "c" } } } };
  const last = { data: { rows: { edges: [{ node: 3 }], pageInfo: { hasNextPage: false, endCursor: "d" } } } };
  const { client, sent } = scripted([Response.json(first), Response.json(last)]);
  const rows: number[] = [];
  for await (const row of client.list(LIST, {}, (data) => data.rows)) rows.push(row);
  assert.deepEqual(rows, [1, 2, 3]);
  assert.deepEqual(sent.map(({ body }) => JSON.parse(body).variables.after), [undefined, "c"]);
});

let server: Server;
let scrip: Scrip;

before(async () => {
  server = await startScrip();
  const token = await server.token("manager");
  scrip = new Scrip({ url: server.url, token: () => token });
});

after(() => server?.stop());

async function newCustomer(): Promise<string> {
  const added = await scrip.do(UpsertCustomerDocument, { input: { externalId: newKey(), name: "Ada Client" } });
  assert(added.done && added.payload.customer);
  return added.payload.customer.id;
}

function adjustment(customerId: string, amount: string) {
  return { input: { customerId, amount, asset: "GBP", reason: "GOODWILL", idempotencyKey: newKey() } };
}

test("writes are done, done before, or refused", async () => {
  const wish = adjustment(await newCustomer(), "5.00");
  const [first, again] = [await scrip.do(AdjustCreditDocument, wish), await scrip.do(AdjustCreditDocument, wish)];
  assert(first.done && again.done);
  assert.deepEqual([first.payload.replayed, again.payload.replayed], [false, true]);
  const refused = await scrip.do(AdjustCreditDocument, adjustment(wish.input.customerId, "5.001"));
  assert(!refused.done);
  assert.deepEqual(refused.userErrors.map(({ code, field }) => [code, field]), [["AMOUNT_PRECISION", ["amount"]]]);
  const nobody = new Scrip({ url: server.url, token: "nobody" });
  assert.equal((await error(nobody.ask(ViewerDocument, {}))).code, "UNAUTHENTICATED");
});

test("a preview tells what would be done, or why not", async () => {
  const { idempotencyKey: _, ...input } = adjustment(await newCustomer(), "5.00").input;
  const seen = await scrip.preview(PreviewAdjustmentDocument, { input });
  assert(seen.done);
  assert.deepEqual(seen.payload.availableAfterMoney, { amount: "5.00", asset: "GBP" });
  assert.equal(formatMoney(seen.payload.availableAfterMoney, "en-GB"), "£5.00");
  const refused = await scrip.preview(PreviewAdjustmentDocument, { input: { ...input, amount: "5.001" } });
  assert(!refused.done);
  assert.deepEqual(refused.userErrors.map(({ code }) => code), ["AMOUNT_PRECISION"]);
});

test("amounts are shown as they are, with their unit", () => {
  const shown = (amount: string, asset: string, locale: string) => formatMoney({ amount, asset }, locale).replace(/\s/g, " ");
  assert.equal(shown("1234.50", "EUR", "de-DE"), "1.234,50 €");
  assert.equal(shown("-3", "JPY", "en-GB"), "-JP¥3");
  assert.equal(shown("9999999999999.99", "GBP", "en-GB"), "£9,999,999,999,999.99");
  assert.equal(shown("1200", "POINTS", "en-GB"), "1,200");
});

test("a list is filtered and sorted", async () => {
  const externalId = newKey();
  const added = await scrip.do(UpsertCustomerDocument, { input: { externalId, name: "Ada Maria Filter" } });
  assert(added.done);
  const names: string[] = [];
  const variables = { filter: { search: externalId.slice(0, 12) }, sortBy: "NAME" as const };
  for await (const { name } of scrip.list(CustomersDocument, variables, ({ customers }) => customers)) names.push(name);
  assert.deepEqual(names, ["Ada Maria Filter"]);
});

test("events come over a WebSocket as well", async () => {
  const customerId = await newCustomer();
  const token = await server.token("manager");
  const tokens = ["nobody", token];
  const live = { url: server.url, live: "websocket" as const, WebSocket, retries: QUICK };
  const follower = new Scrip({ ...live, token: () => tokens.shift() ?? token });
  const after = (await scrip.ask(NewestEventDocument, {})).data.events?.pageInfo.endCursor;
  for (const amount of ["1.00", "2.00"]) assert((await scrip.do(AdjustCreditDocument, adjustment(customerId, amount))).done);
  const seen: string[] = [];
  const variables = { customerId, types: ["CREDIT_ADJUSTED" as const], ...(after ? { after } : {}) };
  for await (const { node } of follower.follow(FollowEventsDocument, variables)) {
    if ("movements" in node) seen.push(...node.movements.map(({ amount }) => amount));
    if (seen.length === 2) assert((await scrip.do(AdjustCreditDocument, adjustment(customerId, "3.00"))).done);
    if (seen.length === 3) break;
  }
  assert.deepEqual(seen, ["1.00", "2.00", "3.00"]);
  const nobody = new Scrip({ ...live, token: "nobody" });
  assert.equal((await error(nobody.follow(FollowEventsDocument, {}).next())).code, "UNAUTHENTICATED");
  const strange = "subscription { nothing }" as unknown as typeof FollowEventsDocument;
  assert.equal((await error(new Scrip({ ...live, token }).follow(strange, {}).next())).code, "GRAPHQL_VALIDATION_FAILED");
  const stop = new AbortController();
  const waiting = follower.follow(FollowEventsDocument, { customerId }, { signal: stop.signal }).next();
  setTimeout(() => stop.abort(new Error("closed")), 300);
  await assert.rejects(waiting, /closed/);
});

test("lists and events come one by one", async () => {
  const customerId = await newCustomer();
  const after = (await scrip.ask(NewestEventDocument, {})).data.events?.pageInfo.endCursor;
  for (const amount of ["1.00", "2.00", "3.00"]) assert((await scrip.do(AdjustCreditDocument, adjustment(customerId, amount))).done);
  const rows: string[] = [];
  for await (const { amount } of scrip.list(LedgerDocument, { customerId, first: 2 }, ({ ledger }) => ledger)) rows.push(amount);
  assert.deepEqual(rows, ["1.00", "2.00", "3.00"]);

  const seen: string[] = [];
  const variables = { customerId, types: ["CREDIT_ADJUSTED" as const], ...(after ? { after } : {}) };
  for await (const { node } of scrip.follow(FollowEventsDocument, variables)) {
    if ("movements" in node) seen.push(...node.movements.map(({ amount }) => amount));
    if (seen.length === 3) break;
  }
  assert.deepEqual(seen, rows);
  assert.equal((await scrip.ask(CustomerDocument, { by: { id: customerId } })).data.customer?.name, "Ada Client");
});

test("a file is sent with progress, waited for, and reported on", async () => {
  const text = "customer,amount\n16013,5\nnobody,5\n";
  const told: [number, number][] = [];
  const file = new File([text], "points.csv");
  const parameters = { asset: "POINTS", reason: "PROMOTION", errorPolicy: "SKIP_FAILED" } as const;
  const sent = await scrip.uploadCredits(file, parameters, { key: "points", onProgress: (...now) => told.push(now) });
  const again = await scrip.uploadCredits(file, parameters, { key: "points" });
  assert(sent.done && again.done);
  assert.deepEqual([again.operation, again.replayed, told], [sent.operation, true, [[text.length, text.length]]]);
  const { status, succeeded, failed: bad } = await scrip.waitFor(sent.operation);
  assert.deepEqual([status, succeeded, bad], ["COMPLETED", 1, 1]);
  assert.match(await scrip.report(sent.operation, { onlyFailed: true }), /nobody/);
  const rows = scrip.list(BulkOperationDocument, { id: sent.operation }, ({ bulkOperation }) => bulkOperation?.rows);
  for await (const { errors } of rows) assert.deepEqual(errors?.map(({ code }) => code), ["NOT_FOUND"]);
  const refused = await scrip.uploadCredits(file, { asset: "GBP" }, { key: "points" });
  assert(!refused.done);
  assert.deepEqual(refused.userErrors.map(({ code }) => code), ["IDEMPOTENCY_KEY_REUSED"]);
});
