// The console at `/console` in a real browser: what staff and managers do all day, end to end over the real server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBrowser } from "./browser.mjs";
import { accessible, dayFromNow, figureOf, open, openCustomer } from "./console.mjs";
import { typeOption } from "./person.mjs";
import { startScrip } from "./server.mjs";

const REGULAR = "16013";
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };

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

const as = (role, options) => open(browser, scrip.url, role, options);
const pounds = (text) => Number(text.replaceAll(/[^\d.]/g, ""));

/** Fills in the first step, and goes to the second. */
async function fill(page, { amount, reason = "GOODWILL", note = null, days = null }) {
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Amount").fill(amount);
  await dialog.getByLabel("Reason").selectOption(reason);
  if (note !== null) await dialog.getByLabel("Note").fill(note);
  if (days !== null) await dialog.getByLabel("Days until it expires").fill(days);
  await dialog.getByRole("button", { name: "Review" }).click();
  return dialog;
}

/** Waits until the profile shows that much in pounds. */
const shows = (page, amount) =>
  page.waitForFunction((text) => document.querySelector('.big[data-asset="GBP"]').textContent.replaceAll(",", "") === text, `£${amount.toFixed(2)}`);
const told = (page, text) => page.locator("#told", { hasText: text }).waitFor();

test("staff find a customer as they type, and add credit that the server previews", async () => {
  const { page, problems, close } = await as("staff");
  await openCustomer(page, REGULAR);
  const before = pounds(await figureOf(page, "GBP"));
  await page.getByRole("button", { name: "Adjust", exact: true }).first().click();
  const dialog = await fill(page, { amount: "25,00", note: "Parcel was late", days: "90" });
  await dialog.getByText("Add £25.00 to").waitFor();
  assert.equal(pounds(await dialog.locator(".from-to strong").textContent()), before + 25);
  await dialog.getByText(/Until the end of/).waitFor();
  await page.keyboard.press("Enter");
  await told(page, "Added £25.00");
  await shows(page, before + 25);
  assert.deepEqual(problems, []);
  await close();
});

test("amounts are taken as people type them, and told where they are wrong", async () => {
  const { page, close } = await as("manager");
  await openCustomer(page, REGULAR);
  await page.getByRole("button", { name: "Adjust", exact: true }).first().click();
  const dialog = page.getByRole("dialog");
  for (const [typed, said] of [["", "Type an amount"], ["ten", "no amount"], ["1,250", "a thousand, or a decimal"], ["1.005,005", "At most 2 decimals"], ["0", "above zero"]]) {
    await dialog.getByLabel("Amount").fill(typed);
    await dialog.getByRole("button", { name: "Review" }).click();
    await dialog.getByText(said).waitFor();
    assert.equal(await dialog.getByLabel("Amount").getAttribute("aria-invalid"), "true");
  }
  await dialog.getByText("Choose a reason.").waitFor();
  await fill(page, { amount: "1.250,50" });
  await dialog.getByText("Add £1,250.50 to").waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await dialog.getByLabel("Amount").inputValue(), "1.250,50");
  await dialog.getByLabel("Amount").fill("-25");
  assert.equal(await dialog.getByRole("radio", { name: "Remove" }).isChecked(), true);
  await dialog.getByLabel("Reason").selectOption("OTHER");
  await dialog.getByRole("button", { name: "Review" }).click();
  await dialog.getByText("Say in a few words why.").waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await close();
});

test("days and the last day follow each other, in the shop's zone", async () => {
  const { page, close } = await as("staff", { timezoneId: "Pacific/Auckland" });
  await openCustomer(page, REGULAR);
  await page.getByRole("button", { name: "Adjust", exact: true }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Days until it expires").fill("30");
  assert.equal(await dialog.getByLabel("Last day").inputValue(), dayFromNow(30));
  await dialog.getByLabel("Last day").fill(dayFromNow(7));
  assert.equal(await dialog.getByLabel("Days until it expires").inputValue(), "7");
  await dialog.getByRole("button", { name: "Never expires" }).click();
  assert.equal(await dialog.getByLabel("Last day").inputValue(), "");
  await close();
});

test("over the limit a manager is asked in the same row; it arrives on the manager's screen by itself and is approved", async () => {
  const [staff, manager] = [await as("staff"), await as("manager")];
  const badge = manager.page.locator(".count");
  await manager.page.getByRole("link", { name: /Approvals/ }).click();
  await manager.page.locator(".request").first().waitFor();
  const before = Number((await badge.textContent()).match(/\d+/)[0]);
  await openCustomer(staff.page, REGULAR);
  const had = pounds(await figureOf(staff.page, "GBP"));
  await staff.page.getByRole("button", { name: "Adjust", exact: true }).first().click();
  const dialog = await fill(staff.page, { amount: "150", note: "Course of May cancelled" });
  await dialog.getByText(/over your limit.*At most £100.00 at a time/).waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Apply" }).count(), 0);
  await dialog.getByRole("button", { name: "Ask a manager" }).click();
  await told(staff.page, "A manager has been asked");
  const asked = manager.page.locator(".request", { hasText: "Course of May cancelled" });
  await asked.waitFor();
  await manager.page.waitForFunction((n) => document.querySelector(".count")?.textContent.startsWith(String(n)), before + 1);
  await asked.getByRole("button", { name: "Approve" }).click();
  await manager.page.getByRole("dialog").getByText(/Balance £/).waitFor();
  await manager.page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
  await told(manager.page, "Approved and posted");
  await asked.waitFor({ state: "detached" });
  await shows(staff.page, had + 150);
  assert.deepEqual([...staff.problems, ...manager.problems], []);
  await staff.close();
  await manager.close();
});

test("an answer that is lost, and a second click: posted once, and said so", async () => {
  const { page, close } = await as("staff");
  await openCustomer(page, "17404");
  await page.getByRole("button", { name: "Adjust", exact: true }).first().click();
  const dialog = await fill(page, { amount: "5" });
  await dialog.getByText("Add £5.00 to").waitFor();
  let lost = 0;
  await page.route("**/graphql", async (route) => {
    if (lost || !route.request().postData()?.includes("adjustCredit(")) return route.continue();
    lost += 1;
    await route.fetch();
    return route.abort();
  });
  await dialog.getByRole("button", { name: "Apply" }).click();
  await dialog.getByText("never done twice").waitFor();
  await dialog.getByRole("button", { name: "Apply" }).click();
  await told(page, "Already done");
  assert.equal(lost, 1);
  await page.getByRole("link", { name: "History" }).click();
  await page.locator(".event", { hasText: "+£5.00" }).waitFor();
  assert.equal(await page.locator(".event", { hasText: "+£5.00" }).count(), 1);
  await close();
});

test("a session that ends in the middle of a form keeps what was typed", async () => {
  const { page, close } = await as("staff");
  await openCustomer(page, REGULAR);
  await page.getByRole("button", { name: "Adjust", exact: true }).first().click();
  const dialog = page.getByRole("dialog").first();
  await dialog.getByLabel("Amount").fill("7");
  await dialog.getByLabel("Reason").selectOption("GOODWILL");
  let ended = false;
  await page.route("**/graphql", (route) => {
    if (ended) return route.continue();
    ended = true;
    return route.continue({ headers: { ...route.request().headers(), authorization: "Bearer gone" } });
  });
  await dialog.getByRole("button", { name: "Review" }).click();
  const again = page.getByRole("dialog", { name: "Your session has ended" });
  await again.locator('[data-role="staff"]').click();
  await page.getByText("Add £7.00 to").waitFor();
  await page.keyboard.press("Enter");
  await told(page, "Added £7.00");
  await close();
});

test("a removal takes a manager: staff see no button for it; the tier that falls is said", async () => {
  const staff = await as("staff");
  await openCustomer(staff.page, REGULAR);
  await staff.page.getByRole("button", { name: "Adjust", exact: true }).first().click();
  assert.equal(await staff.page.getByRole("radio", { name: "Remove" }).count(), 0);
  await staff.close();
  const { page, problems, close } = await as("manager");
  await openCustomer(page, REGULAR);
  await page.getByRole("link", { name: "Points" }).click();
  await page.getByRole("button", { name: "Adjust points" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: "Remove" }).check();
  await fill(page, { amount: "900", reason: "CORRECTION" });
  await dialog.getByText("Falls from Silver to Bronze").waitFor();
  await dialog.getByText(/Taken from/).waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("credit is set against invoices with what is left running, released, and voided", async () => {
  const { page, problems, close } = await as("manager");
  await openCustomer(page, REGULAR);
  await page.getByRole("link", { name: "Billing" }).click();
  await page.getByRole("button", { name: "Add credit" }).click();
  await fill(page, { amount: "250", note: "Cancelled classes" });
  await page.getByRole("dialog").getByRole("button", { name: "Apply" }).click();
  await told(page, "Added £250.00");
  await page.locator(".lot", { hasText: "£250.00" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Assign" }).click();
  await dialog.locator(".assign-line").first().waitFor();
  await dialog.getByRole("checkbox").nth(0).check();
  await dialog.getByRole("textbox").nth(0).fill("100");
  await dialog.getByText("£150.00 left").waitFor();
  await dialog.getByRole("checkbox").nth(1).check();
  await dialog.getByRole("textbox").nth(1).fill("90,00");
  await dialog.getByText("£60.00 left").waitFor();
  await dialog.getByRole("button", { name: "Assign" }).click();
  await told(page, "Assigned to 2 invoices. £60.00 left.");
  await page.locator(".lot", { hasText: "£60.00" }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Release" }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Release" }).click();
  await told(page, "back on the credit");
  await page.locator(".lot", { hasText: "of £250.00" }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Void" }).click();
  await page.getByRole("dialog").getByText("which is due again").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Void" }).click();
  await told(page, "was taken back");
  assert.deepEqual(problems, []);
  await close();
});

test("a reward is given for points: the tier stays, the code is large, and it is disabled with its points", async () => {
  const { page, problems, close } = await as("manager");
  await openCustomer(page, REGULAR);
  await page.getByRole("link", { name: "Points" }).click();
  const before = pounds(await figureOf(page, "POINTS"));
  await page.getByRole("button", { name: "Give reward" }).last().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: /Free delivery/ }).check();
  await dialog.getByText("200 points are taken").waitFor();
  await dialog.getByRole("button", { name: "Give reward" }).click();
  const code = await dialog.locator(".code code").textContent();
  assert.match(code, /^[A-Z0-9-]{6,}$/);
  await dialog.getByRole("button", { name: "Done" }).click();
  const line = page.locator(".coupon", { hasText: code });
  await line.getByRole("button", { name: "Disable" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
  await told(page, `${code} is disabled`);
  await line.getByText("points given back").waitFor();
  assert.equal(pounds(await figureOf(page, "POINTS")), before);
  assert.deepEqual(problems, []);
  await close();
});

test("several are ticked and adjusted at once, by the keyboard alone", async () => {
  const { page, problems, close } = await as("manager");
  await page.locator(".window-body .row").first().waitFor();
  await page.getByLabel("Sort by").waitFor();
  await page.keyboard.press("/");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await page.getByText("2 customers ticked").waitFor();
  for (const key of ["/", "Tab", "Tab", "Tab", "Enter"]) await page.keyboard.press(key);
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Amount").waitFor();
  await page.keyboard.type("3");
  await page.keyboard.press("Tab");
  await typeOption(page, dialog.getByLabel("Reason"), "Goodwill");
  await page.keyboard.press("Control+Enter");
  await dialog.getByText("Add £3.00 to each of 2 customers").waitFor();
  await page.keyboard.press("Control+Enter");
  await told(page, "Done for 2 customers");
  assert.deepEqual(problems, []);
  await close();
});

test("an order is paid with credit, voided, paid in part another way, and the rest with credit", async () => {
  const { page, problems, close } = await as("manager");
  await page.getByRole("link", { name: "Orders" }).click();
  await page.getByRole("button", { name: "New order" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Customer number").fill(REGULAR);
  await dialog.getByLabel("Product").selectOption({ label: "Gift hamper, £45.00" });
  await dialog.getByLabel("How many").fill("2");
  await dialog.getByText("£90.00 in all").waitFor();
  await dialog.getByRole("button", { name: "Create order" }).click();
  const pay = async (amount, method) => {
    await dialog.getByRole("button", { name: "Record payment" }).click();
    if (amount) await dialog.getByLabel("Amount").fill(amount);
    await dialog.getByLabel("Paid by").selectOption(method);
    await dialog.getByRole("button", { name: "Record payment" }).click();
  };
  await pay(null, "ACCOUNT_CREDIT");
  await told(page, "£90.00 recorded, £0.00 still due");
  await dialog.getByRole("button", { name: "Void" }).click();
  await dialog.getByText("Take back the payment of £90.00").waitFor();
  await dialog.getByRole("button", { name: "Void" }).click();
  await told(page, "is void");
  await pay("40", "CASH");
  await told(page, "£40.00 recorded, £50.00 still due");
  await pay("50.00", "ACCOUNT_CREDIT");
  await told(page, "£50.00 recorded, £0.00 still due");
  await dialog.getByText("Paid", { exact: true }).waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("a file is looked over, its good rows are posted, and all of it is taken back", async () => {
  const { page, problems, close } = await as("manager");
  await page.getByRole("link", { name: "Imports" }).click();
  await page.getByRole("button", { name: "Import a file" }).click();
  const dialog = page.getByRole("dialog");
  const file = { name: "spring.csv", mimeType: "text/csv", buffer: Buffer.from("customer,amount\n17404,5.00\nnobody,5.00\n16013,2.50\n") };
  await dialog.locator("input[type=file]").setInputFiles(file);
  await dialog.getByLabel("Reason").selectOption("PROMOTION");
  await dialog.getByRole("button", { name: "Look it over" }).click();
  await dialog.getByText("2 rows can be posted").waitFor();
  await dialog.getByText("Line 3").waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Post 2 rows" }).isDisabled(), true);
  const saved = page.waitForEvent("download");
  await dialog.getByRole("button", { name: "Failed rows as a file" }).click();
  assert.equal((await saved).suggestedFilename(), "failed-rows.csv");
  await dialog.getByLabel("Post the good rows").check();
  await dialog.getByRole("button", { name: "Post 2 rows" }).click();
  await told(page, "Done for 2 customers");
  await dialog.getByText("2 of 3").waitFor();
  await dialog.getByRole("button", { name: "Take back" }).click();
  await dialog.getByText("Take back 2 rows").waitFor();
  await dialog.getByRole("button", { name: "Take back" }).click();
  await told(page, "Taken back");
  await page.getByText("spring.csv").first().waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("customers are filtered, sorted and counted, and scrolled to the last", async () => {
  const { page, problems, close } = await as("staff");
  const names = () => page.locator(".window-body .who a").allTextContents();
  await page.getByText(/^\d{3} customers$/).waitFor();
  const all = Number((await page.getByText(/^\d{3} customers$/).textContent()).split(" ")[0]);
  assert.deepEqual((await names()).slice(0, 5), (await names()).slice(0, 5).sort());
  await page.getByLabel("Show").selectOption("Members");
  await page.waitForFunction((n) => Number(document.querySelector(".counted").textContent.split(" ")[0]) < n, all);
  await page.locator(".window-body .row", { hasText: "Member" }).first().waitFor();
  await page.getByLabel("Show").selectOption("Everybody");
  await page.getByText(`${all} customers`).waitFor();
  await page.waitForFunction((n) => {
    scrollTo(0, document.documentElement.scrollHeight);
    return [...document.querySelectorAll(".window-body .row")].some((row) => Number(row.dataset.index) === n);
  }, all - 1);
  assert.ok((await page.locator(".window-body .row").count()) < 60);
  assert.deepEqual(problems, []);
  await close();
});

test("an admin adds a reason and sets a limit; staff choose the one and meet the other; managers only read", async () => {
  const { page, problems, close } = await as("admin");
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Add: Reasons" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("This is needed.").first().waitFor();
  await dialog.getByLabel("Code").fill("late_parcel");
  await dialog.getByLabel("What it is called").fill("Late parcel");
  await dialog.getByRole("button", { name: "Save" }).click();
  await told(page, "Saved");
  await page.getByText("LATE_PARCEL · Add").waitFor();
  await page.getByRole("link", { name: "Limits" }).click();
  await page.getByRole("button", { name: /^Change: Staff, Class credits/ }).click();
  await dialog.getByLabel("At a time").fill("3");
  await dialog.getByRole("button", { name: "Save" }).click();
  await told(page, "Saved");
  await page.getByText(/3 class credits at a time/).first().waitFor();
  assert.deepEqual(problems, []);
  await close();
  const staff = await as("staff");
  await openCustomer(staff.page, "17404");
  await staff.page.getByRole("button", { name: "Adjust", exact: true }).first().click();
  await staff.page.getByRole("dialog").getByRole("radio", { name: "Class credits" }).check();
  await fill(staff.page, { amount: "4", reason: "LATE_PARCEL" });
  await staff.page.getByText("At most 3 class credits at a time").waitFor();
  assert.equal(await staff.page.getByRole("link", { name: "Settings" }).count(), 0);
  await staff.close();
  const manager = await as("manager");
  await manager.page.getByRole("link", { name: "Settings" }).click();
  await manager.page.getByText("LATE_PARCEL · Add").waitFor();
  assert.equal(await manager.page.getByRole("button", { name: /^(Add|Change):/ }).count(), 0);
  await manager.close();
});

test("managers see everything that was done, with who and why; staff have no such screen", async () => {
  const { page, problems, close } = await as("manager");
  await page.getByRole("link", { name: "Activity" }).click();
  await page.locator(".event", { hasText: "by Sam, staff" }).first().waitFor();
  await page.getByLabel("Reason").selectOption("GOODWILL");
  await page.locator(".event", { hasText: "Goodwill" }).first().waitFor();
  assert.deepEqual(problems, []);
  await close();
  const staff = await as("staff");
  assert.equal(await staff.page.getByRole("link", { name: "Activity" }).count(), 0);
  await staff.close();
});

test("a customer sees their own wallet, and no names of staff", async () => {
  const { page, problems, close } = await as("customer");
  await page.locator(".wallet .big").first().waitFor();
  assert.doesNotMatch(await page.locator("body").textContent(), /Sam, staff|Parcel was late/);
  assert.deepEqual(problems, []);
  await close();
});

test("in German, with its commas, and in the dark", async () => {
  const { page, problems, close } = await as("staff", { locale: "de-DE", colorScheme: "dark" });
  await page.getByRole("heading", { name: "Kunden" }).waitFor();
  await page.getByRole("searchbox").fill(REGULAR);
  await page.locator(".window-body .sum").first().waitFor();
  assert.match(await page.locator(".window-body .row").first().textContent(), /\d,\d\d\s£/);
  assert.deepEqual(problems, []);
  await close();
});

for (const [name, options] of [["desktop", {}], ["phone", PHONE]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`every screen is accessible: ${name}, ${colorScheme}`, async () => {
      const { page, problems, close } = await as("manager", { ...options, colorScheme, reducedMotion: "reduce" });
      const path = async (...names) => {
        await page.goto(`${scrip.url}/console/${names.join("/")}`);
        await page.locator("h1").waitFor();
        await page.waitForFunction(() => !document.querySelector("[aria-busy], .skeleton"));
        await accessible(page, `${names.join("/")} ${name} ${colorScheme}`);
      };
      await path("customers");
      await page.getByRole("searchbox").fill(REGULAR);
      await page.locator(`.window-body .who:has-text("${REGULAR}") a`).click();
      await page.locator(".profile-head").waitFor();
      const id = new URL(page.url()).pathname.split("/")[3];
      for (const tab of ["balance", "membership", "billing", "points", "history"]) await path("customers", id, tab);
      await page.getByRole("button", { name: "Adjust", exact: true }).first().click();
      await page.getByRole("dialog").getByLabel("Amount").waitFor();
      await accessible(page, "adjust");
      await fill(page, { amount: "1" });
      await page.getByText("Add £1.00 to").waitFor();
      await accessible(page, "review");
      for (const screen of ["orders", "imports", "settings", "approvals", "activity", "liability"]) await path(screen);
      assert.deepEqual(problems, []);
      await close();
    });
  }
}

test("at 390 px nothing is wider than the screen, targets are large, and Apply is always in sight", async () => {
  const { page, close } = await as("staff", PHONE);
  await openCustomer(page, REGULAR);
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390);
  await page.getByRole("button", { name: "Adjust", exact: true }).first().click();
  await page.getByRole("dialog").getByLabel("Amount").waitFor();
  const box = await page.getByRole("button", { name: "Review" }).boundingBox();
  assert.ok(box.y + box.height <= 844 && box.height >= 44);
  const small = await page.evaluate(() =>
    [...document.querySelectorAll("a[href], button, input, select, summary")]
      .filter((each) => each.checkVisibility())
      .map((each) => [each.outerHTML.slice(0, 80), (each.closest("label") ?? each).getBoundingClientRect()])
      .filter(([, { width, height }]) => width > 0 && (width < 24 || height < 24))
      .map(([html]) => html),
  );
  assert.deepEqual(small, []);
  await close();
});
