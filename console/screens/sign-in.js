// Signing in: as a role of the sample by one click, or with the business's own identity provider.
import { Problem } from "../api.js";
import { h, put } from "../dom.js";
import { icon } from "../icons.js";
import { BLOCKED, finish, freshToken, leaveForProvider } from "../oidc.js";
import { head } from "../parts/head.js";
import { Sheet } from "../parts/sheet.js";
import { empty, region } from "../parts/states.js";
import { go, pathTo } from "../router.js";
import { begin, renewal, sampleRoles, session, signOut, told } from "../session.js";
import { t } from "../text.js";

export function signInScreen() {
  return h(
    "main",
    { class: "main alone", id: "main" },
    h("img", { src: "/console/icon.svg", alt: "", width: 48, height: 48 }),
    head(t("sign.in")),
    region(ways, ({ settings, roles }) => [
      settings.signIn && provider(settings.signIn, leaveForProvider, "wide-button"),
      roles.length > 0 && sample(roles, (role, token) => begin({ role, token })),
      !settings.signIn && roles.length === 0 && empty(t("sign.none"), t("sign.none.advice")),
    ]),
  );
}

/**
 * The button that leads to the identity provider; what went wrong is said above it.
 * @template T
 * @param {import("../oidc.js").Provider} settings
 * @param {(settings: import("../oidc.js").Provider) => Promise<T>} go
 * @param {string} name
 */
function provider(settings, go, name) {
  const problem = h("div", { role: "alert" });
  const press = async () => {
    put(problem, []);
    try {
      await go(settings);
    } catch (error) {
      put(problem, h("p", { class: "notice bad" }, icon("warning"), h("span", null, t("sign.failed"), " ", whyOf(error))));
    }
  };
  return h("div", { class: name }, problem, h("button", { type: "button", class: `primary ${name}`, onclick: press }, t("sign.provider")));
}

/** @param {unknown} error */
function whyOf(error) {
  if (error instanceof Error && error.cause === BLOCKED) return t("sign.blocked");
  // What fetch throws is in the browser's words.
  if (error instanceof TypeError) return t("sign.why.away");
  return error instanceof Error ? error.message : String(error);
}

/**
 * Signed in at the identity provider, and refused here: such as somebody without a role.
 * @param {string} why
 */
export function refusedScreen(why) {
  const other = h("button", { type: "button", onclick: signOut }, t("sign.other"));
  return h("main", { class: "main alone", id: "main" }, head(t("sign.in")), empty(t("sign.refused"), why, other), h("p", { class: "hint" }, t("sign.refused.advice")));
}

async function ways() {
  const [settings, roles] = await Promise.all([told(), sampleRoles()]).catch((error) => {
    throw new Problem("lost", String(error));
  });
  return { settings, roles };
}

/**
 * @param {readonly {role: string, token: string}[]} roles
 * @param {(role: string, token: string) => void} chosen
 */
function sample(roles, chosen) {
  return h(
    "section",
    { class: "roles", "aria-labelledby": "as" },
    h("h2", { id: "as" }, t("sign.sample")),
    h("p", { class: "hint" }, t("sign.sample.hint")),
    h(
      "ul",
      { class: "plain role-list" },
      roles.map(({ role, token }) =>
        h(
          "li",
          null,
          h(
            "button",
            { type: "button", class: "role", "data-role": role, onclick: () => chosen(role, token) },
            icon(role === "customer" ? "wallet" : "person"),
            h("span", null, h("strong", null, t(/** @type {"role.STAFF"} */ (`role.${role.toUpperCase()}`))), h("small", null, t(/** @type {"sign.staff"} */ (`sign.${role}`)))),
          ),
        ),
      ),
    ),
  );
}

/** What the provider's page leads back to: signed in, or why not. @returns {Promise<HTMLElement | null>} */
export async function finishSignIn() {
  // The page anew: nothing of the frame is there to go on with.
  const again = h("a", { href: "/console", target: "_self" }, t("sign.in"));
  try {
    const granted = await finish();
    if (granted === null) return h("main", { class: "main alone", id: "main" }, head(t("sign.in")), empty(t("sign.back"), "", again));
    go(pathTo(), { replace: true });
    begin(granted);
    return null;
  } catch (error) {
    return h("main", { class: "main alone", id: "main" }, head(t("sign.in")), empty(t("sign.failed"), whyOf(error), again));
  }
}

/** A session that has ended in the middle of something: begun again in a dialog, above all that was typed. */
renewal.ask = async () => {
  const { settings, roles } = await ways();
  const { promise, resolve } = Promise.withResolvers();
  const sheet = new Sheet(t("session.ended"), { kept: true });
  const role = session.value?.role;
  const same = roles.filter((each) => role === undefined || each.role === role);
  const renewed = (/** @type {import("../session.js").Session} */ begun) => {
    sheet.close();
    resolve(begun);
  };
  sheet.show(
    [
      h("p", null, t("session.ended.advice")),
      same.length > 0 && sample(same, (chosen, token) => renewed({ role: chosen, token })),
    ],
    [settings.signIn && session.value?.role === undefined && provider(settings.signIn, async (told) => renewed(await freshToken(told)), "")],
  );
  return promise;
};
