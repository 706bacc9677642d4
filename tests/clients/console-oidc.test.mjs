// Signing in to the console with the business's own provider: code and PKCE, against one that is certified to keep to the standard.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { startBrowser } from "./browser.mjs";
import { accessible } from "./console.mjs";
import { startProvider } from "./provider.mjs";
import { startScrip } from "./server.mjs";

let provider;
let scrip;
let chromium;

before(async () => {
  // First: unpacking it stops this process, and with it the provider, whose keys are asked for at the start.
  chromium = await startBrowser();
  provider = await startProvider();
  scrip = await startScrip(provider.settings);
  provider.admit(scrip.url);
});

after(async () => {
  await chromium?.stop();
  await scrip?.stop();
  provider?.close();
});

beforeEach(() => Object.assign(provider, { ttl: 300, refreshes: true, answer: null }));

const SIGN_IN = { name: "Sign in with your business account" };

async function visit(locale = "en-GB") {
  const context = await chromium.browser.newContext({ locale });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  // Of the provider's own page.
  await context.route("https://fonts.googleapis.com/**", (route) => route.abort());
  await page.goto(`${scrip.url}/console`);
  return { context, page, problems };
}

/** What one does on the provider's own page. */
async function signInThere(page, name) {
  await page.getByPlaceholder("Enter any login").fill(name);
  await page.getByPlaceholder("and password").fill("whatever");
  await page.getByRole("button", { name: "Sign-in" }).click();
}

async function signIn(page, name) {
  await page.getByRole("button", SIGN_IN).click();
  await signInThere(page, name);
}

const kept = (page) => page.evaluate(() => JSON.parse(sessionStorage.getItem("scrip.session")));
const claimsOf = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());

/** Fills in an adjustment as far as its first step. */
async function beginAdjusting(page) {
  await page.getByRole("searchbox").fill("16013");
  await page.locator('.window-body .who:has-text("16013") a').click();
  await page.getByRole("button", { name: "Adjust", exact: true }).first().click();
  const dialog = page.getByRole("dialog").first();
  await dialog.getByLabel("Amount").fill("7");
  await dialog.getByLabel("Reason").selectOption("GOODWILL");
  return dialog;
}

/** Waits until the token that is kept has ended. */
async function untilEnded(page) {
  const { exp } = claimsOf((await kept(page)).token);
  await page.waitForTimeout(Math.max(exp * 1000 - Date.now(), 0) + 1100);
}

test("staff sign in: tenant, role and name are read from the provider's claims, and nothing is kept in a cookie", async () => {
  const { context, page, problems } = await visit();
  await page.getByRole("button", SIGN_IN).waitFor();
  assert.equal(await page.locator("[data-role]").count(), 0);
  await signIn(page, "sam");
  await page.getByRole("heading", { name: "Customers" }).waitFor();
  assert.equal(new URL(page.url()).search, "");
  await page.getByRole("button", { name: "Staff" }).click();
  await page.getByRole("dialog").getByText("Sam Okafor").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  assert.equal(await page.getByRole("link", { name: "Settings" }).count(), 0);
  const claims = claimsOf((await kept(page)).token);
  assert.deepEqual([claims.sub, claims.iss, claims.client_id], ["sam", provider.issuer, "scrip-console"]);
  assert.deepEqual((await context.cookies()).filter(({ name }) => !name.startsWith("_")), []);
  assert.deepEqual(problems, []);
  await context.close();
});

test("of several roles the one that may most counts", async () => {
  const { context, page } = await visit();
  await signIn(page, "maria");
  await page.getByRole("link", { name: "Settings" }).waitFor();
  await page.getByRole("button", { name: "Manager" }).waitFor();
  await context.close();
});

test("a token that ends in the middle of a form is replaced, and nobody notices", async () => {
  provider.ttl = 8;
  const { context, page, problems } = await visit();
  await signIn(page, "sam");
  const dialog = await beginAdjusting(page);
  const before = await kept(page);
  provider.ttl = 300;
  await untilEnded(page);
  await dialog.getByRole("button", { name: "Review" }).click();
  await page.getByText("Add £7.00 to").waitFor();
  assert.equal(await page.getByRole("dialog", { name: "Your session has ended" }).count(), 0);
  const now = await kept(page);
  assert.notEqual(now.token, before.token);
  assert.notEqual(now.refresh, before.refresh);
  await page.keyboard.press("Enter");
  await page.locator("#told", { hasText: "Added £7.00" }).waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});

test("where the provider wants to see somebody, a dialog stands above what was typed, and a window of its own leads there", async () => {
  // Long enough to fill the form in.
  Object.assign(provider, { ttl: 30, refreshes: false });
  const { context, page, problems } = await visit();
  await signIn(page, "sam");
  const form = await beginAdjusting(page);
  provider.ttl = 300;
  await untilEnded(page);
  await form.getByRole("button", { name: "Review" }).click();
  const dialog = page.getByRole("dialog", { name: "Your session has ended" });
  await dialog.waitFor();
  await accessible(page, "the session has ended");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.evaluate(() => {
    const { open } = globalThis;
    globalThis.open = () => {
      globalThis.open = open;
      return null;
    };
  });
  await dialog.getByRole("button", SIGN_IN).click();
  await dialog.getByText("kept the window from opening").waitFor();
  const popup = page.waitForEvent("popup");
  await dialog.getByRole("button", SIGN_IN).click();
  await popup;
  await page.getByText("Add £7.00 to").waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await form.getByLabel("Amount").inputValue(), "7");
  assert.deepEqual(problems, []);
  await context.close();
});

test("who signs out has left the provider too: the next person is asked who they are", async () => {
  const { context, page } = await visit();
  await signIn(page, "maria");
  await page.getByRole("button", { name: "Manager" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Yes, sign me out" }).click();
  await page.waitForURL(`${scrip.url}/console`);
  assert.equal(await kept(page), null);
  await signIn(page, "sam");
  await page.getByRole("button", { name: "Staff" }).waitFor();
  await context.close();
});

test("who signs out while their session is being begun again stays signed out, also on the way back", async () => {
  const { context, page } = await visit();
  await signIn(page, "maria");
  await page.getByRole("heading", { name: "Customers" }).waitFor();
  let refused = false;
  await page.route("**/graphql", (route) => {
    if (refused) return route.continue();
    refused = true;
    return route.continue({ headers: { ...route.request().headers(), authorization: "Bearer gone" } });
  });
  let grant;
  const granted = new Promise((resolve) => (grant = resolve));
  await page.route(`${provider.issuer}/token`, async (route) => {
    await granted;
    return route.continue();
  });
  const renewing = page.waitForRequest(`${provider.issuer}/token`);
  await page.getByRole("link", { name: "Orders" }).click();
  await renewing;
  // Where to leave to is asked first, and not answered.
  let leaving = false;
  await page.route("**/console/settings.json", (route) => {
    if (leaving) return route.continue();
    leaving = true;
  });
  await page.getByRole("button", { name: "Manager" }).click();
  const asked = page.waitForRequest("**/console/settings.json");
  await page.getByRole("button", { name: "Sign out" }).click();
  await asked;
  // What was refused is sent again once the session has been begun again.
  const sent = page.waitForRequest("**/graphql");
  grant();
  await sent;
  assert.equal(await kept(page), null);
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  await page.getByRole("button", SIGN_IN).waitFor();
  await context.close();
});

test("where the provider has no page to sign out at, it is told to ask who comes next", async () => {
  provider.answer = (request, response) => {
    if (!request.url.startsWith("/.well-known/")) return false;
    const found = { issuer: provider.issuer, authorization_endpoint: `${provider.issuer}/auth`, token_endpoint: `${provider.issuer}/token` };
    response.writeHead(200, { "content-type": "application/json", "access-control-allow-origin": "*" }).end(JSON.stringify(found));
    return true;
  };
  const { context, page } = await visit();
  await signIn(page, "maria");
  await page.getByRole("button", { name: "Manager" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await signIn(page, "sam");
  await page.getByRole("button", { name: "Staff" }).waitFor();
  await context.close();
});

test("somebody without a role is told so, and can come back as somebody else", async () => {
  const { context, page, problems } = await visit();
  await signIn(page, "olga");
  await page.getByText("You are signed in, but not let in here.").waitFor();
  await page.getByText(/role/).first().waitFor();
  await accessible(page, "not let in");
  await page.getByRole("button", { name: "Use another account" }).click();
  await page.getByRole("button", { name: "Yes, sign me out" }).click();
  await signIn(page, "sam");
  await page.getByRole("heading", { name: "Customers" }).waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});

test("an answer with another state signs nobody in", async () => {
  const { context, page } = await visit();
  let asked = 0;
  provider.answer = (request) => {
    if (request.method === "POST" && request.url === "/token") asked += 1;
    return false;
  };
  await page.route(`${provider.issuer}/auth?**`, (route) => {
    const url = new URL(route.request().url());
    url.searchParams.set("state", "forged");
    return route.fulfill({ status: 302, headers: { location: url.href } });
  });
  await signIn(page, "sam");
  await page.getByText("this is not the answer to what was asked here").waitFor();
  assert.equal(await kept(page), null);
  assert.equal(asked, 0);
  await context.close();
});

test("an answer that nobody asked for signs nobody in", async () => {
  const { context, page } = await visit();
  await page.goto(`${scrip.url}/console/callback?code=stolen&state=guessed`);
  await page.waitForTimeout(500);
  assert.equal(await kept(page), null);
  await context.close();
});

test("who turns back at the provider is told so; so is whoever finds it away, or another in its place", async () => {
  const { context, page, problems } = await visit();
  await page.getByRole("button", SIGN_IN).click();
  await page.getByRole("link", { name: "[ Cancel ]" }).click();
  await page.getByText("End-User aborted interaction").waitFor();
  await page.getByRole("link", { name: "Sign in" }).click();
  const json = (response, status, body) => {
    response.writeHead(status, { "content-type": "application/json", "access-control-allow-origin": "*" }).end(JSON.stringify(body));
    return true;
  };
  provider.answer = (_, response) => json(response, 503, {});
  await page.getByRole("button", SIGN_IN).click();
  await page.getByRole("alert").getByText("the identity provider answers 503").waitFor();
  provider.answer = (_, response) => json(response, 200, { issuer: "https://elsewhere.example", authorization_endpoint: "https://elsewhere.example/", token_endpoint: "https://elsewhere.example/" });
  await page.getByRole("button", SIGN_IN).click();
  await page.getByRole("alert").getByText("the identity provider calls itself https://elsewhere.example").waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});

test("what is wrong with the provider is said in German, also where it gives no answer", async () => {
  const { context, page, problems } = await visit("de-DE");
  const alert = page.getByRole("alert");
  const press = () => page.getByRole("button", { name: "Mit dem Firmenkonto anmelden" }).click();
  provider.answer = (_, response) => {
    response.writeHead(503, { "access-control-allow-origin": "*" }).end("{}");
    return true;
  };
  await press();
  await alert.getByText("Der Anmeldedienst antwortet mit 503.").waitFor();
  await page.route(`${provider.issuer}/.well-known/**`, (route) => route.abort());
  await press();
  await alert.getByText("Der Anmeldedienst antwortet nicht").waitFor();
  assert.deepEqual(problems, []);
  await context.close();
});

test("a token that is replaced leaves the list of customers as it is, with what is ticked, and its sums follow", async () => {
  provider.ttl = 8;
  const { context, page, problems } = await visit();
  await signIn(page, "maria");
  const row = page.locator(".window-body .row").first();
  const before = await row.locator(".sum").first().textContent();
  await row.getByRole("checkbox").check();
  provider.ttl = 300;
  await untilEnded(page);
  await row.getByRole("button").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Amount").fill("3");
  await dialog.getByLabel("Reason").selectOption("GOODWILL");
  await dialog.getByRole("button", { name: "Review" }).click();
  await page.getByText("Add £3.00 to").waitFor();
  await page.keyboard.press("Enter");
  await page.locator("#told", { hasText: "Added £3.00" }).waitFor();
  await page.waitForFunction((sum) => document.querySelector(".window-body .row .sum").textContent !== sum, before);
  await row.getByRole("link").click();
  await page.locator(".profile-head").waitFor();
  await page.goBack();
  await row.waitFor();
  assert.ok(await row.getByRole("checkbox").isChecked());
  assert.ok(await page.locator(".bulk-bar").isVisible());
  assert.deepEqual(problems, []);
  await context.close();
});
