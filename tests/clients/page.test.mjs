// The page at `/examples` in a real browser: every example runs, and what it changes can be seen.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBrowser } from "./browser.mjs";
import { startScrip } from "./server.mjs";

const QUESTIONS = ["viewer", "customers", "balances", "ledger", "invoices", "liability", "previewAdjustment"];
const CHANGES = ["adjustCredit", "bulkCredit", "assignCredit", "giveReward", "createInvoice", "recordPayment"];
const CONTROL = ["limitRules", "setLimit", "approvalRequests", "approveRequest", "issueToken", "partnerTokens", "auditTrail"];

let scrip;
let chromium;
let browser;

before(async () => {
  scrip = await startScrip();
  chromium = await startBrowser();
  browser = chromium.browser;
});

after(async () => {
  await chromium?.stop();
  await scrip?.stop();
});

/** The page in a context of its own, and all that went wrong on it or went elsewhere. */
async function open(options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(scrip.url) && !url.startsWith("data:")) problems.push(`asked for ${url}`);
  });
  await page.goto(`${scrip.url}/examples`);
  return { page, problems, close: () => context.close() };
}

const example = (page, name) => page.locator(`#try-${name.replaceAll(/\W+/g, "-")}`);

async function run(page, name, role) {
  await page.getByRole("radio", { name: role, exact: true }).check();
  const form = example(page, name);
  await form.getByRole("button", { name: `Run ${name}`, exact: true }).click();
  await form.getByText(new RegExp(`^\\d+ as ${role}: `)).waitFor();
  return {
    status: await form.getByRole("status").textContent(),
    body: JSON.parse(await form.locator(".answer pre").textContent()),
  };
}

async function balance(page, asset) {
  const output = page.locator("#balances-now");
  await page.waitForFunction(() => /\d/.test(document.getElementById("balances-now").textContent));
  return Number(new RegExp(`([\\d.]+) ${asset}`).exec(await output.textContent())[1]);
}

test("adjustCredit adds what it says, once for its key, and again with a new one", async () => {
  const { page, problems, close } = await open();
  const before = await balance(page, "GBP");
  const first = await run(page, "adjustCredit", "staff");
  assert.equal(first.body.data.adjustCredit.replayed, false);
  assert.equal(Number(first.body.data.adjustCredit.account.available), before + 5);
  await page.getByText(`${(before + 5).toFixed(2)} GBP`).waitFor();
  assert.equal((await run(page, "adjustCredit", "staff")).body.data.adjustCredit.replayed, true);
  await example(page, "adjustCredit").getByRole("button", { name: "New key" }).click();
  assert.equal((await run(page, "adjustCredit", "staff")).body.data.adjustCredit.replayed, false);
  await page.getByText(`${(before + 10).toFixed(2)} GBP`).waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("every question and every change runs, as somebody who may", async () => {
  const { page, problems, close } = await open();
  for (const name of [...QUESTIONS, ...CHANGES]) {
    const { status, body } = await run(page, name, "manager");
    assert.match(status, /^200 as manager: done/, name);
    assert.ok(body.data[name], name);
  }
  assert.deepEqual(problems, []);
  await close();
});

test("limits, approvals, partners' tokens and the audit: each in a role that its hint names", async () => {
  const { page, problems, close } = await open();
  const before = await balance(page, "GBP");
  const asked = (await run(page, "adjustCredit, over the limit", "staff")).body.data.adjustCredit;
  assert.equal(asked.transaction, null);
  assert.equal(asked.approvalRequest.status, "PENDING");
  assert.match((await run(page, "approveRequest", "staff")).status, /FORBIDDEN/);
  assert.equal(await balance(page, "GBP"), before);
  for (const name of CONTROL) {
    const { status, body } = await run(page, name, "admin");
    assert.match(status, /^200 as admin: done/, name);
    assert.ok(body.data[name], name);
  }
  const denied = (await run(page, "auditTrail", "manager")).body.data.auditTrail.nodes;
  assert.ok(denied.some(({ actor, details }) => actor.role === "STAFF" && JSON.stringify(details).includes("approveRequest")));
  assert.match((await run(page, "issueToken", "admin")).status, /DUPLICATE/);
  assert.deepEqual(problems, []);
  await close();
});

test("what a role may not do is refused, and nothing moves", async () => {
  const { page, problems, close } = await open();
  const before = await balance(page, "POINTS");
  for (const [role, name] of [["staff", "bulkCredit"], ["partner", "giveReward"], ["customer", "adjustCredit"]]) {
    const { status, body } = await run(page, name, role);
    assert.match(status, /FORBIDDEN/, name);
    assert.equal(body.data[name], null);
  }
  assert.match((await run(page, "previewAdjustment", "staff")).status, /LIMIT_EXCEEDED/);
  assert.equal(await balance(page, "POINTS"), before);
  assert.deepEqual(problems, []);
  await close();
});

test("variables that are not JSON are told, and nothing is sent", async () => {
  const { page, close } = await open();
  const sent = [];
  await balance(page, "GBP");
  page.on("request", (request) => sent.push(request.url()));
  const form = example(page, "adjustCredit");
  for (const text of ["{", "[]", "null"]) {
    await form.getByLabel("Variables").fill(text);
    await form.getByRole("button", { name: "Run adjustCredit", exact: true }).click();
    await form.getByText(/^The variables are not JSON/).waitFor();
    await form.getByLabel("Variables").fill("{}");
    await form.getByRole("button", { name: "New key" }).click();
  }
  assert.deepEqual(sent, []);
  await close();
});

test("it works with the keyboard alone", async () => {
  const { page, close } = await open();
  const field = example(page, "viewer").getByLabel("Variables");
  await field.focus();
  await page.keyboard.press("Control+Enter");
  await example(page, "viewer").getByText(/^200 as staff: done/).waitFor();
  await page.getByRole("radio", { name: "staff", exact: true }).focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.getByRole("radio", { name: "manager", exact: true }).isChecked(), true);
  await close();
});

test("every field and button has a name, and headings do not jump", async () => {
  const { page, close } = await open();
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll("button, textarea, input")]
      .filter((element) => !(element.labels?.length || element.textContent.trim()))
      .map((element) => element.outerHTML),
  );
  assert.deepEqual(nameless, []);
  const levels = await page.evaluate(() => [...document.querySelectorAll("h1, h2, h3")].map((h) => Number(h.tagName[1])));
  assert.equal(levels[0], 1);
  for (let at = 1; at < levels.length; at += 1) assert.ok(levels[at] - levels[at - 1] <= 1);
  await close();
});

for (const colorScheme of ["light", "dark"]) {
  test(`it can be read on a phone, ${colorScheme}`, async () => {
    const { page, close } = await open({ colorScheme, viewport: { width: 360, height: 740 } });
    await run(page, "ledger", "staff");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    const contrasts = await page.evaluate(contrastsOfText);
    assert.ok(contrasts.length > 20);
    for (const [text, ratio] of contrasts) assert.ok(ratio >= 4.5, `${text}: ${ratio.toFixed(2)}`);
    await close();
  });
}

/** In the page: the contrast (WCAG 2.2) of each element's own text with what is behind it. */
function contrastsOfText() {
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return channels(color)[3] === 0 ? behind(element.parentElement) : color;
  };
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.checkVisibility() && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .map((e) => {
      const [a, b] = [luminance(getComputedStyle(e).color), luminance(behind(e))];
      return [e.textContent.trim().slice(0, 40), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
    });
}
