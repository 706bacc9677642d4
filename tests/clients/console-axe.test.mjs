// Every screen and every dialog of the console is asked about by axe: at 1440 and at 390 pixels, in light and in the dark.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible } from "./console.mjs";
import { as, business, chromium, scrip } from "./shop.mjs";

const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

/** Asks about what is on the screen, in each size and scheme; a dialog alone, where one is open. */
async function look({ page }, where) {
  await page.waitForFunction(() => ![...document.querySelectorAll("dialog[open], body")].at(-1).querySelector("[aria-busy], .skeleton"));
  for (const [name, size] of Object.entries(SIZES)) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await accessible(page, `${where}, ${name}, ${colorScheme}`);
    }
  }
  await page.setViewportSize(SIZES.desktop);
}

/** Looks at the dialog that is open, goes on as is said, and leaves it. */
async function dialog(person, where, next = () => {}) {
  await person.dialog.locator(".sheet-body > :not(.skeleton)").first().waitFor();
  await look(person, where);
  await next();
}

const manager = () => as("manager", "mouse");

test("signing in, and what cannot be signed in", async () => {
  const context = await chromium.browser.newContext({ locale: "en-GB" });
  const page = await context.newPage();
  await page.goto(`${scrip.url}/console`);
  await page.locator("[data-role]").first().waitFor();
  await look({ page }, "sign in");
  await page.goto(`${scrip.url}/console/callback?error=access_denied&state=none`);
  await page.locator(".empty").waitFor();
  await look({ page }, "not signed in");
  await context.close();
});

test("customers: the list, nobody found, several ticked, somebody new, more of the menu, one's own account", async () => {
  const person = await manager();
  const { page } = person;
  await page.locator(".window-body .row").first().waitFor();
  await person.tick(page.getByRole("checkbox").first());
  await look(person, "customers, one ticked");
  await person.tick(page.getByRole("checkbox").nth(1));
  await person.button("Adjust", page.locator(".bulk-bar"));
  await dialog(person, "adjust several");
  await person.fill({ amount: "2", reason: "Goodwill" });
  await dialog(person, "adjust several, reviewed", () => person.close());
  await person.button("New customer", page);
  await person.button("Save");
  await page.locator("[aria-invalid=true]").first().waitFor();
  await dialog(person, "new customer, refused", () => person.close());
  await person.type(page.getByRole("searchbox"), "nobody at all");
  await page.locator(".empty").waitFor();
  await look(person, "nobody found");
  await person.button("Manager", page);
  await dialog(person, "account", () => person.close());
  await page.setViewportSize(SIZES.phone);
  await page.locator(".nav-more button").click();
  await dialog(person, "more");
  await page.context().close();
});

test("the profile: its tabs, adjusting, and over the limit", async () => {
  const customer = await business.customer("axe");
  await business.add(customer, "GBP", "40", { expiresInDays: 10, note: "A note" });
  await business.add(customer, "SERVICE_CREDITS", "4");
  await business.add(customer, "POINTS", "1200");
  await business.invoice(customer, "AXE-1", "30");
  const person = await manager();
  await person.open(customer);
  for (const tab of ["Balance", "Membership", "Billing", "Points", "History"]) {
    await person.tab(tab);
    await look(person, tab);
  }
  await person.button("Adjust", person.page.locator(".profile-head"));
  await person.fill({ amount: "ten" });
  await dialog(person, "adjust, refused");
  await person.fill({ amount: "1", reason: "Goodwill" });
  await dialog(person, "adjust, reviewed", () => person.close());
  await person.tab("Points");
  await person.button("Adjust points", person.page);
  await person.fill({ amount: "-900", reason: "Correction" });
  await dialog(person, "a tier that falls", () => person.close());
  await person.tab("Membership");
  for (const what of ["Start membership", "Cancel membership", "Take the cancellation back"]) {
    await person.button(what, person.page.locator(".card"));
    await dialog(person, what, () => person.button(what));
    await person.dialog.waitFor({ state: "detached" });
  }
  await person.page.context().close();
  const staff = await as("staff", "mouse");
  await staff.open(customer);
  await staff.button("Adjust", staff.page.locator(".profile-head"));
  await staff.fill({ amount: "150", reason: "Goodwill" });
  await dialog(staff, "over the limit", () => staff.button("Ask a manager"));
  await staff.go("Approvals");
  await staff.page.locator(".request").first().waitFor();
  await look(staff, "what staff asked for");
  await staff.press(staff.page.getByRole("button", { name: "Withdraw" }).first());
  await dialog(staff, "withdraw");
  await staff.page.context().close();
});

test("credits, invoices, rewards and coupons", async () => {
  const customer = await business.customer("axe");
  await business.add(customer, "GBP", "40");
  await business.add(customer, "POINTS", "1200");
  await business.invoice(customer, "AXE-2", "30");
  const person = await manager();
  await person.open(customer, "Billing");
  const card = person.page.locator(".card");
  await person.button("Assign", card);
  await person.tick(person.dialog.getByRole("checkbox", { name: "AXE-2" }));
  await dialog(person, "assign", () => person.button("Assign"));
  await person.told("Assigned to 1 invoice");
  await look(person, "said in passing");
  await person.press(person.page.locator(".lot"));
  await dialog(person, "credit", () => person.button("Release AXE-2"));
  await dialog(person, "release", () => person.button("Back"));
  await person.button("Void");
  await dialog(person, "void", () => person.close());
  await person.button("AXE-2", person.page);
  await dialog(person, "invoice", () => person.close());
  await person.button("Give reward", person.page.locator(".profile-head"));
  await person.pick(person.dialog.getByRole("radio", { name: /Free delivery/ }));
  await dialog(person, "reward", () => person.button("Give reward"));
  await person.dialog.locator(".code").waitFor();
  await dialog(person, "its code", () => person.button("Done"));
  await person.tab("Points");
  await person.button("Disable", person.page.locator(".coupon"));
  await dialog(person, "disable", () => person.close());
  await person.button("Mark used", person.page.locator(".coupon"));
  await dialog(person, "mark used", () => person.close());
  await person.page.context().close();
});

test("orders, paying and voiding", async () => {
  const person = await as("admin", "mouse");
  await person.go("Orders");
  await person.button("New order", person.page);
  await person.type(person.dialog.getByLabel("Customer number"), "17404");
  await person.type(person.dialog.getByLabel("Order number"), "AXE-3");
  await dialog(person, "new order", () => person.button("Create order"));
  await person.page.getByRole("heading", { name: "Order AXE-3" }).waitFor();
  await person.button("Record payment");
  await dialog(person, "record payment", () => person.button("Record payment"));
  await person.told("£0.00 still due");
  await dialog(person, "order, paid", () => person.press(person.dialog.getByRole("button", { name: /^Void the payment/ })));
  await dialog(person, "void a payment", () => person.close());
  await look(person, "orders");
  await person.page.context().close();
});

test("imports: looked over, posted, taken back", async () => {
  const person = await manager();
  await person.go("Imports");
  await person.button("Import a file", person.page);
  await dialog(person, "import");
  await person.file(person.dialog.locator("input[type=file]"), { name: "axe.csv", mimeType: "text/csv", buffer: Buffer.from("customer,amount\n17404,5\nnobody,5\n") });
  await person.choose(person.dialog.getByLabel("Reason"), "Promotion");
  await person.button("Look it over");
  await person.says("1 row can be posted");
  await dialog(person, "looked over");
  await person.tick(person.dialog.getByRole("checkbox"));
  await person.button("Post 1 row");
  await person.told("Done for 1 customer");
  await dialog(person, "posted", () => person.button("Take back"));
  await person.says("Take back 1 row");
  await dialog(person, "taken back", () => person.close());
  await look(person, "imports");
  await person.page.context().close();
});

test("approvals, activity, liability, settings and their forms", async () => {
  const deciding = await manager();
  await deciding.go("Approvals");
  await deciding.page.locator(".request").first().waitFor();
  await look(deciding, "approvals");
  for (const how of ["Reject", "Approve"]) {
    await deciding.press(deciding.page.getByRole("button", { name: how, exact: true }).first());
    await dialog(deciding, how, () => deciding.close());
  }
  await deciding.pick(deciding.page.getByRole("radio", { name: "Decided" }));
  await look(deciding, "decided");
  for (const screen of ["Activity", "Liability"]) {
    await deciding.go(screen);
    await look(deciding, screen);
  }
  await deciding.page.context().close();
  const admin = await as("admin", "mouse");
  await admin.go("Settings");
  for (const part of await admin.page.locator(".tabs a").allTextContents()) {
    await admin.tab(part);
    await look(admin, `settings, ${part}`);
    // One of each kind of button: Add, Change, New, Delete.
    const names = await admin.page.locator(".tab button").evaluateAll((buttons) => [...new Map(buttons.map((each) => (each.ariaLabel ?? each.textContent).trim()).map((name) => [name.split(" ")[0], name])).values()]);
    for (const name of names) {
      await admin.press(admin.page.locator(".tab").getByRole("button", { name, exact: true }).first());
      await dialog(admin, `${part}, ${name}`, () => admin.close());
    }
  }
  await admin.page.context().close();
});

test("a session that has ended, no connection, and the wallet", async () => {
  const person = await manager();
  await person.page.route("**/graphql", (route) => route.abort());
  await person.go("Activity");
  await person.page.locator(".notice").first().waitFor();
  await look(person, "no connection");
  await person.page.unroute("**/graphql");
  await person.page.route("**/graphql", (route) => route.continue({ headers: { ...route.request().headers(), authorization: "Bearer gone" } }));
  await person.press(person.page.getByRole("button", { name: "Try again" }).first());
  await dialog(person, "session ended");
  await person.page.context().close();
  const customer = await as("customer", "mouse");
  await customer.page.locator(".wallet .big").first().waitFor();
  await look(customer, "wallet");
  assert.deepEqual(customer.problems, []);
  await customer.page.context().close();
});
