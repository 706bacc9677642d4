// Somebody at the console, who does all of it with the mouse, from the keyboard alone, or by touch at 390 px.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { watched } from "./console.mjs";

export const HANDS = ["mouse", "keyboard", "touch"];

const MOST_TABS = 150;
const MOST_WORDS = 3;
const TWO_TAPS_MS = 600;
/** After a second without a key, a list takes the next one for the first of another word. */
const WORD_MS = 1_100;
const SIZES = {
  mouse: { viewport: { width: 1440, height: 900 } },
  keyboard: { viewport: { width: 1440, height: 900 } },
  touch: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
};
/** Runs in the page: with the keyboard alone there is no pointer, so that one is a problem like any other. */
const NO_POINTER = () => addEventListener("pointerdown", (event) => event.isTrusted && console.error("a pointer was used"), true);

/** Comes to the console, and signs in as a role of the sample. */
export async function arrive(browser, url, role, hand, options = {}) {
  const context = await browser.newContext({ locale: "en-GB", ...SIZES[hand], ...options });
  if (hand === "keyboard") await context.addInitScript(NO_POINTER);
  const page = await context.newPage();
  const problems = watched(page, url);
  await page.goto(`${url}/`);
  const person = new Person(page, hand, problems);
  await person.press(page.locator(`[data-role="${role}"]`));
  await page.locator(role === "customer" ? ".wallet" : ".nav").waitFor();
  return person;
}

export class Person {
  #tapped = 0;

  constructor(page, hand, problems) {
    this.page = page;
    this.hand = hand;
    this.problems = problems;
    this.keys = page.keyboard;
  }

  /** The dialog that lies above all others. */
  get dialog() {
    return this.page.getByRole("dialog").last();
  }

  /** A button or a link. */
  async press(locator) {
    if (this.hand === "mouse") return locator.click();
    if (this.hand === "touch") return this.#tap(locator);
    await this.#reach(locator);
    return this.keys.press("Enter");
  }

  button(name, within = this.dialog) {
    return this.press(within.getByRole("button", { name, exact: true }));
  }

  /** Leaves the dialog, or goes a step back in it. */
  close() {
    return this.hand === "keyboard" ? this.keys.press("Escape") : this.button("Close");
  }

  /** Types in place of what is in a field. */
  async type(locator, text) {
    await this.#into(locator);
    await this.keys.press("ControlOrMeta+A");
    await this.keys.type(text);
  }

  async tick(locator) {
    if (this.hand === "mouse") return locator.click();
    if (this.hand === "touch") return locator.tap();
    await this.#reach(locator);
    return this.keys.press("Space");
  }

  /** One of several that exclude each other: the keyboard comes to the group, and goes through it by arrows. */
  async pick(locator) {
    if (this.hand !== "keyboard") return this.tick(locator);
    const name = await locator.getAttribute("name");
    await this.#reach(this.page.locator(`input[type=radio][name="${name}"]`), async () =>
      this.page.evaluate((group) => document.activeElement?.name === group, name),
    );
    if (await focused(locator)) return this.keys.press("Space");
    for (let step = 0; !(await focused(locator)); step += 1) {
      assert.ok(step < MOST_TABS, `no way by arrows to ${locator}`);
      await this.keys.press("ArrowDown");
    }
  }

  /** An option by its words. The list that opens is the system's: only the keyboard, which opens none, really chooses. */
  async choose(locator, label) {
    if (this.hand !== "keyboard") return locator.selectOption({ label });
    await this.#reach(locator);
    await typeOption(this.page, locator, label);
  }

  /** A day, such as 2026-12-24: typed part by part, in the order that the browser has them in. */
  async date(locator, value) {
    if (this.hand !== "keyboard") return locator.fill(value);
    await this.#reach(locator);
    const [year, month, day] = value.split("-");
    for (const parts of [[day, month, year], [month, day, year], [year, month, day]]) {
      for (let back = 1; back < parts.length; back += 1) await this.keys.press("ArrowLeft");
      await this.keys.type(parts.join(""));
      if ((await locator.inputValue()) === value) return;
    }
    assert.equal(await locator.inputValue(), value);
  }

  /** A file: the window that opens is the system's. */
  async file(locator, file) {
    const opened = this.page.waitForEvent("filechooser");
    if (this.hand === "keyboard") await this.press(locator);
    else await this.tick(locator.locator("xpath=ancestor::label"));
    await (await opened).setFiles(file);
  }

  /** Goes to a screen by its word in the menu. */
  async go(name) {
    if (this.hand === "touch" && !(await this.page.locator(".nav").getByRole("link", { name }).isVisible())) {
      await this.press(this.page.locator(".nav-more button"));
      await this.press(this.dialog.getByRole("link", { name }));
    } else await this.press(this.page.locator(".nav").getByRole("link", { name }));
    await this.page.getByRole("heading", { level: 1, name }).waitFor();
  }

  /** Looks for somebody among the customers, and waits until nobody else is listed. */
  async search(text, found = 1) {
    // Not only as many as were there before: what was typed on the way there may be answered, too.
    const answered = this.page.waitForResponse((response) => searched(response.request().postData()) === text);
    if (this.hand === "keyboard") {
      await this.keys.press("/");
      // In the field itself it is a letter like any other.
      await this.keys.press("ControlOrMeta+A");
      await this.keys.type(text);
    } else {
      if (!(await this.page.getByRole("searchbox").isVisible())) await this.go("Customers");
      await this.type(this.page.getByRole("searchbox"), text);
    }
    await answered;
    await this.page.waitForFunction((n) => document.querySelectorAll(".window-body .row").length === n, found);
  }

  /** Opens a customer's profile, at one of its parts. */
  async open(customer, tab = null) {
    await this.search(customer.number);
    if (this.hand === "keyboard") await this.keys.press("Enter");
    else await this.press(this.page.locator(".window-body .who a"));
    await this.page.getByRole("heading", { level: 1, name: customer.name }).waitFor();
    if (tab) await this.tab(tab);
  }

  async tab(name) {
    await this.press(this.page.locator(".tabs").getByRole("link", { name }));
    await this.page.locator(".tabs [aria-current]", { hasText: name }).waitFor();
  }

  /** The first step of adjusting, filled in; and the second, if nothing is wrong. */
  async fill({ amount, reason, note, days, from, way, services = [] }) {
    const { dialog } = this;
    if (way) await this.pick(dialog.getByRole("radio", { name: way, exact: true }));
    await this.type(dialog.getByLabel("Amount", { exact: true }), amount);
    if (reason) await this.choose(dialog.getByLabel("Reason", { exact: true }), reason);
    if (note) await this.type(dialog.getByLabel("Note", { exact: true }), note);
    if (days) await this.type(dialog.getByLabel("Days until it expires"), days);
    for (const service of services) await this.tick(dialog.getByRole("checkbox", { name: service }));
    if (from) await this.date(dialog.getByLabel("Payment date"), from);
    await this.button("Review");
  }

  /** What is said in passing. */
  told(text) {
    return this.page.locator("#told", { hasText: text }).waitFor();
  }

  says(text) {
    // What is said in passing is there, too, for those who hear it: a moment before what it tells is shown.
    return this.dialog.locator("> header, > form").getByText(text).first().waitFor();
  }

  /** Waits until an account's figure is this one. */
  figure(asset, text) {
    return this.page.locator(`.big[data-asset="${asset}"]`, { hasText: new RegExp(`^${text.replace(/[.£]/g, "\\$&")}$`) }).waitFor();
  }

  /** Leaves; nothing may have gone wrong on the way, nor have been wider than the screen. */
  async leave() {
    if (this.hand === "touch") assert.ok((await this.page.evaluate(() => document.documentElement.scrollWidth)) <= 390);
    assert.deepEqual(this.problems, []);
    await this.page.context().close();
  }

  /** Two taps in one place are one of two, which does nothing, if they come too soon after each other. */
  async #tap(locator) {
    const decides = await locator.evaluate((element) => element.closest(".sheet-buttons") !== null);
    if (decides) await pause(Math.max(0, this.#tapped + TWO_TAPS_MS - performance.now()));
    await locator.tap();
    this.#tapped = performance.now();
  }

  async #into(locator) {
    if (this.hand === "mouse") return locator.click();
    if (this.hand === "touch") return this.#tap(locator);
    return this.#reach(locator);
  }

  /** Presses Tab until the focus is there. */
  async #reach(locator, there = () => focused(locator)) {
    await locator.first().waitFor({ state: "attached" });
    for (let tabs = 0; !(await there()); tabs += 1) {
      assert.ok(tabs < MOST_TABS, `no way by Tab to ${locator}`);
      await this.keys.press("Tab");
    }
  }
}

/** Types an option's words in a list that has the focus; again, if the machine was too busy to take them for one. */
export async function typeOption(page, locator, label) {
  const chosen = () => locator.evaluate((select) => select.selectedOptions[0]?.label);
  for (let nth = 0; nth < MOST_WORDS; nth += 1) {
    // As far as it has keys; anything else is not typed but put in, wherever that is.
    await page.keyboard.type(label.split(/[^ -~]/)[0]);
    if ((await chosen()) === label) return;
    await pause(WORD_MS);
    // Where a space came late, it has opened the list.
    await locator.blur();
    await locator.focus();
    await page.keyboard.press("Home");
  }
  assert.fail(`${label} is not chosen by its words`);
}

/** What a request looks for among the customers. */
function searched(body) {
  return body?.includes('"operationName":"Customers"') ? JSON.parse(body).variables.filter.search : undefined;
}

function focused(locator) {
  return locator.evaluate((element) => element === document.activeElement);
}
