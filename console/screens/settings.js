// Settings, a part at a time. Managers read them, admins change them. A part's file is loaded when it is opened.
import { h, put } from "../dom.js";
import { head } from "../parts/head.js";
import { failed, skeleton } from "../parts/states.js";
import { pathTo } from "../router.js";
import { loadSettingsTexts, t } from "../text.js";

/** @typedef {{name: string, label: import("../text.js").Key, load: () => Promise<(id?: string) => import("../dom.js").Child | import("../dom.js").Child[]>}} Tab */

/** @type {Tab[]} */
const TABS = [
  { name: "reasons", label: "settings.reasons", load: async () => (await import("./settings/reasons.js")).reasonsTab },
  { name: "limits", label: "settings.limits", load: async () => (await import("./settings/limits.js")).limitsTab },
  { name: "rewards", label: "settings.rewards", load: async () => (await import("./settings/rewards.js")).rewardsTab },
  { name: "tiers", label: "settings.tiers", load: async () => (await import("./settings/tiers.js")).tiersTab },
  { name: "services", label: "settings.services", load: async () => (await import("./settings/services.js")).servicesTab },
  { name: "products", label: "settings.products", load: async () => (await import("./settings/products.js")).productsTab },
  { name: "business", label: "settings.business", load: async () => (await import("./settings/business.js")).businessTab },
  { name: "tokens", label: "settings.tokens", load: async () => (await import("./settings/tokens.js")).tokensTab },
  { name: "webhooks", label: "settings.webhooks", load: async () => (await import("./settings/webhooks.js")).webhooksTab },
];

/**
 * @param {string} [name]
 * @param {string} [id] Of what a part shows one by one.
 */
export function settingsScreen(name = "reasons", id) {
  const current = TABS.find((each) => each.name === name) ?? TABS[0];
  const shown = h("div", { class: "tab" }, skeleton(6));
  const show = () =>
    current &&
    Promise.all([current.load(), loadSettingsTexts()]).then(
      ([content]) => put(shown, [content(id)].flat()),
      (error) => put(shown, failed(error, show)),
    );
  show();
  // On a phone the tabs are wider than the screen.
  requestAnimationFrame(() => document.querySelector(".tabs [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" }));
  return h(
    "div",
    null,
    head(t("nav.settings")),
    h(
      "nav",
      { class: "tabs", "aria-label": t("settings.parts") },
      TABS.map((each) => h("a", { href: pathTo("settings", each.name), "aria-current": each === current ? "page" : null, "data-key": `tab-${each.name}` }, t(each.label))),
    ),
    shown,
  );
}
