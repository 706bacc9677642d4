// The editor at `/graphql` in a real browser, under its policy, with no way out of this machine.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBrowser } from "./browser.mjs";
import { startScrip } from "./server.mjs";

const HEADERS = ".graphiql-editor-tool .graphiql-editor:not(.hidden)";
const ROLES = ["staff", "manager", "admin", "partner", "customer", "no token"];

let scrip;
let chromium;

before(async () => {
  scrip = await startScrip();
  chromium = await startBrowser();
});

after(async () => {
  await chromium?.stop();
  await scrip?.stop();
});

/** The page in a context of its own, and all that went wrong on it or wanted elsewhere. `files`: addresses to keep back. */
async function open({ keptBack = null } = {}) {
  const context = await chromium.browser.newContext();
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(scrip.url) && !url.startsWith("data:")) problems.push(`asked for ${url}`);
  });
  if (keptBack) await context.route(keptBack, (route) => route.abort());
  await page.goto(`${scrip.url}/graphql`);
  return { page, problems, close: () => context.close() };
}

async function write(page, editor, text) {
  await editor.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(text);
}

const runs = (page) => page.getByRole("button", { name: /^Execute query/ }).click();
const answer = (page) => page.locator(".result-window");

test("it starts without the internet, knows the schema, and asks as each role", async () => {
  const { page, problems, close } = await open();
  await page.locator(".graphiql-query-editor").getByText("viewer").waitFor();
  const roles = page.getByLabel("Ask as");
  assert.deepEqual(await roles.locator("option").allTextContents(), ROLES);
  for (const role of ["staff", "admin"]) {
    await roles.selectOption(role);
    await runs(page);
    await answer(page).getByText(`"${role.toUpperCase()}"`).waitFor();
  }
  await answer(page).getByText('"Demo Gifts"').waitFor();
  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  await page.getByText("Mutation", { exact: true }).first().waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("an example opens in a tab of its own, and runs", async () => {
  const { page, problems, close } = await open();
  const examples = page.locator(".offers");
  await examples.getByRole("button").first().waitFor();
  assert.ok((await examples.getByRole("button").count()) > 20);
  await page.getByLabel("Ask as").selectOption("manager");
  await examples.getByRole("button", { name: /^balances/ }).click();
  await page.locator(".graphiql-query-editor").getByText("balances").first().waitFor();
  await page.locator(".graphiql-editor-tool").getByText("customerId").first().waitFor();
  await runs(page);
  await answer(page).getByText('"available"').first().waitFor();
  await examples.getByRole("button", { name: /^adjustCredit Negative/ }).click();
  await page.locator(".graphiql-query-editor").getByText("adjustCredit").first().waitFor();
  await runs(page);
  await answer(page).getByText('"replayed"').first().waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("a subscription is followed over a WebSocket", async () => {
  const { page, problems, close } = await open();
  await page.getByLabel("Ask as").selectOption("manager");
  await write(page, page.locator(".graphiql-query-editor"), "subscription { events { node { kind } } }");
  await runs(page);
  const admin = await scrip.token("admin");
  const told = answer(page).getByText('"CUSTOMER_').first();
  for (let tries = 1; ; tries += 1) {
    // Following begins a moment after it is asked for.
    const input = `{externalId: "of-the-editor", name: "Ann ${tries}"}`;
    await fetch(`${scrip.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${admin}` },
      body: JSON.stringify({ query: `mutation { upsertCustomer(input: ${input}) { customer { id } } }` }),
    });
    const came = await told.waitFor({ timeout: 2000 }).then(() => true, () => false);
    if (came) break;
    assert.ok(tries < 15, `nothing came: ${await answer(page).textContent()}`);
  }
  assert.deepEqual(problems, []);
  await close();
});

test("a token that is typed in goes before the chosen one, and is kept no longer than the tab", async () => {
  const { page, close } = await open();
  await page.getByRole("button", { name: "Headers", exact: true }).click();
  await write(page, page.locator(HEADERS), '{"authorization": "Bearer a-secret"}');
  await write(page, page.locator(".graphiql-query-editor"), "{ viewer { role } }");
  await runs(page);
  await answer(page).getByText("UNAUTHENTICATED").waitFor();
  // What the editor keeps, it keeps a moment later.
  await page.waitForFunction(() => /a-secret/.test(sessionStorage["graphiql:headers"]));
  await page.waitForFunction(() => /a-secret/.test(sessionStorage["graphiql:tabState"]));
  await page.reload();
  await page.getByRole("button", { name: "Headers", exact: true }).click();
  await page.locator(HEADERS).getByText("a-secret").waitFor({ state: "attached" });
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  const other = await page.context().newPage();
  await other.goto(page.url());
  await other.getByRole("button", { name: "Headers", exact: true }).waitFor();
  assert.doesNotMatch(await other.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage })), /a-secret/);
  await close();
});

test("it says what is wrong if a file does not load, and if the server is gone", async () => {
  const without = await open({ keptBack: "**/graphiql.min.js*" });
  await without.page.getByRole("status").getByText("The editor cannot start: graphiql did not load").waitFor();
  await without.close();
  const page = await open({ keptBack: "**/editor.js*" });
  await page.page.getByText("the editor's own files did not load").waitFor();
  await page.close();
  const alone = await open();
  await alone.page.locator(".graphiql-query-editor").getByText("viewer").waitFor();
  await alone.page.waitForLoadState("networkidle"); // an answer that was on its way would say that the server is there
  await alone.page.context().setOffline(true);
  await runs(alone.page);
  await alone.page.getByRole("status").getByText("The server does not answer").waitFor();
  await alone.close();
});

test("the policy lets in no file from elsewhere, no script in the page, and no other server", async () => {
  const { page, problems, close } = await open();
  await page.locator(".graphiql-query-editor").waitFor();
  const refused = await page.evaluate(async () => {
    const load = (script) =>
      new Promise((resolve) => {
        script.onload = () => resolve("ran");
        script.onerror = () => resolve("refused");
        document.head.append(script);
      });
    const other = await load(Object.assign(document.createElement("script"), { src: "https://cdn.example/index.js" }));
    document.head.append(Object.assign(document.createElement("script"), { text: "globalThis.inline = true;" }));
    const sent = await fetch("https://cdn.example/package.json").then(() => "ran", () => "refused");
    return { other, inline: globalThis.inline ?? "refused", sent };
  });
  assert.deepEqual(refused, { other: "refused", inline: "refused", sent: "refused" });
  const violations = problems.filter((problem) => problem.includes("violates the following Content Security Policy"));
  assert.equal(violations.length, 3, problems.join("\n"));
  await close();
});
