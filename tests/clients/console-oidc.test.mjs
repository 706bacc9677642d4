// Signing in to the console with an identity provider: code and PKCE, against one that is as strict as the standard asks.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { startBrowser } from "./browser.mjs";
import { startScrip } from "./server.mjs";

let provider;
let scrip;
let chromium;
/** What each code was asked for with. */
const asked = new Map();
const exchanged = [];

before(async () => {
  provider = createServer(answer).listen(0, "127.0.0.1");
  await new Promise((resolve) => provider.once("listening", resolve));
  const issuer = `http://127.0.0.1:${provider.address().port}`;
  scrip = await startScrip({ SCRIP_CONSOLE_ISSUER: issuer, SCRIP_CONSOLE_CLIENT_ID: "console" });
  chromium = await startBrowser();
});

after(async () => {
  await chromium?.stop();
  await scrip?.stop();
  provider?.close();
});

async function answer(request, response) {
  const url = new URL(request.url, `http://${request.headers.host}`);
  response.setHeader("access-control-allow-origin", request.headers.origin ?? "*");
  const json = (status, body) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  if (url.pathname === "/.well-known/openid-configuration") {
    json(200, { issuer: url.origin, authorization_endpoint: `${url.origin}/authorize`, token_endpoint: `${url.origin}/token` });
  } else if (url.pathname === "/authorize") {
    const code = `code-${asked.size}`;
    asked.set(code, url.searchParams);
    const back = new URL(url.searchParams.get("redirect_uri"));
    back.search = new URLSearchParams({ code, state: url.searchParams.get("state") });
    response.writeHead(302, { location: back.href }).end();
  } else if (url.pathname === "/token") {
    const sent = new URLSearchParams(await new Response(request).text());
    const first = asked.get(sent.get("code"));
    const challenge = createHash("sha256").update(sent.get("code_verifier")).digest("base64url");
    const right = first && first.get("code_challenge") === challenge && first.get("redirect_uri") === sent.get("redirect_uri");
    exchanged.push(sent.get("code"));
    asked.delete(sent.get("code"));
    if (right) json(200, { access_token: await scrip.token("staff", "--subject", "sam"), token_type: "Bearer" });
    else json(400, { error: "invalid_grant" });
  } else response.writeHead(404).end();
}

test("sign in with the business's own provider, and again in a window of its own when the session has ended", async () => {
  const context = await chromium.browser.newContext({ locale: "en-GB" });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(`${scrip.url}/console`);
  await page.getByRole("button", { name: "Sign in with your business account" }).click();
  await page.getByRole("heading", { name: "Customers" }).waitFor();
  assert.equal(exchanged.length, 1);
  assert.equal(new URL(page.url()).search, "");
  const [first] = await page.evaluate(() => [JSON.parse(sessionStorage.getItem("scrip.session")).token]);
  assert.equal((await context.cookies()).length, 0);

  let ended = false;
  await page.route("**/graphql", (route) => {
    if (ended) return route.continue();
    ended = true;
    return route.continue({ headers: { ...route.request().headers(), authorization: "Bearer gone" } });
  });
  await page.getByRole("searchbox").fill("17404");
  const dialog = page.getByRole("dialog", { name: "Your session has ended" });
  const popup = page.waitForEvent("popup");
  await dialog.getByRole("button", { name: "Sign in with your business account" }).click();
  await popup;
  await dialog.waitFor({ state: "detached" });
  await page.locator('.window-body .who:has-text("17404")').waitFor();
  assert.equal(await page.getByRole("searchbox").inputValue(), "17404");
  assert.notEqual(await page.evaluate(() => JSON.parse(sessionStorage.getItem("scrip.session")).token), first);
  assert.deepEqual(problems, []);
  await context.close();
});

test("an answer that nobody asked for signs nobody in", async () => {
  const context = await chromium.browser.newContext({ locale: "en-GB" });
  const page = await context.newPage();
  await page.goto(`${scrip.url}/console/callback?code=stolen&state=guessed`);
  await page.waitForTimeout(500);
  assert.equal(await page.evaluate(() => sessionStorage.getItem("scrip.session")), null);
  assert.ok(!exchanged.includes("stolen"));
  await context.close();
});
