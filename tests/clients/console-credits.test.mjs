// The console in a real browser: credit that is spent, set aside, given back, transferred, moved, paused and voided, each
// with what the server says beforehand.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBrowser } from "./browser.mjs";
import { bill, expired, foreseen, give, pounds, told } from "./console-books.mjs";
import { accessible, figureOf, open, openCustomer } from "./console.mjs";
import { startScrip } from "./server.mjs";

const REGULAR = "16013";
const OTHER = "16607";
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };

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

/** What finds an element again that is drawn anew. */
const keyOf = async (locator) => `[data-key="${await locator.getAttribute("data-key")}"]`;

/** Opens the dialog that spends pounds, with an amount. */
async function spending(page, amount, what) {
  await page.getByRole("button", { name: "Spend £ credit" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Amount").fill(amount);
  if (what) await dialog.getByLabel("What for").fill(what);
  return dialog;
}

test("credit is spent with what is left seen beforehand, and a part of it is given back from the history", async () => {
  await give(scrip.url, REGULAR, "50");
  const { page, problems, close } = await as("staff");
  await openCustomer(page, REGULAR);
  const had = pounds(await figureOf(page, "GBP"));
  const dialog = await spending(page, "12,50");
  await page.waitForFunction((left) => document.querySelector(".effect .from-to strong")?.textContent.replaceAll(",", "") === left, `£${(had - 12.5).toFixed(2)}`);
  await dialog.getByText("Taken from", { exact: true }).waitFor();
  await dialog.getByRole("button", { name: "Spend" }).click();
  await dialog.getByText("Say what for").waitFor();
  await dialog.getByLabel("What for").fill("TILL-7");
  await page.keyboard.press("Control+Enter");
  await told(page, "£12.50 spent");
  await page.getByRole("link", { name: "History" }).click();
  const line = page.locator(".event", { hasText: "TILL-7" }).first();
  await line.getByRole("button", { name: "Give back" }).click();
  assert.equal(await dialog.getByLabel("Amount").inputValue(), "12.50");
  await dialog.getByLabel("Amount").fill("5");
  await page.waitForFunction((then) => document.querySelector(".effect .from-to strong")?.textContent.replaceAll(",", "") === then, `£${(had - 7.5).toFixed(2)}`);
  await dialog.getByRole("button", { name: "Give back" }).click();
  await told(page, "£5.00 given back");
  await page.locator(".event", { hasText: "TILL-7" }).getByText("£5.00 given back").waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("more than there is cannot be spent: it is said beside the amount, and the button is off", async () => {
  const { page, problems, close } = await as("staff");
  await openCustomer(page, REGULAR);
  const dialog = await spending(page, "99999", "TILL-8");
  await dialog.getByText(/Only £.* is there: that is not enough/).waitFor();
  assert.equal(await dialog.getByLabel("Amount").getAttribute("aria-invalid"), "true");
  assert.equal(await dialog.getByRole("button", { name: "Spend" }).isDisabled(), true);
  await dialog.getByLabel("Amount").fill("1");
  await dialog.locator(".from-to").first().waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Spend" }).isDisabled(), false);
  assert.deepEqual(problems, []);
  await close();
});

test("credit is set aside, kept for longer, taken in part, and the rest let go, at 390 px", async () => {
  await give(scrip.url, REGULAR, "40");
  const { page, problems, close } = await as("manager", PHONE);
  await openCustomer(page, REGULAR);
  const had = pounds(await figureOf(page, "GBP"));
  const dialog = await spending(page, "30", "TABLE-4");
  await dialog.getByRole("radio", { name: "Set aside first" }).check();
  await dialog.getByLabel("For how long").selectOption({ label: "1 hour" });
  await foreseen(dialog, "Balance", had - 30);
  await accessible(page, "setting aside");
  const box = await dialog.getByRole("button", { name: "Set aside", exact: true }).boundingBox();
  assert.ok(box.y + box.height <= 844 && box.height >= 44);
  await dialog.getByRole("button", { name: "Set aside", exact: true }).click();
  await told(page, "£30.00 is set aside until");
  const held = page.getByRole("region", { name: "Set aside" });
  await held.getByText("TABLE-4").waitFor();
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390);
  await held.getByRole("button", { name: "Longer" }).click();
  await dialog.getByLabel("From now on for").selectOption({ label: "1 day" });
  await dialog.getByRole("button", { name: "Longer" }).click();
  await told(page, "Set aside until");
  await held.getByRole("button", { name: "Take" }).click();
  await dialog.getByLabel("Amount").fill("20");
  await dialog.getByText("Taken from", { exact: true }).waitFor();
  await accessible(page, "taking what was set aside");
  await dialog.getByRole("button", { name: "Take" }).click();
  await told(page, "£20.00 taken");
  await held.getByText("of £30.00").waitFor();
  await held.getByRole("button", { name: "Let go" }).click();
  await dialog.getByText("can be spent again").waitFor();
  await dialog.getByRole("button", { name: "Let go" }).click();
  await told(page, "£10.00 is free again");
  await held.waitFor({ state: "detached" });
  await page.waitForFunction((left) => Math.abs(Number(document.querySelector('.big[data-asset="GBP"]').textContent.replaceAll(/[^\d.]/g, "")) - left) < 0.001, had - 20);
  assert.deepEqual(problems, []);
  await close();
});

test("what is set aside pays an invoice", async () => {
  const customer = await give(scrip.url, REGULAR, "60");
  await bill(scrip.url, customer, "HELD-1", [{ description: "Engraving", unitPrice: "45.00", units: "1" }]);
  const { page, problems, close } = await as("staff");
  await openCustomer(page, REGULAR);
  const dialog = await spending(page, "45", "HELD-1 at the till");
  await dialog.getByRole("radio", { name: "Set aside first" }).check();
  await dialog.getByRole("button", { name: "Set aside", exact: true }).click();
  await told(page, "£45.00 is set aside");
  await page.getByRole("button", { name: "Take: £45.00" }).click();
  await dialog.getByLabel("As", { exact: true }).selectOption({ label: "payment of HELD-1 (£45.00 due)" });
  await foreseen(dialog, "Due", 0);
  await dialog.getByRole("button", { name: "Take" }).click();
  await told(page, "£45.00 taken");
  await page.getByRole("link", { name: "Billing" }).click();
  await page.getByRole("row", { name: /HELD-1/ }).getByText("Paid").waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("a manager transfers credit to somebody who is found as one types; staff have no such button", async () => {
  await give(scrip.url, REGULAR, "20");
  const { page, problems, close } = await as("manager");
  await openCustomer(page, REGULAR);
  const had = pounds(await figureOf(page, "GBP"));
  await page.getByRole("button", { name: "Transfer £ credit" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("choose who receives it").waitFor();
  await dialog.getByLabel("Amount").fill("8");
  await dialog.getByRole("button", { name: "Transfer" }).click();
  await dialog.getByText("Choose somebody.").waitFor();
  await dialog.getByLabel("To whom").fill(OTHER);
  await dialog.getByRole("radio", { name: new RegExp(OTHER) }).check();
  await dialog.getByText(/^then £/).waitFor();
  await accessible(page, "transfer");
  await dialog.getByRole("button", { name: "Transfer" }).click();
  await told(page, "£8.00 transferred to");
  await page.waitForFunction((left) => document.querySelector('.big[data-asset="GBP"]').textContent.replaceAll(",", "") === left, `£${(had - 8).toFixed(2)}`);
  assert.deepEqual(problems, []);
  await close();
  const staff = await as("staff");
  await openCustomer(staff.page, REGULAR);
  await staff.page.getByRole("button", { name: "Spend £ credit" }).waitFor();
  assert.equal(await staff.page.getByRole("button", { name: /^Transfer/ }).count(), 0);
  await staff.close();
});

test("a credit is assigned with what becomes of the invoice, moved to another, paused, and voided with all that it does", async () => {
  const customer = await give(scrip.url, REGULAR, "33", { note: "For two invoices" });
  await bill(scrip.url, customer, "FIRST-1", [{ description: "Workshop", unitPrice: "25.00", units: "1" }]);
  await bill(scrip.url, customer, "SECOND-2", [{ description: "Hamper", unitPrice: "40.00", units: "1" }]);
  const { page, problems, close } = await as("manager");
  await openCustomer(page, REGULAR);
  await page.getByRole("link", { name: "Billing" }).click();
  await page.locator(".lot", { hasText: "£33.00" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Assign" }).click();
  await dialog.getByText("Tick an invoice.").waitFor();
  await dialog.getByRole("checkbox", { name: /FIRST-1/ }).check();
  await dialog.locator(".effect").getByText("£0.00").waitFor();
  await dialog.locator(".effect").getByText("Paid").waitFor();
  await accessible(page, "assign");
  await dialog.getByRole("button", { name: "Assign" }).click();
  await told(page, "Assigned to 1 invoice. £8.00 left.");
  await page.getByRole("button", { name: "FIRST-1" }).click();
  await dialog.getByRole("button", { name: "See credit" }).click();
  await dialog.getByRole("button", { name: "Move FIRST-1" }).click();
  await dialog.getByText("£25.00 comes off FIRST-1").waitFor();
  assert.equal(await dialog.getByRole("checkbox", { name: /FIRST-1/ }).count(), 0);
  await dialog.getByRole("checkbox", { name: /SECOND-2/ }).check();
  await dialog.locator(".effect").getByText("Invoice FIRST-1").waitFor();
  await dialog.locator(".effect").getByText("Invoice SECOND-2").waitFor();
  await accessible(page, "move");
  await dialog.getByRole("button", { name: "Move" }).click();
  await told(page, "Moved to 1 invoice. £0.00 left.");
  await page.getByRole("row", { name: /SECOND-2/ }).getByText("£7.00").waitFor();
  await page.getByRole("button", { name: "SECOND-2" }).click();
  await dialog.getByRole("button", { name: "See credit" }).click();
  await dialog.getByRole("button", { name: "Release SECOND-2" }).click();
  await dialog.locator(".effect").getByText("Goes to").waitFor();
  await dialog.getByRole("button", { name: "Release" }).click();
  await told(page, "back on the credit");
  await page.locator(".lot", { hasText: "£33.00" }).first().click();
  await dialog.getByRole("button", { name: "Keep for later" }).click();
  await dialog.getByText("kept from the next invoice").waitFor();
  await dialog.getByRole("button", { name: "Keep for later" }).click();
  await told(page, "waits to be assigned by hand");
  await dialog.getByRole("button", { name: "Apply by itself" }).waitFor();
  await dialog.getByRole("button", { name: "Void" }).click();
  await dialog.locator(".effect").getByText("Balance").waitFor();
  await accessible(page, "void");
  await dialog.getByRole("button", { name: "Void" }).click();
  await told(page, "£33.00 was taken back");
  assert.deepEqual(problems, []);
  await close();
});

test("a credit that is set aside is voided only with what is set aside of it", async () => {
  await give(scrip.url, OTHER, "17.30");
  const { page, problems, close } = await as("manager");
  await openCustomer(page, OTHER);
  const dialog = await spending(page, "17.00", "SOME-1");
  await dialog.getByRole("radio", { name: "Set aside first" }).check();
  await dialog.getByRole("button", { name: "Set aside", exact: true }).click();
  await told(page, "£17.00 is set aside");
  await page.locator(".lot").first().click();
  await dialog.getByRole("button", { name: "Void" }).click();
  await dialog.getByText("is set aside for a purchase").waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Void" }).isDisabled(), true);
  await dialog.getByRole("checkbox", { name: /that is set aside/ }).check();
  await dialog.locator(".effect .from-to").first().waitFor();
  await dialog.getByRole("button", { name: "Void" }).click();
  await told(page, "was taken back");
  assert.deepEqual(problems, []);
  await close();
});

test("a manager puts back what has expired, for as long as is said", async () => {
  await expired(scrip.url, OTHER, "4.56");
  const { page, problems, close } = await as("manager");
  await openCustomer(page, OTHER);
  const had = pounds(await figureOf(page, "GBP"));
  await page.getByRole("button", { name: "What expired…: £ credit" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Credit", { exact: true }).locator("option", { hasText: "£4.56" }).waitFor({ state: "attached" });
  await dialog.getByLabel("Amount").fill("4.00");
  await dialog.getByRole("button", { name: "30 days" }).click();
  await dialog.getByLabel("Reason").selectOption("OTHER");
  // Refused until there is a note, and no longer.
  await dialog.locator('[aria-invalid="true"]').waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Put back" }).isDisabled(), true);
  await dialog.getByLabel("Note").fill("The shop was closed");
  await foreseen(dialog, "Balance", had + 4);
  await accessible(page, "revive");
  await dialog.getByRole("button", { name: "Put back" }).click();
  await told(page, "Put back. Balance");
  assert.deepEqual(problems, []);
  await close();
});

test("a currency that nobody has yet is chosen where an amount is typed, with its own decimals", async () => {
  const { page, problems, close } = await as("manager");
  await openCustomer(page, OTHER);
  await page.getByRole("button", { name: "Adjust", exact: true }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Another currency").selectOption("KWD");
  assert.equal(await dialog.getByRole("radio", { name: /KWD|KD/ }).isChecked(), true);
  await accessible(page, "another currency");
  await dialog.getByLabel("Amount").fill("1.250");
  await dialog.getByLabel("Reason").selectOption("GOODWILL");
  await dialog.getByRole("button", { name: "Review" }).click();
  await dialog.getByText(/Add KWD.1\.250 to/).waitFor();
  await dialog.getByRole("button", { name: "Apply" }).click();
  await told(page, "1.250");
  await page.locator('.big[data-asset="KWD"]').waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("the focus is back where a dialog was opened once the page shows what was posted, and on the heading where that is gone", async () => {
  await give(scrip.url, REGULAR, "14.20");
  const { page, problems, close } = await as("manager");
  await openCustomer(page, REGULAR);
  const dialog = page.getByRole("dialog");
  const focused = async (selector) => {
    await dialog.waitFor({ state: "detached" });
    await page.waitForFunction((each) => !document.querySelector("main [aria-busy]") && document.activeElement?.matches(each), selector);
  };
  await page.getByRole("button", { name: "Adjust £ credit" }).click();
  await dialog.getByLabel("Amount").fill("1.30");
  await dialog.getByLabel("Reason").selectOption("GOODWILL");
  await dialog.getByRole("button", { name: "Review" }).click();
  await dialog.getByRole("button", { name: "Apply" }).click();
  await page.locator(".lot", { hasText: "£1.30" }).first().waitFor();
  await focused(await keyOf(page.getByRole("button", { name: "Adjust £ credit" })));
  const lot = page.locator(".lot", { hasText: "£14.20" }).first();
  await lot.click();
  await dialog.getByRole("button", { name: "Keep for later" }).click();
  await dialog.getByRole("button", { name: "Keep for later" }).click();
  await dialog.getByRole("button", { name: "Apply by itself" }).waitFor();
  await lot.getByText("not applied by itself").waitFor();
  await page.keyboard.press("Escape");
  await focused(await keyOf(lot));
  await lot.click();
  await dialog.getByRole("button", { name: "Void" }).click();
  await dialog.getByRole("button", { name: "Void" }).click();
  await told(page, "£14.20 was taken back");
  await focused("h1");
  assert.deepEqual(problems, []);
  await close();
});

test("in German and in the dark, by the keyboard alone", async () => {
  await give(scrip.url, REGULAR, "10");
  const { page, problems, close } = await as("staff", { locale: "de-DE", colorScheme: "dark" });
  await openCustomer(page, REGULAR);
  await page.locator('[data-key="spend"]').focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Betrag").waitFor();
  await dialog.getByRole("radio", { name: "£-Guthaben" }).check();
  await dialog.getByLabel("Betrag").focus();
  await page.keyboard.type("2,50");
  await page.keyboard.press("Tab");
  await page.keyboard.type("KASSE-1");
  await dialog.locator(".effect .from-to").first().waitFor();
  await accessible(page, "ausgeben");
  await page.keyboard.press("Control+Enter");
  await told(page, "2,50 £ ausgegeben");
  assert.deepEqual(problems, []);
  await close();
});
