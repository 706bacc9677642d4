// docs/tutorials/console.md, walked in Chromium as its reader would. Each bold word of the page is pressed, filled in or seen here, in
// the page's order, so that the two cannot part; `make pictures` has the page's pictures written on the way.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { startBrowser } from "./browser.mjs";
import { startScrip } from "./server.mjs";

const PAGE = path.resolve(import.meta.dirname, "../../docs/tutorials/console.md");
const DESKTOP = { width: 1100, height: 720 };
const PHONE = { width: 390, height: 780 };

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

/** Somebody who reads the page, and does what it says. */
class Reader {
  constructor(text) {
    this.steps = [...text.matchAll(/\*\*([^*]+)\*\*|!\[[^\]]*\]\((console\/[\w-]+\.webp)\)/g)].map(([, bold, picture]) => bold ?? picture);
    this.at = 0;
  }

  /** The next bold word or picture of the page is this one. */
  next(step) {
    assert.equal(this.steps[this.at], step, `step ${this.at + 1} of the page`);
    this.at += 1;
  }

  async visit(viewport, options = {}) {
    const context = await chromium.browser.newContext({ locale: "en-GB", viewport, reducedMotion: "reduce", ...options });
    this.page = await context.newPage();
    await this.page.goto(scrip.url);
  }

  get dialog() {
    return this.page.getByRole("dialog");
  }

  async role(name) {
    this.next(name);
    await this.page.locator(`[data-role="${name.toLowerCase()}"]`).click();
    await this.page.locator(".window-body .row").first().waitFor();
  }

  async press(name, where = this.page, exact = true) {
    this.next(name);
    await where.getByRole("button", { name, exact }).first().click();
  }

  async open(name, where = this.page) {
    this.next(name);
    await where.getByRole("link", { name }).first().click();
    await this.page.waitForFunction(() => !document.querySelector("[aria-busy]"));
  }

  async see(name) {
    this.next(name);
    await this.page.getByRole("link", { name }).first().waitFor();
  }

  async fill(name, value) {
    this.next(name);
    const field = this.dialog.getByLabel(name, { exact: true });
    if ((await field.evaluate(({ tagName }) => tagName)) === "SELECT") await field.selectOption({ label: value });
    else await field.fill(value);
  }

  async find(number) {
    await this.page.keyboard.press("/");
    await this.page.getByRole("searchbox").fill(number);
    await this.page.locator(`.window-body .who:has-text("${number}") a`).click();
    await this.page.locator(".profile-head").waitFor();
    await this.page.waitForFunction(() => !document.querySelector("[aria-busy]"));
  }

  async told(text) {
    await this.page.locator("#told", { hasText: text }).waitFor();
  }

  /** A picture of what is on the screen; without what is said in passing. */
  async picture(name) {
    this.next(`console/${name}.webp`);
    if (!process.env.SCRIP_WRITE_PICTURES) return;
    await this.page.evaluate(() => document.getElementById("told").hidePopover());
    await this.page.evaluate(() => document.activeElement?.blur());
    const session = await this.page.context().newCDPSession(this.page);
    const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 75 });
    await writeFile(path.join(path.dirname(PAGE), "console", `${name}.webp`), Buffer.from(data, "base64"));
  }
}

test("docs/tutorials/console.md", async () => {
  const reader = new Reader(await readFile(PAGE, "utf8"));
  await reader.visit(DESKTOP);
  await reader.role("Staff");
  await reader.picture("customers");
  await reader.find("16013");
  await reader.picture("profile");
  for (const tab of ["Balance", "Membership", "Billing", "Points", "History"]) await reader.see(tab);

  await reader.press("Adjust");
  await reader.fill("Amount", "12.50");
  await reader.fill("Reason", "Goodwill");
  await reader.press("90 days", reader.dialog);
  await reader.fill("Note", "Parcel was late");
  await reader.press("Review", reader.dialog);
  await reader.dialog.getByText("Add £12.50 to").waitFor();
  await reader.picture("review");
  await reader.press("Apply", reader.dialog);
  await reader.told("Added £12.50");

  await reader.press("Adjust");
  await reader.fill("Amount", "150");
  await reader.fill("Reason", "Goodwill");
  await reader.fill("Note", "Course of May cancelled");
  await reader.press("Review", reader.dialog);
  await reader.dialog.getByText(/At most £100.00 at a time/).waitFor();
  await reader.picture("ask");
  await reader.press("Ask a manager", reader.dialog);
  await reader.told("A manager has been asked");
  await reader.open("Approvals");
  const asked = ".request:has-text('Course of May cancelled')";
  await reader.page.locator(asked).waitFor();

  await reader.visit(DESKTOP);
  await reader.role("Manager");
  await reader.open("Approvals");
  await reader.page.locator(asked).waitFor();
  await reader.picture("approvals");
  await reader.press("Approve", reader.page.locator(asked));
  await reader.dialog.getByText(/Balance £/).waitFor();
  await reader.press("Approve", reader.dialog);
  await reader.told("Approved and posted");

  await reader.find("16013");
  await reader.open("Points");
  await reader.press("Give reward");
  await reader.dialog.getByRole("radio", { name: /Free delivery/ }).check();
  await reader.press("Give reward", reader.dialog);
  await reader.dialog.locator(".code").waitFor();
  await reader.picture("coupon");
  await reader.press("Copy code", reader.dialog, false);
  await reader.press("Done", reader.dialog);

  await reader.open("Billing");
  await reader.page.locator(".lot", { hasText: "£150.00" }).first().click();
  await reader.press("Assign", reader.dialog);
  await reader.dialog.getByRole("checkbox").first().check();
  await reader.dialog.locator(".left").waitFor();
  await reader.picture("assign");
  await reader.press("Assign", reader.dialog);
  await reader.told("Assigned to 1 invoice");

  await reader.open("Activity");
  await reader.see("Liability");
  await reader.page.locator(".event").first().waitFor();
  await reader.picture("activity");

  await reader.visit(PHONE, { deviceScaleFactor: 1.5, hasTouch: true, isMobile: true });
  await reader.page.locator('[data-role="staff"]').click();
  await reader.find("16013");
  await reader.page.getByRole("button", { name: "Adjust", exact: true }).first().click();
  await reader.dialog.getByLabel("Amount").waitFor();
  reader.next("More");
  await reader.picture("phone");
  assert.deepEqual(reader.steps.slice(reader.at), []);
});
