// Who is signed in: what is left of their limits today, language, appearance, and the way out.
import { ask, Problem } from "../api.js";
import { h } from "../dom.js";
import { choice } from "../parts/fields.js";
import { leftOf } from "../parts/refusals.js";
import { Sheet } from "../parts/sheet.js";
import { region, tell, words } from "../parts/states.js";
import { may, signOut } from "../session.js";
import { language, LANGUAGES, speak, t } from "../text.js";

/** @param {import("../session.js").Viewer} who */
export function openAccount(who) {
  const sheet = new Sheet(t("account"));
  const languages = Object.entries(LANGUAGES).map(([value, { name }]) => ({ value, label: name }));
  const themes = /** @type {const} */ (["auto", "light", "dark"]).map((value) => ({ value, label: t(`theme.${value}`) }));
  const theme = document.documentElement.dataset.theme ?? "auto";
  sheet.show(
    [
      h("p", { class: "review-what" }, who.name ?? who.subject),
      h("p", { class: "hint" }, `${t(`role.${who.role}`)} · ${who.tenant.name} · ${who.tenant.timeZone}`),
      may("ADD_CREDIT") && region(() => ask("Viewer", {}), ({ viewer }) => limits(viewer?.limits ?? []), 2),
      choice(t("language"), languages, language.value, (code) => {
        sheet.close();
        speak(code).catch((error) => tell(words(new Problem("lost", String(error))), "warning"));
      }).root,
      choice(t("theme"), themes, /** @type {"auto"} */ (theme), appear).root,
      may("READ_CUSTOMERS") && h("p", { class: "hint" }, t("keys")),
    ],
    [h("button", { type: "button", onclick: signOut }, t("sign.out"))],
  );
}

/** @param {readonly import("../parts/refusals.js").Left[]} remaining */
function limits(remaining) {
  const left = leftOf(remaining);
  if (left.length === 0) return h("p", { class: "effect" }, t("limits.none"));
  return h("div", { class: "effect" }, h("h3", null, t("limits.today")), h("ul", { class: "plain" }, left.map((each) => h("li", null, each))));
}

/** @param {string} theme */
function appear(theme) {
  if (theme === "auto") {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem("scrip.theme");
  } else {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("scrip.theme", theme);
  }
}
