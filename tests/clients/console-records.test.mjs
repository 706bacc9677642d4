// The console in a real browser: invoices and orders with their notes, rewards of every kind, what waits, what was done, and
// a statement on paper.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { startBrowser } from "./browser.mjs";
import { asked, bill, expired, foreseen, give, pounds, told } from "./console-books.mjs";
import { accessible, figureOf, open, openCustomer } from "./console.mjs";
import { startScrip } from "./server.mjs";

const REGULAR = "16013";
const BEST = "12748";
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };
const TWO_LINES = [{ description: "Hamper", unitPrice: "20.00", units: "3" }, { description: "Engraving", unitPrice: "30.00", units: "1" }];

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

const as = (role, options) => open(chromium.browser, scrip.url, role, options);
const fails = "userErrors { code message field }";

/** A mutation with one input and a key, and one payload. */
async function does(role, name, type, input, wants = "") {
  const query = `mutation ($input: ${type}!) { done: ${name}(input: $input) { ${wants} ${fails} } }`;
  return (await asked(scrip.url, role, query, { input: { ...input, idempotencyKey: crypto.randomUUID() } })).done;
}

const paid = (invoiceId, amount) => does("manager", "recordPayment", "RecordPaymentInput", { invoiceId, amount, method: "CARD" });

/** Opens an invoice by its number. */
async function find(page, number) {
  await page.getByRole("link", { name: "Orders" }).click();
  await page.getByLabel("Number, or how its reference begins").fill(number);
  await page.getByRole("button", { name: new RegExp(number) }).click();
  return page.getByRole("dialog");
}

test("a part of an invoice is taken back: what is due falls first, the rest is given back; and the note is voided", async () => {
  const customer = await give(scrip.url, REGULAR, "1");
  await paid(await bill(scrip.url, customer, "NOTE-1", TWO_LINES), "70.00");
  const { page, problems, close } = await as("manager");
  const dialog = await find(page, "NOTE-1");
  await dialog.getByRole("button", { name: "Credit note" }).click();
  assert.equal(await dialog.getByLabel("Amount", { exact: true }).inputValue(), "90.00");
  await dialog.getByLabel("Amount", { exact: true }).fill("30");
  await dialog.locator(".effect").getByText("£10.00 as new credit").waitFor();
  await foreseen(dialog, "Due", 0);
  await accessible(page, "credit note");
  await dialog.getByLabel("Note").fill("One lid was cracked");
  await dialog.getByRole("button", { name: "Make credit note" }).click();
  await told(page, "A credit note of £30.00 on NOTE-1");
  await dialog.getByText("£20.00 less due, £10.00 given back").waitFor();
  await dialog.getByText("£30.00 taken back by notes").waitFor();
  await dialog.getByRole("button", { name: "Credit note" }).click();
  await dialog.getByRole("radio", { name: "By lines" }).check();
  await dialog.getByRole("checkbox", { name: /Hamper/ }).check();
  await dialog.getByLabel("How many of 3").fill("1");
  await dialog.locator(".effect").getByText("£20.00", { exact: true }).first().waitFor();
  await accessible(page, "credit note by lines");
  await dialog.getByRole("button", { name: "Make credit note" }).click();
  await told(page, "A credit note of £20.00 on NOTE-1");
  await dialog.getByRole("button", { name: "Void the note of £30.00" }).click();
  await dialog.locator(".effect").getByText("Invoice NOTE-1").waitFor();
  await dialog.getByRole("button", { name: "Void" }).click();
  await told(page, "The credit note of £30.00 is void");
  await dialog.getByText(/voided/).first().waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("a note over the limit of staff waits; the manager sees what it would do now, and approves it", async () => {
  const customer = await give(scrip.url, BEST, "1");
  await bill(scrip.url, customer, "NOTE-2", [{ description: "Course", unitPrice: "300.00", units: "1" }]);
  const staff = await as("staff");
  const dialog = await find(staff.page, "NOTE-2");
  await dialog.getByRole("button", { name: "Credit note" }).click();
  await dialog.getByLabel("Amount", { exact: true }).fill("150");
  await dialog.getByText(/over your limit/).waitFor();
  await dialog.getByLabel("Note").fill("Half of it was cancelled");
  await dialog.getByRole("button", { name: "Ask a manager" }).click();
  await told(staff.page, "A manager has been asked");
  await staff.close();
  const { page, problems, close } = await as("manager");
  await page.getByRole("link", { name: /Approvals/ }).click();
  await page.locator(".request", { hasText: "Half of it was cancelled" }).getByRole("button", { name: "Approve" }).click();
  await foreseen(page.getByRole("dialog"), "Due", 150);
  await accessible(page, "approve a note");
  await page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
  await told(page, "Approved and posted");
  assert.deepEqual(problems, []);
  await close();
});

test("whatever waits, its dialog says what it would do now", async () => {
  const customer = await give(scrip.url, REGULAR, "90");
  const other = await give(scrip.url, BEST, "1");
  const invoiceId = await bill(scrip.url, customer, "WAITS-1", TWO_LINES);
  const proposed = { proposeOnly: true, note: "waits" };
  const { transaction } = await does("admin", "spendCredit", "SpendCreditInput", { customerId: customer, asset: "GBP", amount: "6.00", reference: "T-1" }, "transaction { id }");
  await does("admin", "refundSpend", "RefundSpendInput", { transactionId: transaction.id, amount: "6.00", ...proposed });
  await does("admin", "transferCredit", "TransferCreditInput", { fromCustomerId: customer, toCustomerId: other, asset: "GBP", amount: "4.00", ...proposed });
  await does("admin", "createCreditNote", "CreateCreditNoteInput", { invoiceId, amount: "12.00", ...proposed });
  await does("admin", "adjustCredit", "AdjustCreditInput", { customerId: customer, asset: "POINTS", amount: "-900", reason: "CORRECTION", ...proposed });
  await does("admin", "recordPayment", "RecordPaymentInput", { invoiceId, amount: "95.00", method: "CASH", keepExcess: true, proposeOnly: true });
  const { rewards, products } = await asked(scrip.url, "admin", "{ rewards { edges { node { id name } } } products { edges { node { id kind } } } }");
  await does("admin", "giveReward", "GiveRewardInput", { customerId: customer, rewardId: rewards.edges.find(({ node }) => node.name === "Free delivery").node.id, deductPoints: true, ...proposed });
  const productId = products.edges.find(({ node }) => node.kind === "CREDIT").node.id;
  await does("admin", "createOrder", "CreateOrderInput", { customerId: customer, currency: "GBP", number: "LATER-1", items: [{ productId, units: "50" }], proposeOnly: true });
  await bill(scrip.url, other, "LATER-1", TWO_LINES);
  const creditId = await expired(scrip.url, BEST, "3.21");
  await does("admin", "reviveCredit", "ReviveCreditInput", { creditId, reason: "GOODWILL", expiresInDays: 9, ...proposed });
  const { page, problems, close } = await as("manager");
  await page.getByRole("link", { name: /Approvals/ }).click();
  for (const [sentence, effects] of [
    [/Give £6.00 back/, [/Balance £.*then £/, /Goes to/]],
    [/Transfer £4.00 from .* to /, [/Then with/, /Taken from/]],
    [/Credit note of £12.00/, [/WAITS-1/, /£78.00/]],
    [/Remove 900 points/, [/Balance .* points, then/, /from Silver to Bronze/]],
    [/Keep £5.00/, [/£95.00, cash/, /Kept as credit/]],
    [/“Free delivery” for points/, [/Balance .* points, then/]],
    [/Sell .* credit of £50.00/, [/50 × Account credit/, /already a number LATER-1/]],
    [/Revive £3.21/, [/Balance £.*then £/, /3.21 to the credit of/]],
  ]) {
    await page.locator(".request", { has: page.getByRole("heading", { name: sentence }) }).getByRole("button", { name: "Approve" }).click();
    const dialog = page.getByRole("dialog");
    for (const effect of effects) await dialog.locator(".effect").getByText(effect).first().waitFor();
    await accessible(page, String(sentence));
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  }
  assert.deepEqual(problems, []);
  await close();
});

test("what is paid too much is kept as credit; an invoice that nothing paid is voided", async () => {
  const customer = await give(scrip.url, REGULAR, "1");
  await bill(scrip.url, customer, "OVER-1", TWO_LINES);
  await bill(scrip.url, customer, "GONE-1", TWO_LINES, { reference: "basket 77" });
  const { page, problems, close } = await as("manager");
  const dialog = await find(page, "OVER-1");
  await dialog.getByRole("button", { name: "Record payment" }).click();
  await dialog.getByLabel("Amount").fill("100");
  await dialog.getByText("more than is due").waitFor();
  await dialog.getByRole("checkbox", { name: "Keep what is too much" }).check();
  await dialog.locator(".effect").getByText("Kept as credit").waitFor();
  await accessible(page, "payment");
  await dialog.getByRole("button", { name: "Record payment" }).click();
  await told(page, "£100.00 recorded");
  await dialog.getByText("£10.00 of it kept as credit").waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Void invoice" }).count(), 0);
  await page.keyboard.press("Escape");
  await page.getByLabel("Number, or how its reference begins").fill("basket");
  await page.getByRole("button", { name: /GONE-1/ }).click();
  await dialog.getByRole("button", { name: "Void invoice" }).click();
  await dialog.locator(".effect").getByText("Invoice GONE-1").waitFor();
  await dialog.getByRole("button", { name: "Void invoice" }).click();
  await told(page, "GONE-1 is void");
  assert.deepEqual(problems, []);
  await close();
});

test("orders and invoices are found by number, by reference and by state, at 390 px too", async () => {
  const customer = await give(scrip.url, REGULAR, "1");
  await bill(scrip.url, customer, "FIND-7", TWO_LINES, { reference: "web 4711" });
  for (const options of [{}, PHONE]) {
    const { page, problems, close } = await as("staff", options);
    await page.getByRole("link", { name: "Orders" }).click();
    const search = page.getByLabel("Number, or how its reference begins");
    await search.fill("FIND-7");
    await page.getByRole("button", { name: /FIND-7/ }).waitFor();
    await search.fill("web 47");
    await page.getByRole("button", { name: /FIND-7/ }).waitFor();
    await search.fill("nothing of the kind");
    await page.getByText("Nothing found for “nothing of the kind”.").waitFor();
    await search.fill("");
    await page.getByLabel("Show").selectOption("Orders and invoices");
    await page.getByLabel("State").selectOption("Not paid yet");
    await page.getByRole("button", { name: /FIND-7/ }).waitFor();
    await page.getByLabel("State").selectOption("Void");
    await page.getByRole("button", { name: /FIND-7/ }).waitFor({ state: "detached" });
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= page.viewportSize().width);
    await accessible(page, "orders");
    assert.deepEqual(problems, []);
    await close();
  }
});

test("an admin adds rewards of each kind, and changes one; staff give it with what the server says", async () => {
  const { page, problems, close } = await as("admin");
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("link", { name: "Rewards" }).click();
  const dialog = page.getByRole("dialog");
  const add = async (name, kind, fill) => {
    await page.getByRole("button", { name: "Add: Rewards" }).click();
    await dialog.getByLabel("Name").fill(name);
    await dialog.getByRole("radio", { name: kind }).check();
    await fill();
    await dialog.getByLabel("Price in points").fill("150");
    await accessible(page, name);
    await dialog.getByRole("button", { name: "Save" }).click();
    await told(page, "Saved");
    await page.getByText(name).first().waitFor();
  };
  await add("Seven francs off", "Amount off", async () => {
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("Type an amount").first().waitFor();
    await dialog.getByLabel("How much off").fill("7,50");
    await dialog.getByLabel("Currency").selectOption("CHF");
  });
  await add("A quarter off", "Per cent off", async () => {
    await dialog.getByLabel("How much off").fill("125");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("up to 100").waitFor();
    await dialog.getByLabel("How much off").fill("25");
  });
  await add("A ribbon", "Free product", async () => {
    await dialog.getByLabel("Product", { exact: true }).fill("RIBBON-9");
    await dialog.getByLabel("How many can be given").fill("2");
  });
  await add("Sent free", "Free delivery", async () => dialog.getByLabel("Days until it expires").fill("30"));
  await page.getByText(/CHF.7\.50 off/).waitFor();
  await page.getByText(/25% off · 150 points/).waitFor();
  await page.getByRole("button", { name: "Change: A ribbon" }).click();
  assert.equal(await dialog.getByLabel("Product", { exact: true }).inputValue(), "RIBBON-9");
  await dialog.getByLabel("Price in points").fill("120");
  await dialog.getByRole("button", { name: "Save" }).click();
  await told(page, "Saved");
  await page.getByText(/free product · 120 points · 2 left/).waitFor();
  assert.deepEqual(problems, []);
  await close();
  const staff = await as("staff");
  await openCustomer(staff.page, REGULAR);
  await staff.page.getByRole("link", { name: "Points" }).click();
  const had = pounds(await figureOf(staff.page, "POINTS"));
  await staff.page.getByRole("button", { name: "Give reward" }).first().click();
  const giving = staff.page.getByRole("dialog");
  await giving.getByRole("button", { name: "Give reward" }).click();
  await giving.getByRole("alert").getByText("Choose a reward.").waitFor();
  await giving.getByRole("radio", { name: /A ribbon/ }).check();
  await giving.getByText(`120 points are taken, ${(had - 120).toLocaleString("en-GB")} points stay`).waitFor();
  await giving.getByRole("button", { name: "Give reward" }).click();
  await giving.locator(".code code").waitFor();
  assert.deepEqual(staff.problems, []);
  await staff.close();
});

test("activity is filtered by day, kind and currency, and saved as it is filtered: no cell is a formula", async () => {
  await give(scrip.url, REGULAR, "1.11", { note: "=HYPERLINK(\"http://localhost\")" });
  await give(scrip.url, REGULAR, "-0.11", { note: "a;b, \"c\"", reason: "CORRECTION" });
  const { page, problems, close } = await as("manager");
  await page.getByRole("link", { name: "Activity" }).click();
  await page.getByLabel("What", { exact: true }).selectOption("Adjusted");
  await page.getByLabel("In", { exact: true }).selectOption("£ credit");
  const today = await page.evaluate(() => new Intl.DateTimeFormat("en-CA", { timeZone: "Europe/London" }).format());
  await page.getByLabel("From").fill(today);
  await page.getByLabel("To", { exact: true }).fill("2020-01-01");
  await page.getByText("before the first day").waitFor();
  await page.getByLabel("To", { exact: true }).fill(today);
  await page.locator(".event", { hasText: "HYPERLINK" }).first().waitFor();
  await accessible(page, "activity");
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save as a file" }).click();
  const file = await saved;
  assert.match(file.suggestedFilename(), /^activity-\d{4}-\d\d-\d\d\.csv$/);
  const text = await readFile(await file.path(), "utf8");
  const lines = text.split("\r\n");
  assert.match(lines[0], /^\ufeffInstant,What,Customer number,Customer,Asset,Amount,Set aside,Reason,Note/);
  assert.match(lines[1], /^20.*,Adjusted,16013,.*,GBP,-0\.11,,Correction,"a;b, ""c""",/);
  assert.match(lines[2], /,GBP,1\.11,,Goodwill,"'=HYPERLINK\(""http:\/\/localhost""\)",/);
  const dialog = page.getByRole("dialog");
  await dialog.getByText(`${lines.length - 2} rows saved`).waitFor();
  await accessible(page, "export");
  assert.deepEqual(problems, []);
  await close();
});

test("days begin when they do in the shop's zone, also where clocks change at midnight", async () => {
  const { page, close } = await as("staff", { timezoneId: "Pacific/Auckland" });
  const begins = await page.evaluate(async () => {
    const { dayBegins, zone } = await import("/console/text.js");
    const days = [["Europe/London", "2026-03-29"], ["Europe/London", "2026-03-30"], ["America/Santiago", "2026-09-06"], ["America/Santiago", "2026-04-05"], ["Asia/Kathmandu", "2026-01-01"]];
    return days.map(([name, day]) => {
      zone.value = name;
      return dayBegins(day);
    });
  });
  assert.deepEqual(begins, ["2026-03-29T00:00:00.000Z", "2026-03-29T23:00:00.000Z", "2026-09-06T04:00:00.000Z", "2026-04-05T04:00:00.000Z", "2025-12-31T18:15:00.000Z"]);
  await close();
});

test("an export shows how far it is, and is stopped with what there is", async () => {
  const { page, close } = await as("manager", PHONE);
  await page.goto(`${scrip.url}/console/activity`);
  await page.locator(".event").first().waitFor();
  let pages = 0;
  let go;
  const until = new Promise((resolve) => (go = resolve));
  await page.route("**/graphql", async (route) => {
    if (!route.request().postData()?.includes('"operationName":"Activity"')) return route.continue();
    pages += 1;
    if (pages > 1) await until;
    return route.continue().catch(() => {});
  });
  await page.getByRole("button", { name: "Save as a file" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("100 rows read").waitFor();
  await dialog.getByRole("progressbar").waitFor();
  await dialog.getByRole("button", { name: "Stop" }).click();
  go();
  await dialog.getByText("Stopped after 100 rows.").waitFor();
  const saved = page.waitForEvent("download");
  await dialog.getByRole("button", { name: "Save these 100 rows" }).click();
  const text = await readFile(await (await saved).path(), "utf8");
  assert.equal(text.trimEnd().split(/\r\n(?=20)/).length, 101);
  await close();
});

test("a statement is printed for a period: it alone, black on white", async () => {
  await give(scrip.url, REGULAR, "2.22");
  const { page, problems, close } = await as("staff", { colorScheme: "dark" });
  await page.addInitScript(() => {
    globalThis.printed = 0;
    globalThis.print = () => (globalThis.printed += 1);
  });
  await page.reload();
  await page.getByRole("heading", { level: 1 }).waitFor();
  await openCustomer(page, REGULAR);
  const balance = pounds(await figureOf(page, "GBP"));
  await page.getByRole("link", { name: "History" }).click();
  await page.getByRole("link", { name: "Statement" }).click();
  await page.getByLabel("What", { exact: true }).selectOption("£ credit");
  const paper = page.getByRole("article");
  await paper.getByText("+£2.22").first().waitFor();
  const closing = await paper.getByRole("row", { name: /Balance then/ }).locator("td").last().textContent();
  assert.ok(pounds(closing) >= balance);
  await accessible(page, "statement");
  await page.getByRole("button", { name: "Print" }).click();
  assert.equal(await page.evaluate(() => globalThis.printed), 1);
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  const seen = (selector) => page.evaluate((each) => [...document.querySelectorAll(each)].some((found) => found.checkVisibility()), selector);
  for (const hidden of [".side", ".tabs", ".profile-head", ".filters", "button"]) assert.equal(await seen(hidden), false, hidden);
  assert.equal(await seen(".paper table"), true);
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector(".paper")).backgroundColor), "rgb(255, 255, 255)");
  await page.emulateMedia({ media: "screen" });
  await page.getByLabel("To", { exact: true }).fill("2011-01-31");
  await page.getByText("before the first day").waitFor();
  await page.getByLabel("From").fill("2010-12-01");
  await paper.getByText("31 Jan 2011").first().waitFor();
  assert.deepEqual(problems, []);
  await close();
});
