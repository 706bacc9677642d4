// The frame: sign-in, navigation, and the screen of the address.
import { ask, Problem } from "./api.js";
import { following, h, put } from "./dom.js";
import { icon } from "./icons.js";
import { openAccount } from "./screens/account.js";
import { approvalsScreen, followApprovals, waiting } from "./screens/approvals.js";
import { customerScreen } from "./screens/customer.js";
import { customersScreen, focusSearch } from "./screens/customers.js";
import { finishSignIn, refusedScreen, signInScreen } from "./screens/sign-in.js";
import { Sheet } from "./parts/sheet.js";
import { failed, region, skeleton } from "./parts/states.js";
import { go, pathTo, place } from "./router.js";
import { may, session, viewer } from "./session.js";
import { language, t, zone } from "./text.js";

/** @typedef {{path: string, icon: Parameters<typeof icon>[0], label: import("./text.js").Key, shown: () => boolean, screen: (...rest: string[]) => HTMLElement | Promise<HTMLElement>}} Screen Those that not everybody opens are loaded by whoever does. */

/** Screens that are at the bottom of a phone; the others are behind one button. */
const ON_PHONE = 3;
const app = /** @type {HTMLElement} */ (document.getElementById("app"));

/** @type {Screen[]} */
const SCREENS = [
  {
    path: "customers",
    icon: "customers",
    label: "nav.customers",
    shown: () => may("READ_CUSTOMERS"),
    screen: (id, tab) => (id ? customerScreen(id, tab) : customersScreen()),
  },
  { path: "approvals", icon: "approvals", label: "nav.approvals", shown: () => may("ADD_CREDIT"), screen: () => approvalsScreen() },
  { path: "orders", icon: "orders", label: "nav.orders", shown: () => may("READ_INVOICES"), screen: async () => (await import("./screens/orders.js")).ordersScreen() },
  { path: "imports", icon: "import", label: "nav.imports", shown: () => may("BULK"), screen: async () => (await import("./screens/imports.js")).importsScreen() },
  { path: "activity", icon: "activity", label: "nav.activity", shown: () => may("READ_AUDIT"), screen: async () => (await import("./screens/activity.js")).activityScreen() },
  { path: "liability", icon: "liability", label: "nav.liability", shown: () => may("READ_REPORTS"), screen: async () => (await import("./screens/liability.js")).liabilityScreen() },
  { path: "settings", icon: "settings", label: "nav.settings", shown: () => may("READ_CONFIG"), screen: async (part, id) => (await import("./screens/settings.js")).settingsScreen(part, id) },
];

/** Ends what the frame of the last session followed. */
let leave = () => {};

/** How often it was begun: a session that is begun again does so once more, while the last is still asking. */
let begun = 0;

async function start() {
  leave();
  const mine = ++begun;
  document.documentElement.lang = language.value;
  if (place.value[0] === "callback") {
    const left = await finishSignIn();
    if (left) put(app, left);
    return;
  }
  if (session.value === null) {
    put(app, signInScreen());
    return;
  }
  put(app, h("div", { class: "alone" }, skeleton(5)));
  try {
    const { viewer: found } = await ask("Viewer", {});
    if (!found || mine !== begun) return;
    zone.set(found.tenant.timeZone);
    viewer.set(found);
    frame(found);
  } catch (error) {
    if (mine !== begun) return;
    const refused = error instanceof Problem && error.kind === "refused";
    put(app, refused ? refusedScreen(error.message) : h("div", { class: "alone" }, failed(error, start)));
  }
}

/** @param {import("./session.js").Viewer} who */
function frame(who) {
  if (who.role === "CUSTOMER") {
    const wallet = region(() => import("./screens/wallet.js"), ({ walletScreen }) => walletScreen(who), 8);
    put(app, h("main", { class: "main alone", id: "main" }, wallet));
    return;
  }
  const screens = SCREENS.filter(({ shown }) => shown());
  const main = h("main", { class: "main", id: "main" });
  const links = h("ul", null);
  const nav = h("nav", { class: "nav", "aria-label": t("nav") }, links);
  const draw = () => {
    const current = place.value[0] ?? "customers";
    const item = (/** @type {Screen} */ each, /** @type {number} */ index) => h("li", { class: index < ON_PHONE ? "" : "rest" }, link(each, each.path === current));
    put(links, [
      ...screens.map(item),
      h("li", { class: "nav-more" }, h("button", { type: "button", "aria-current": screens.findIndex(({ path }) => path === current) >= ON_PHONE ? "true" : null, onclick: () => openMore(screens.slice(ON_PHONE), who) }, icon("more"), h("span", { class: "nav-label" }, t("more")))),
      h("li", { class: "nav-account rest" }, accountButton(who)),
    ]);
  };
  let turn = 0;
  const show = () => {
    draw();
    const mine = ++turn;
    const [name = "customers", ...rest] = place.value;
    const screen = screens.find(({ path }) => path === name) ?? screens[0];
    if (!screen) return;
    keyOfLost = document.activeElement?.getAttribute("data-key") ?? null;
    lost = shownBefore;
    const content = screen.screen(...(screen.path === name ? rest : []));
    if (content instanceof Promise) {
      put(main, skeleton(8));
      content.then(
        (loaded) => mine === turn && enter(loaded),
        (error) => mine === turn && put(main, failed(new Problem("lost", String(error)), show)),
      );
    } else enter(content);
  };
  /** @param {HTMLElement} screen */
  const enter = (screen) => {
    put(main, screen);
    refocus();
    shownBefore = true;
  };
  let shownBefore = false;
  /** Whether the focus was lost with the last screen, and where it was. */
  let lost = false;
  /** @type {string | null} */
  let keyOfLost = null;
  /** Puts the focus where it was, such as on a tab, else on the heading: what is asked for first comes later. */
  const refocus = () => {
    if (!lost) return;
    if (document.activeElement !== document.body) {
      lost = false;
      return;
    }
    const found = main.querySelector(keyOfLost === null ? "h1" : `[data-key="${CSS.escape(keyOfLost)}"]`) ?? main.querySelector("h1");
    if (!(found instanceof HTMLElement)) return;
    lost = false;
    found.focus({ preventScroll: true });
  };
  main.addEventListener("scrip-shown", refocus);
  place.followers.add(show);
  const unfollow = may("ADD_CREDIT") ? followApprovals(who) : () => {};
  leave = () => {
    place.followers.delete(show);
    unfollow();
    leave = () => {};
  };
  put(app, [
    h("a", { class: "skip", href: "#main", onclick: (/** @type {Event} */ event) => toMain(event, main) }, t("skip")),
    h("div", { class: "frame" }, h("div", { class: "side" }, h("header", null, brand(who)), nav), main),
  ]);
  show();
}

/** @param {Event} event @param {HTMLElement} main */
function toMain(event, main) {
  event.preventDefault();
  const heading = main.querySelector("h1");
  if (heading instanceof HTMLElement) heading.focus();
}

/** @param {import("./session.js").Viewer} who */
function brand(who) {
  return h("a", { class: "brand", href: pathTo() }, h("img", { src: "/console/icon.svg", alt: "", width: 28, height: 28 }), h("span", null, who.tenant.name));
}

/** @param {Screen} screen @param {boolean} current */
function link(screen, current) {
  return h(
    "a",
    { href: pathTo(screen.path), "aria-current": current ? "page" : null },
    icon(screen.icon),
    h("span", { class: "nav-label" }, t(screen.label)),
    screen.path === "approvals" && following(waiting, (n) => n > 0 && h("span", { class: "count" }, n > 99 ? "99+" : n, h("span", { class: "unseen" }, ` ${t("approvals.waiting")}`))),
  );
}

/**
 * What has no place at the bottom of a phone.
 * @param {readonly Screen[]} screens
 * @param {import("./session.js").Viewer} who
 */
function openMore(screens, who) {
  const sheet = new Sheet(t("more"));
  const close = () => sheet.close();
  const account = accountButton(who);
  account.addEventListener("click", close, { capture: true });
  sheet.show([h("ul", { class: "nav-sheet" }, [...screens.map((each) => h("li", { onclick: close }, link(each, each.path === place.value[0]))), h("li", null, account)])], []);
}

/** @param {import("./session.js").Viewer} who */
function accountButton(who) {
  return h("button", { type: "button", class: "account", onclick: () => openAccount(who) }, icon("person"), h("span", { class: "nav-label" }, t(`role.${who.role}`)));
}

addEventListener("keydown", (event) => {
  const target = event.target;
  const typing = target instanceof HTMLElement && target.matches("input:not([type=checkbox], [type=radio]), textarea, select");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (!may("READ_CUSTOMERS")) return;
  event.preventDefault();
  if (place.value[0] !== "customers" || place.value.length > 1) go(pathTo("customers"));
  focusSearch();
});

const theme = localStorage.getItem("scrip.theme");
if (theme) document.documentElement.dataset.theme = theme;
language.followers.add(start);
session.followers.add((now) => now !== null && viewer.value === null && start());
start();
