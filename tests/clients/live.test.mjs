// Subscriptions, as the clients that people use ask for them.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Client, cacheExchange, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient as createStreamClient } from "graphql-sse";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { startBrowser } from "./browser.mjs";
import { startScrip } from "./server.mjs";

const LIVE = `subscription ($after: String) {
  events(after: $after, types: [CREDIT_ADJUSTED]) { cursor node { position kind customerId } }
}`;
const FEED = `query ($after: String) {
  events(first: 100, after: $after, types: [CREDIT_ADJUSTED]) { edges { cursor node { position kind customerId } } }
}`;
const NEWEST = "query { events(last: 1) { pageInfo { endCursor } } }";
const UPSERT = 'mutation { upsertCustomer(input: { externalId: "live", name: "Liv" }) { customer { id } userErrors { code } } }';
const ADJUST = `mutation ($input: AdjustCreditInput!) {
  adjustCredit(input: $input) { userErrors { code } }
}`;
const PATIENCE_MS = 60_000;
const AGAIN_MS = 500;
const STOP = Symbol("stop");

let scrip;
let token;
let customer;
let number = 0;

before(async () => {
  scrip = await startScrip();
  token = await scrip.token("manager");
  customer = (await post(UPSERT)).upsertCustomer.customer.id;
  // Behind all of the sample, whose events get their positions soon after it is there.
  await adjust();
  await settled();
});

after(() => scrip?.stop());

async function post(query, variables) {
  const response = await fetch(`${scrip.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined);
  return data;
}

async function adjust() {
  number += 1;
  const input = { customerId: customer, asset: "GBP", amount: "1.00", reason: "GOODWILL", idempotencyKey: `live-${number}` };
  assert.deepEqual((await post(ADJUST, { input })).adjustCredit.userErrors, []);
}

/** What is posted once the subscription has begun; given again and again, since a client does not say when it has. */
async function firstOf(follow) {
  let told;
  const first = new Promise((resolve) => (told = resolve));
  const stop = follow((message) => told(message));
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
    await adjust();
    const message = await Promise.race([first, pause(AGAIN_MS)]);
    if (message) {
      stop();
      return message;
    }
  }
  throw new Error("no event came");
}

/** Goes on from a cursor: what was posted in between comes, all of it, and nothing else. */
async function goesOn(follow, cursor, expected) {
  const seen = [];
  let done;
  const all = new Promise((resolve) => (done = resolve));
  const stop = follow((message) => seen.push(Number(message.data.events.node.position)) === expected && done(), cursor);
  await Promise.race([all, pause(PATIENCE_MS)]);
  stop();
  assert.deepEqual(seen, [...new Set(seen)].sort((one, other) => one - other));
  assert.equal(seen.length, expected);
}

/** Waits until all that was posted here has its position. */
async function settled() {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await pause(100)) {
    if ((await positions(null, customer)) === number) return;
  }
  assert.fail("not all that was posted has its position");
}

async function cursorOfNow() {
  await settled();
  return (await post("query { events(last: 1) { pageInfo { endCursor } } }")).events.pageInfo.endCursor;
}

/** How many events follow a cursor, of anybody or of one. */
async function positions(cursor, customerId = null) {
  const query = `query ($after: String, $customerId: ID) {
    events(after: $after, customerId: $customerId, first: 100, types: [CREDIT_ADJUSTED]) {
      edges { cursor } pageInfo { hasNextPage endCursor } } }`;
  let found = 0;
  for (let after = cursor; ; ) {
    const { edges, pageInfo } = (await post(query, { after, customerId })).events;
    found += edges.length;
    if (!pageInfo.hasNextPage) return found;
    after = pageInfo.endCursor;
  }
}

async function isFollowed(follow) {
  const first = await firstOf(follow);
  assert.equal(first.errors, undefined);
  const { cursor, node } = first.data.events;
  assert.deepEqual([node.kind, node.customerId], ["CREDIT_ADJUSTED", customer]);
  for (let each = 0; each < 3; each += 1) await adjust();
  await settled();
  await goesOn(follow, cursor, await positions(cursor));
}

test("graphql-ws", async () => {
  const client = createClient({
    url: `${scrip.url.replace("http", "ws")}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Bearer ${token}` },
  });
  await isFollowed((next, cursor) =>
    client.subscribe({ query: LIVE, variables: { after: cursor } }, { next, error: assert.fail, complete() {} }),
  );
  await client.dispose();
});

/** As docs/events.md has it. */
async function follow(client, seen) {
  let after = await seen.last();
  for (;;) {
    try {
      if (after === undefined) {
        const cursor = await newest(client);
        await seen.begin(cursor);
        after = cursor;
      }
      const query = after === null ? FEED : LIVE;
      for await (const { data, errors } of client.iterate({ query, variables: { after } })) {
        if (errors) throw errors;
        for (const edge of data.events.edges ?? [data.events]) {
          await seen.keep(edge);
          after = edge.cursor;
        }
      }
    } catch (error) {
      seen.failed(error);
    }
    await new Promise((resolve) => setTimeout(resolve, 1000 + 2000 * Math.random()));
  }
}

async function newest(client) {
  for await (const { data, errors } of client.iterate({ query: NEWEST })) {
    if (errors) throw errors;
    return data.events.pageInfo.endCursor;
  }
}

/** What is told goes into a list, until there are so many, or it takes too long. */
function listing(expected, more) {
  const end = Date.now() + PATIENCE_MS;
  const positions = [];
  return {
    positions,
    begin: assert.fail,
    failed(error) {
      if (error === STOP || Date.now() >= end) throw error;
    },
    async keep({ node }) {
      positions.push(Number(node.position));
      await this.told?.();
      if (positions.length === expected()) throw STOP;
    },
    ...more,
  };
}

/** A client whose connections are kept. opened: called with each. */
function loseable(opened = () => {}) {
  const sockets = [];
  class Kept extends WebSocket {
    constructor(...given) {
      super(...given);
      sockets.push(this);
      opened(this, sockets.length);
    }
  }
  const client = createClient({
    url: `${scrip.url.replace("http", "ws")}/graphql`,
    webSocketImpl: Kept,
    connectionParams: { Authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  return { client, sockets };
}

/** Follows until all is told, and looks at what was. */
async function allIsTold({ client, sockets }, seen, expected) {
  const ending = setTimeout(() => sockets.at(-1).terminate(), PATIENCE_MS);
  await assert.rejects(follow(client, seen), (error) => error === STOP);
  clearTimeout(ending);
  assert.equal(seen.positions.length, expected);
  assert.deepEqual(seen.positions, [...new Set(seen.positions)].sort((one, other) => one - other));
  await client.dispose();
}

test("graphql-ws, whose connection is lost: it goes on behind what was kept", async () => {
  const kept = loseable();
  const begin = await cursorOfNow();
  for (let each = 0; each < 6; each += 1) await adjust();
  await settled();
  const expected = (await positions(begin)) + 3;
  const seen = listing(() => expected, {
    last: async () => begin,
    async told() {
      if (seen.positions.length !== 2) return;
      kept.sockets.at(-1).terminate();
      for (let each = 0; each < 3; each += 1) await adjust();
    },
  });
  await allIsTold(kept, seen, expected);
  assert.ok(kept.sockets.length > 1, "the connection was not lost");
});

test("graphql-ws, whose connection is lost before the first message: nothing is left out", async () => {
  await settled();
  // The first asks for the newest event, the second follows; what is given once that is lost comes on the third.
  const kept = loseable((socket, count) => {
    if (count !== 2) return;
    socket.on("open", () => {
      socket.terminate();
      void adjust();
    });
  });
  const cursors = [];
  const seen = listing(() => 2, {
    last: async () => undefined,
    begin: async (cursor) => {
      cursors.push(cursor);
      await adjust();
    },
  });
  await allIsTold(kept, seen, 2);
  assert.ok(kept.sockets.length > 2, "the connection was not lost");
  assert.equal(cursors.length, 1);
  assert.ok(cursors[0]);
});

test("a feed that was empty is read from its beginning", async () => {
  const edge = (position) => ({ cursor: `c${position}`, node: { position } });
  const pages = [{ pageInfo: { endCursor: null } }, { edges: [] }, { edges: [edge("1"), edge("2")] }, edge("3")];
  const asked = [];
  const client = {
    async *iterate({ query, variables }) {
      asked.push([query, variables?.after]);
      yield { data: { events: pages.shift() } };
    },
  };
  const cursors = [];
  const seen = listing(() => 3, { last: async () => undefined, begin: async (cursor) => cursors.push(cursor) });
  await assert.rejects(follow(client, seen), (error) => error === STOP);
  assert.deepEqual(seen.positions, [1, 2, 3]);
  assert.deepEqual(asked, [[NEWEST, undefined], [FEED, null], [FEED, null], [LIVE, "c2"]]);
  assert.deepEqual(cursors, [null]);
});

test("graphql-sse", async () => {
  const client = createStreamClient({ url: `${scrip.url}/graphql`, headers: { Authorization: `Bearer ${token}` } });
  await isFollowed((next, cursor) =>
    client.subscribe({ query: LIVE, variables: { after: cursor } }, { next, error: assert.fail, complete() {} }),
  );
  client.dispose();
});

test("graphql-sse is told what is wrong, as an event", async () => {
  const client = createStreamClient({ url: `${scrip.url}/graphql`, headers: { Authorization: `Bearer ${token}` } });
  const seen = [];
  for await (const result of client.iterate({ query: "subscription { nothing }" })) seen.push(result);
  assert.deepEqual(seen.map(({ errors }) => errors[0].extensions.code), ["GRAPHQL_VALIDATION_FAILED"]);
  client.dispose();
});

test("urql, over graphql-ws", async () => {
  const socket = createClient({
    url: `${scrip.url.replace("http", "ws")}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Bearer ${token}` },
  });
  const forwardSubscription = (request) => ({
    subscribe: (sink) => ({ unsubscribe: socket.subscribe({ ...request, query: request.query ?? "" }, sink) }),
  });
  const client = new Client({
    url: `${scrip.url}/graphql`,
    preferGetMethod: false,
    exchanges: [cacheExchange, fetchExchange, subscriptionExchange({ forwardSubscription })],
  });
  await isFollowed((next, cursor) => {
    const followed = client.subscription(LIVE, { after: cursor }).subscribe(({ data, error }) => {
      assert.equal(error, undefined);
      next({ data });
    });
    return () => followed.unsubscribe();
  });
  await socket.dispose();
});

test("urql by itself, as a stream of events", async () => {
  const client = new Client({
    url: `${scrip.url}/graphql`,
    preferGetMethod: false,
    fetchSubscriptions: true,
    fetchOptions: { headers: { authorization: `Bearer ${token}`, accept: "text/event-stream" } },
    exchanges: [fetchExchange],
  });
  await isFollowed((next, cursor) => {
    const followed = client.subscription(LIVE, { after: cursor }).subscribe(({ data, error }) => {
      if (!error) next({ data });
    });
    return () => followed.unsubscribe();
  });
});

test("both clients in Chromium", async () => {
  const { browser, stop } = await startBrowser();
  try {
    const page = await (await browser.newContext({ bypassCSP: true })).newPage();
    await page.goto(`${scrip.url}/examples`);
    for (const name of ["graphql-ws", "graphql-sse"]) {
      const file = new URL(`node_modules/${name}/umd/${name}.min.js`, import.meta.url);
      await page.addScriptTag({ content: await readFile(file, "utf8") });
    }
    await page.evaluate(
      ({ query, bearer }) => {
        window.seen = { ws: [], sse: [] };
        const url = `${location.origin}/graphql`;
        const sockets = graphqlWs.createClient({
          url: url.replace("http", "ws"),
          connectionParams: { Authorization: bearer },
        });
        const streams = graphqlSse.createClient({ url, headers: { Authorization: bearer } });
        for (const [name, client] of [["ws", sockets], ["sse", streams]]) {
          const next = ({ data }) => window.seen[name].push(data.events.node.kind);
          client.subscribe({ query }, { next, error: (error) => window.seen[name].push(`${error}`), complete() {} });
        }
      },
      { query: LIVE, bearer: `Bearer ${token}` },
    );
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
      await adjust();
      await pause(AGAIN_MS);
      const { ws, sse } = await page.evaluate(() => window.seen);
      if (ws.length && sse.length) break;
    }
    const { ws, sse } = await page.evaluate(() => window.seen);
    assert.deepEqual([ws[0], sse[0]], ["CREDIT_ADJUSTED", "CREDIT_ADJUSTED"]);
  } finally {
    await stop();
  }
});
