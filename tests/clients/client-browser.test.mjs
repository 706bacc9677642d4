// The TypeScript client in a browser: it has no dependencies, so its files are loaded as they are.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { startBrowser } from "./browser.mjs";
import { startScrip } from "./server.mjs";

const DIST = path.resolve(import.meta.dirname, "../../clients/typescript/dist");

test("the client in Chromium asks, writes, follows, and sends a file with progress", async () => {
  const scrip = await startScrip();
  const { browser, stop } = await startBrowser();
  try {
    const page = await (await browser.newContext({ bypassCSP: true })).newPage();
    await page.route("**/client/**", async (route) => {
      const body = await readFile(path.join(DIST, new URL(route.request().url()).pathname.replace("/client/", "")), "utf8");
      await route.fulfill({ body, contentType: "text/javascript" });
    });
    await page.goto(`${scrip.url}/`);
    const seen = await page.evaluate(async (token) => {
      const { newKey, Scrip } = await import(`${location.origin}/client/index.js`);
      const documents = await import(`${location.origin}/client/generated/graphql.js`);
      const client = new Scrip({ url: location.origin, token });
      const externalId = newKey();
      await client.do(documents.UpsertCustomerDocument, { input: { externalId, name: "Ada Browser" } });
      const { customer } = (await client.ask(documents.CustomerDocument, { by: { externalId } })).data;
      const after = (await client.ask(documents.NewestEventDocument, {})).data.events.pageInfo.endCursor;
      const following = { after, types: ["CREDIT_ADJUSTED"], customerId: customer.id };
      const follow = client.follow(documents.FollowEventsDocument, following);
      const next = follow.next();
      const input = { customerId: customer.id, asset: "GBP", amount: "3.00", reason: "GOODWILL", idempotencyKey: newKey() };
      const { done } = await client.do(documents.AdjustCreditDocument, { input });
      const amount = (await next).value.node.movements[0].amount;
      await follow.return();
      const told = [];
      const file = new File(["customer,amount\n16013,5\n"], "points.csv");
      const onProgress = (sent, total) => told.push([sent, total]);
      const sent = await client.uploadCredits(file, { asset: "POINTS", reason: "PROMOTION" }, { key: newKey(), onProgress });
      const { status, succeeded } = await client.waitFor(sent.operation);
      const refused = await client.uploadCredits(file, { asset: "EGGS" }, { key: newKey(), onProgress }).catch((error) => error);
      return { done, amount, last: told[0], status, succeeded, refused: refused.code ?? refused.userErrors[0].code };
    }, await scrip.token("manager"));
    assert.deepEqual([seen.done, seen.amount, seen.last, seen.status, seen.succeeded], [true, "3.00", [24, 24], "COMPLETED", 1]);
    assert.match(seen.refused, /^[A-Z_]+$/);
  } finally {
    await stop();
    await scrip.stop();
  }
});
