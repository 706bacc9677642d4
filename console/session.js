// Who is signed in, kept for this tab. A session that ends is begun again without leaving the page.
import { Cell } from "./dom.js";
import { leave, refreshed } from "./oidc.js";
import { has } from "./rights.js";

/** @typedef {NonNullable<import("./api.js").Data<"Viewer">["viewer"]>} Viewer */
/**
 * role: of the sample. taken: whether the API has taken the token. refresh, idToken: of the identity provider.
 * @typedef {{token: string, role?: string, taken?: boolean, refresh?: string | null, idToken?: string | null}} Session
 */
/** @typedef {{signIn: {issuer: string, clientId: string, scope: string} | null, sample: boolean}} Told */

const KEPT = "scrip.session";

/** @returns {Session | null} */
function keptSession() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  } catch {
    return null;
  }
}

/** @type {Cell<Session | null>} */
export const session = new Cell(keptSession());
/** @type {Cell<Viewer | null>} */
export const viewer = new Cell(/** @type {Viewer | null} */ (null));

/** Whether they are leaving: nothing is kept of what is still on its way, such as their next token. */
let leaving = false;
// A page that the browser has kept is shown as it was by its way back.
addEventListener("pageshow", ({ persisted }) => persisted && leaving && location.reload());

/** @param {Session} begun */
function keep(begun) {
  if (!leaving) sessionStorage.setItem(KEPT, JSON.stringify(begun));
}

/** @param {Session} begun */
export function begin(begun) {
  keep(begun);
  session.set(begun);
}

/** Notes that the API took the token: if it refuses it later, the session has ended. @param {string} token */
export function taken(token) {
  const now = session.value;
  if (now === null || now.token !== token || now.taken) return;
  now.taken = true;
  keep(now);
}

export async function signOut() {
  leaving = true;
  const idToken = session.value?.idToken ?? null;
  sessionStorage.removeItem(KEPT);
  const provider = session.value?.role === undefined ? (await told().catch(() => null))?.signIn : null;
  await leave(provider ?? null, idToken);
}

/** Whether whoever is signed in has a right. @param {import("./rights.js").Right} right */
export function may(right) {
  return viewer.value !== null && has(viewer.value, right);
}

/** Asks for a new session where one has ended; the sign-in screen puts itself here. */
export const renewal = {
  /** @type {() => Promise<Session>} */
  ask: async () => {
    throw new Error("nobody can be asked");
  },
};
/** @type {Promise<void> | undefined} */
let renewing;
/** @type {Promise<Session | null> | undefined} */
let quiet;

/**
 * Waits until there is another token than this one, of the same person. Requests that find it refused at the same time
 * wait together.
 * @param {string} token
 */
export async function renewed(token) {
  if (session.value !== null && session.value.token !== token) return;
  renewing ??= quietly()
    .then((begun) => begun ?? renewal.ask())
    .then((begun) => goOn(begun, token))
    .finally(() => {
      renewing = undefined;
    });
  await renewing;
}

/** Takes another token than this one, if it can be had without asking anybody. @param {string} token */
export async function renewedQuietly(token) {
  if (session.value?.token !== token) return;
  const begun = await quietly();
  if (begun !== null) await goOn(begun, token);
}

/** @param {Session} begun @param {string} token The one that has ended. */
async function goOn(begun, token) {
  if (session.value?.token === begun.token) return;
  if (subjectOf(begun.token) === subjectOf(token)) {
    begin(begun);
    return;
  }
  // Somebody else: what is on the screen is not theirs, and what waits here is never sent. Their page begins anew.
  keep(begun);
  location.reload();
  await new Promise(() => {});
}

/** The session gone on with without a person, once for all who wait; null where the identity provider wants to see one. */
function quietly() {
  quiet ??= refreshedSession().finally(() => (quiet = undefined));
  return quiet;
}

/** @returns {Promise<Session | null>} */
async function refreshedSession() {
  const { refresh, idToken } = session.value ?? {};
  if (!refresh) return null;
  try {
    const { signIn } = await told();
    if (signIn === null) return null;
    const found = await refreshed(signIn, refresh);
    return { ...found, idToken: found.idToken ?? idToken ?? null };
  } catch {
    return null;
  }
}

/** The subject that a token says it is of; the token itself where it cannot be read. @param {string} token */
function subjectOf(token) {
  try {
    const claims = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    return String(JSON.parse(atob(claims)).sub);
  } catch {
    return token;
  }
}

/** @returns {Promise<Told>} */
export async function told() {
  return (await fetch("/console/settings.json")).json();
}

/** The sample's tokens, a role each; none elsewhere. @returns {Promise<{role: string, token: string}[]>} */
export async function sampleRoles() {
  const answer = await fetch("/console/sample.json");
  return answer.ok && answer.headers.get("content-type")?.includes("json") ? (await answer.json()).roles : [];
}
