// The editor at `/graphql` in a real browser, under its policy. What its page names on the CDN comes out of the npm
// packages of the same names and versions: the hashes on the page fit those as well, and the browser compares them.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { startBrowser } from "./browser.mjs";
import { startScrip } from "./server.mjs";

const CDN = "https://unpkg.com";
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".json": "application/json" };
const HEADERS = ".graphiql-editor-tool .graphiql-editor:not(.hidden)";
const PACKAGES = path.join(import.meta.dirname, "node_modules");

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

/** The page in a context of its own, and all that went wrong on it. The CDN sends each file as `sent` has it. */
async function open(sent = (file, text) => text) {
  const context = await chromium.browser.newContext();
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  await context.route(
    (url) => url.origin !== scrip.url,
    async (route) => {
      const file = await packaged(route.request().url());
      const body = sent(file, await readFile(path.join(PACKAGES, file), "utf8"));
      const contentType = TYPES[path.extname(file)];
      await route.fulfill({ contentType, body, headers: { "access-control-allow-origin": "*" } });
    },
  );
  await page.goto(`${scrip.url}/graphql`);
  return { page, problems, close: () => context.close() };
}

/** Which file of which package an address of the CDN is. Fails for another version than is installed. */
async function packaged(url) {
  const [, name, version, file] = new RegExp(`^${CDN}/((?:@[^/]+/)?[^@/]+)@([^/]+)/(.+)$`).exec(url) ?? assert.fail(url);
  const installed = JSON.parse(await readFile(path.join(PACKAGES, name, "package.json"), "utf8"));
  assert.equal(installed.version, version, `${name}: package.json here has another version than the page`);
  return path.join(name, file);
}

async function write(page, editor, text) {
  await editor.click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(text);
}

test("it starts, knows the schema and runs a query with a token", async () => {
  const { page, problems, close } = await open();
  const token = await scrip.token("manager");
  await page.getByRole("button", { name: "Headers", exact: true }).click();
  await write(page, page.locator(HEADERS), JSON.stringify({ authorization: `Bearer ${token}` }));
  await write(page, page.locator(".graphiql-query-editor"), "{ viewer { role tenant { name } } }");
  await page.getByRole("button", { name: /^Execute query/ }).click();
  const answer = page.locator(".result-window");
  await answer.getByText('"MANAGER"').waitFor();
  await answer.getByText('"Demo Gifts"').waitFor();
  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  await page.getByText("Mutation", { exact: true }).first().waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("a token is kept through a reload, but no longer than the tab", async () => {
  const { page, close } = await open();
  await page.getByRole("button", { name: "Headers", exact: true }).click();
  await write(page, page.locator(HEADERS), '{"authorization": "Bearer a-secret"}');
  await write(page, page.locator(".graphiql-query-editor"), "{ viewer { role } }");
  await page.getByRole("button", { name: /^Execute query/ }).click();
  await page.locator(".result-window").getByText("UNAUTHENTICATED").waitFor();
  // What the editor keeps, it keeps a moment later.
  await page.waitForFunction(() => /a-secret/.test(sessionStorage["graphiql:headers"]));
  await page.waitForFunction(() => /a-secret/.test(sessionStorage["graphiql:queries"]));
  await page.reload();
  await page.locator(HEADERS).getByText("a-secret").waitFor({ state: "attached" });
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  const other = await page.context().newPage();
  await other.goto(page.url());
  await other.getByRole("button", { name: "Headers", exact: true }).waitFor();
  assert.doesNotMatch(await other.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage })), /a-secret/);
  await close();
});

test("a file that the CDN has changed is not run", async () => {
  const name = path.join("react", "umd", "react.production.min.js");
  const { page, problems, close } = await open((file, text) => (file === name ? `globalThis.changed = true;${text}` : text));
  assert.deepEqual(await page.evaluate(() => [typeof changed, typeof React]), ["undefined", "undefined"]);
  assert.ok(problems.some((problem) => problem.includes("integrity")), problems.join("\n"));
  await close();
});

test("the policy lets in no other file of the CDN, no script in the page, and no other server", async () => {
  const { page, problems, close } = await open();
  await page.locator(".graphiql-query-editor").waitFor();
  const refused = await page.evaluate(async (cdn) => {
    const load = (script) =>
      new Promise((resolve) => {
        script.onload = () => resolve("ran");
        script.onerror = () => resolve("refused");
        document.head.append(script);
      });
    const other = await load(Object.assign(document.createElement("script"), { src: `${cdn}/graphql@16.15.0/index.js` }));
    document.head.append(Object.assign(document.createElement("script"), { text: "globalThis.inline = true;" }));
    const sent = await fetch(`${cdn}/react@18.2.0/package.json`).then(() => "ran", () => "refused");
    return { other, inline: globalThis.inline ?? "refused", sent };
  }, CDN);
  assert.deepEqual(refused, { other: "refused", inline: "refused", sent: "refused" });
  const violations = problems.filter((problem) => problem.includes("violates the following Content Security Policy"));
  assert.equal(violations.length, 3, problems.join("\n"));
  await close();
});
