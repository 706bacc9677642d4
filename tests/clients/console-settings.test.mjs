// The console's settings in a real browser: what an admin sets up, what it does at once, and that a manager only reads.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBrowser } from "./browser.mjs";
import { accessible, open } from "./console.mjs";
import { startReceiver } from "./receiver.mjs";
import { startScrip } from "./server.mjs";

const PARTS = ["Reasons", "Limits", "Rewards", "Tiers", "Services", "Products", "Business", "Tokens", "Webhooks"];
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };
/** Always to come, and a day of summer time. */
const YEAR = new Date().getFullYear() + 1;
const PATIENCE_MS = 60_000;

let scrip;
let chromium;
let receiver;

before(async () => {
  receiver = await startReceiver();
  scrip = await startScrip({ SCRIP_WEBHOOK_HTTP: "true", SCRIP_WEBHOOK_NETWORKS: "127.0.0.0/8" });
  chromium = await startBrowser();
});

after(async () => {
  await chromium?.stop();
  await scrip?.stop();
  receiver?.close();
});

/** Signs in, and opens a part of the settings. */
async function part(role, name, options) {
  const opened = await open(chromium.browser, scrip.url, role, options);
  await opened.page.goto(`${scrip.url}/console/settings/${name}`);
  await opened.page.locator(".tab .card").first().waitFor();
  return { ...opened, dialog: opened.page.getByRole("dialog") };
}

const told = (page, text) => page.locator("#told", { hasText: text }).waitFor();
const press = (where, name) => where.getByRole("button", { name, exact: true }).click();

/** Asks the API with a token. */
async function ask(bearer, query, variables = {}) {
  const response = await fetch(`${scrip.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${bearer}` },
    body: JSON.stringify({ query, variables }),
  });
  return { status: response.status, ...(await response.json()) };
}

async function eventually(what, message) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100))) {
    if (await what()) return;
  }
  assert.fail(message);
}

test("each part is a link to share; managers read all of them, and find no button that would be refused", async () => {
  const { page, problems, close } = await part("manager", "reasons");
  for (const name of PARTS) {
    await page.getByRole("navigation", { name: "Parts of the settings" }).getByRole("link", { name }).click();
    await page.locator(".tab .card h2", { hasText: name }).waitFor();
    await page.waitForFunction(() => !document.querySelector("[aria-busy]"));
    assert.equal(new URL(page.url()).pathname, `/console/settings/${name.toLowerCase()}`);
    assert.equal(await page.locator(".tab").getByRole("button").count(), 0, name);
  }
  assert.deepEqual(problems, []);
  await close();
});

test("a token is given with scopes, a limit and a last day, shown once, works, is replaced and revoked", async () => {
  const { page, dialog, problems, close } = await part("admin", "tokens");
  await press(page, "New token");
  await press(dialog, "Make token");
  assert.equal(await dialog.getByText("This is needed.").count(), 3);
  await dialog.getByLabel("Program", { exact: true }).fill("web-shop");
  await dialog.getByLabel("Name of the token").fill("Checkout");
  await dialog.getByLabel("read customers").check();
  await dialog.getByLabel("add credit and points").check();
  await dialog.getByLabel("At a time").fill("20");
  await dialog.getByLabel("A day").fill("500");
  await dialog.getByLabel("Last day").fill(`${YEAR}-06-30`);
  await press(dialog, "Make token");

  const secret = await dialog.locator(".secret code").textContent();
  assert.match(secret, /^scrip_[\w-]{91}$/);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await dialog.locator(".secret code").waitFor(); // It comes back: what is not copied yet is not lost.
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await dialog.getByRole("button", { name: "Copy it" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
  await press(dialog, "I have stored it");
  await page.waitForFunction(() => document.querySelector("dialog") === null);
  assert.equal((await page.content()).includes(secret), false);

  const list = `{ partnerTokens(client: "web-shop", reverse: true) { nodes { expiresAt lastUsedAt } }
    limitRules { holder perAdjustment perActorDay } }`;
  const { data } = await ask(await scrip.token("admin"), list);
  assert.equal(data.partnerTokens.nodes[0].expiresAt, `${YEAR}-06-30T23:00:00Z`); // midnight in London
  assert.deepEqual(data.limitRules.find(({ holder }) => holder === "web-shop"), { holder: "web-shop", perAdjustment: "20", perActorDay: "500" });

  assert.equal((await ask(secret, "{ viewer { role subject } }")).data.viewer.subject, "web-shop");
  await page.reload();
  const line = page.locator(".token", { hasText: "web-shop" });
  await line.getByText(/used .* from 127\.0\.0\.1/).waitFor();
  await line.getByText(`until 30 Jun ${YEAR}`).waitFor();

  await line.getByRole("button", { name: "Replace: web-shop, Checkout" }).click();
  await dialog.getByLabel("The one there is now").selectOption("ends at once");
  await press(dialog, "Replace");
  await dialog.locator(".secret code").waitFor();
  const another = await dialog.locator(".secret code").textContent();
  await press(dialog, "I have stored it");
  await eventually(async () => (await ask(secret, "{ viewer { role } }")).status === 401, "the old one is still good");
  assert.equal((await ask(another, "{ viewer { role } }")).data.viewer.role, "PARTNER");

  await line.getByRole("button", { name: "Revoke: web-shop, Checkout" }).click();
  await press(dialog, "Revoke");
  await told(page, "Saved");
  await eventually(async () => (await ask(another, "{ viewer { role } }")).status === 401, "it is still good");
  await page.getByLabel("Show").selectOption("Ended");
  await page.locator(".token", { hasText: "web-shop" }).getByText(/revoked .* by/).first().waitFor();
  assert.deepEqual(problems.filter((each) => !each.includes("401")), []);
  await close();
});

test("a webhook is made, its secret signs, a test is sent, it is turned off and on, and sent to again", async () => {
  const { page, dialog, problems, close } = await part("admin", "webhooks");
  await press(page, "New webhook");
  await dialog.getByLabel("Address").fill("http://10.1.2.3/hook");
  await press(dialog, "Make webhook");
  await dialog.locator(".field", { hasText: "Address" }).locator(".wrong").waitFor();
  await dialog.getByLabel("Address").fill(receiver.url);
  await dialog.getByLabel("What it is for").fill("Bookkeeping");
  await dialog.getByLabel("Adjusted", { exact: true }).check();
  await press(dialog, "Make webhook");
  await dialog.locator(".secret code").waitFor();
  receiver.secrets.push(await dialog.locator(".secret code").textContent());
  assert.match(receiver.secrets[0], /^whsec_/);
  await press(dialog, "I have stored it");
  await page.getByRole("heading", { name: "Bookkeeping" }).waitFor();

  await press(page, "Send a test");
  await dialog.getByText("The receiver took it.").waitFor({ timeout: 30_000 });
  await press(dialog, "Done");
  assert.deepEqual(receiver.taken.map(({ type, signed }) => [type, signed]), [["PING", 1]]);

  const adjust = `mutation ($input: AdjustCreditInput!) { adjustCredit(input: $input) { userErrors { message } } }`;
  const input = { customerBy: { externalId: "16013" }, asset: "GBP", amount: "1.00", reason: "GOODWILL", note: "for the webhook" };
  const post = async (key) => assert.deepEqual((await ask(await scrip.token("manager"), adjust, { input: { ...input, idempotencyKey: key } })).data.adjustCredit.userErrors, []);
  const adjusted = () => receiver.taken.filter(({ type }) => type === "CREDIT_ADJUSTED");
  await post("one");
  await eventually(() => adjusted().length === 1, "nothing came");
  assert.equal(adjusted()[0].signed, 1);

  await press(page, "Turn off");
  await press(dialog, "Turn off");
  await page.locator(".badge", { hasText: "Off" }).waitFor();
  await post("two");
  await page.waitForTimeout(2500);
  assert.equal(adjusted().length, 1);
  receiver.status = 500;
  await press(page, "Turn on");
  await press(dialog, "Turn on");
  await eventually(() => adjusted().length >= 2, "it did not go on");
  await eventually(() => adjusted().length >= 3, "it was not tried again");
  // The next attempt is five minutes away: what comes before that was sent again by hand.
  const failed = page.locator(".delivery", { hasText: "Tried again, 500" }).filter({ hasText: "Sent 2 times" });
  await eventually(async () => {
    await press(page, "Look again");
    await page.waitForFunction(() => !document.querySelector("[aria-busy]"));
    return (await failed.count()) > 0;
  }, "it is not told");
  await failed.locator("summary").click();
  await failed.locator("pre", { hasText: "answered 500" }).waitFor();
  await accessible(page, "a delivery that failed");

  await press(page, "New secret");
  await press(dialog, "New secret");
  await dialog.locator(".secret code").waitFor();
  receiver.secrets.push(await dialog.locator(".secret code").textContent());
  await press(dialog, "I have stored it");
  receiver.status = 204;
  await press(page, "Send again");
  await dialog.getByLabel("From").selectOption("what it has not got: at once");
  await press(dialog, "Send again");
  await told(page, "Saved");
  const taken = () => adjusted().slice(1).find(({ status }) => status === 204);
  await eventually(() => taken() !== undefined, "it was not sent again");
  assert.deepEqual([taken().id, taken().signed], [adjusted()[1].id, 2]);

  await press(page, "Delete");
  await press(dialog, "Delete");
  await page.getByText("No webhooks yet.").waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("an answer that is lost: the admin is told how to get at a secret that nobody has seen", async () => {
  const { page, dialog, close } = await part("admin", "tokens");
  await press(page, "New token");
  await dialog.getByLabel("Program", { exact: true }).fill("lost-shop");
  await dialog.getByLabel("Name of the token").fill("Till");
  await dialog.getByLabel("read customers").check();
  await page.route("**/graphql", async (route) => {
    if (!route.request().postData()?.includes("issueToken(")) return route.continue();
    await route.fetch();
    return route.abort();
  });
  await press(dialog, "Make token");
  await dialog.getByText("If the token is in the list now, replace it").waitFor();
  await page.unroute("**/graphql");
  await press(dialog, "Make token");
  await dialog.getByText("This is there already.").or(dialog.locator(".wrong:visible")).first().waitFor();
  await press(dialog, "Cancel");
  await page.reload();
  await page.getByRole("button", { name: "Replace: lost-shop, Till" }).click();
  await press(dialog, "Replace");
  await dialog.locator(".secret code").waitFor();
  await press(dialog, "I have stored it");
  await close();
});

test("a limit for one person is set, changed and deleted", async () => {
  const { page, dialog, problems, close } = await part("admin", "limits");
  await press(page, "Add: Limits");
  await dialog.getByLabel("For", { exact: true }).selectOption("Staff");
  await dialog.getByLabel("One person or client").fill("sam");
  await dialog.getByLabel("Of", { exact: true }).selectOption("spending");
  await dialog.getByLabel("What", { exact: true }).selectOption("Class credits");
  await dialog.getByLabel("At a time").fill("1.5");
  await press(dialog, "Save");
  await dialog.getByText("This is no number as it should be.").waitFor();
  await dialog.getByLabel("At a time").fill("2");
  await press(dialog, "Save");
  await told(page, "Saved");
  const name = "sam (Staff), Class credits, spending";
  const line = page.locator(".assigned li", { hasText: name });
  await line.getByText("2 class credits at a time").waitFor();
  await press(page, `Change: ${name}`);
  await dialog.getByLabel("A person and day").fill("5");
  await press(dialog, "Save");
  await line.getByText("5 class credits a person and day").waitFor();
  await press(page, `Delete: ${name}`);
  await dialog.getByText("The rule for the role").waitFor();
  await press(dialog, "Delete");
  await line.waitFor({ state: "detached" });
  assert.deepEqual(problems, []);
  await close();
});

test("a tier is added, moved and deleted, and says how many customers it moved", async () => {
  const { page, dialog, problems, close } = await part("admin", "tiers");
  await press(page, "Add: Tiers");
  await dialog.getByLabel("Name").fill("Brass");
  await dialog.getByLabel("From how many points").fill("1");
  await press(dialog, "Save");
  await told(page, /Saved\. \d+ customers? ha(s|ve) another tier now/);
  await press(page, "Change: Brass");
  await dialog.getByLabel("From how many points").fill("2");
  await press(dialog, "Save");
  await page.locator(".assigned li", { hasText: "Brass" }).getByText("from 2 points").waitFor();
  await press(page, "Delete: Brass");
  await press(dialog, "Delete");
  await page.locator(".assigned li", { hasText: "Brass" }).waitFor({ state: "detached" });
  assert.deepEqual(problems, []);
  await close();
});

test("a product is added in any currency, and services and products are retired", async () => {
  const { page, dialog, problems, close } = await part("admin", "products");
  await press(page, "Add: Products");
  await dialog.getByLabel("Name").fill("Tatami mat");
  await dialog.getByLabel("Currency").selectOption("JPY");
  await dialog.getByLabel("Price of one").fill("4500");
  await press(dialog, "Save");
  const line = page.locator(".assigned li", { hasText: "Tatami mat" });
  await line.getByText(/Goods · JP¥4,500/).waitFor();
  await press(page, "Change: Tatami mat");
  await dialog.getByLabel("In use").uncheck();
  await press(dialog, "Save");
  await line.getByText("not in use").waitFor();
  await page.getByRole("link", { name: "Services" }).click();
  await press(page, "Add: Services");
  await dialog.getByLabel("Name").fill("Pilates");
  await press(dialog, "Save");
  await page.locator(".assigned li", { hasText: "Pilates" }).waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("the business's days, currencies and time zone are changed, and are those of every screen at once", async () => {
  const { page, dialog, problems, close } = await part("admin", "business");
  await press(page, "Change");
  await dialog.getByLabel("Hours that a request waits").fill("0");
  await press(dialog, "Save");
  await dialog.getByText(/between 1 and/).waitFor();
  await dialog.getByLabel("Hours that a request waits").fill("48");
  await dialog.getByLabel("Currencies of staff and partners").fill("gbp, eur");
  await dialog.getByLabel("Time zone").selectOption("Europe/Berlin");
  await press(dialog, "Save");
  await page.locator(".facts", { hasText: "Europe/Berlin" }).waitFor();
  await page.locator(".facts", { hasText: "48 hours" }).waitFor();
  await page.locator(".facts", { hasText: "EUR, GBP" }).or(page.locator(".facts", { hasText: "GBP, EUR" })).waitFor();
  await press(page, "Change");
  await dialog.getByLabel("Currencies of staff and partners").fill("");
  await dialog.getByLabel("Time zone").selectOption("Europe/London");
  await press(dialog, "Save");
  await page.locator(".facts", { hasText: "Europe/London" }).waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("in German no word is missing", async () => {
  const { page, dialog, problems, close } = await part("admin", "webhooks", { locale: "de-DE" });
  await press(page, "Neuer Webhook");
  await dialog.getByLabel("Mitgliedschaft geändert").waitFor();
  await press(dialog, "Abbrechen");
  await page.getByRole("link", { name: "Zugänge" }).click();
  await press(page, "Neuer Zugang");
  await dialog.getByLabel("Guthaben und Punkte gutschreiben").waitFor();
  assert.deepEqual(problems, []);
  await close();
});

for (const [name, options] of [["desktop", {}], ["phone", PHONE]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`settings are accessible: ${name}, ${colorScheme}`, async () => {
      const { page, dialog, problems, close } = await part("admin", "reasons", { ...options, colorScheme, reducedMotion: "reduce" });
      for (const [screen, button] of [["reasons", "Add: Reasons"], ["limits", "Add: Limits"], ["tiers", "Add: Tiers"], ["products", "Add: Products"], ["business", "Change"], ["tokens", "New token"], ["webhooks", "New webhook"]]) {
        await page.goto(`${scrip.url}/console/settings/${screen}`);
        await page.locator(".tab .card").first().waitFor();
        await page.waitForFunction(() => !document.querySelector("[aria-busy]"));
        await accessible(page, `${screen} ${name} ${colorScheme}`);
        assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= page.viewportSize().width, screen);
        await press(page, button);
        await dialog.getByRole("button", { name: "Cancel" }).waitFor();
        await accessible(page, `${screen}, its dialog, ${name} ${colorScheme}`);
        await press(dialog, "Cancel");
      }
      assert.deepEqual(problems, []);
      await close();
    });
  }
}
