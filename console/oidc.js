// OpenID Connect: the code flow with PKCE, from the browser alone. The provider's client is a public one.
import { t } from "./text.js";

/** @typedef {{issuer: string, clientId: string, scope: string}} Provider */
/** @typedef {{issuer: string, authorization_endpoint: string, token_endpoint: string, end_session_endpoint?: string}} Endpoints */
/**
 * What the provider gave. refresh: for another token, without a person. idToken: to sign out with.
 * @typedef {{token: string, refresh: string | null, idToken: string | null}} Granted
 */

const STARTED = "scrip.oidc";
const CHANNEL = "scrip.oidc";
const LEFT = "scrip.left";
const CALLBACK = "/console/callback";
const HOME = "/console";
/** Why a window did not open. */
export const BLOCKED = "blocked";

/** @param {Provider} provider @returns {Promise<Endpoints>} */
async function endpoints({ issuer }) {
  const named = issuer.replace(/\/$/, "");
  const answer = await fetch(`${named}/.well-known/openid-configuration`);
  if (!answer.ok) throw new Error(t("sign.why.status", { status: String(answer.status) }));
  /** @type {Endpoints} */
  const found = await answer.json();
  if (found.issuer.replace(/\/$/, "") !== named) throw new Error(t("sign.why.issuer", { issuer: found.issuer }));
  return found;
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/**
 * The address to sign in at, and what has to be known when it leads back.
 * @param {Provider} provider
 */
async function begun(provider) {
  const found = await endpoints(provider);
  const started = { provider, issuer: found.issuer, tokenEndpoint: found.token_endpoint, state: random(), verifier: random() };
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(started.verifier));
  const url = new URL(found.authorization_endpoint);
  /** @type {Record<string, string>} */
  const asked = {
    response_type: "code",
    client_id: provider.clientId,
    redirect_uri: location.origin + CALLBACK,
    scope: provider.scope,
    state: started.state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
  };
  // Where there is no way to sign out at the provider, it would let in whoever was there last.
  if (sessionStorage.getItem(LEFT) !== null && !found.end_session_endpoint) asked.prompt = "login";
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  return { url, started };
}

/** @typedef {Awaited<ReturnType<typeof begun>>["started"]} Started */

/** Goes to the provider's page. @param {Provider} provider */
export async function leaveForProvider(provider) {
  const { url, started } = await begun(provider);
  sessionStorage.setItem(STARTED, JSON.stringify(started));
  location.assign(url);
}

/**
 * A token by way of a window of its own, with this page left as it is.
 * @param {Provider} provider
 * @returns {Promise<Granted>}
 */
export async function freshToken(provider) {
  const { url, started } = await begun(provider);
  const channel = new BroadcastChannel(CHANNEL);
  const { promise, resolve, reject } = Promise.withResolvers();
  channel.onmessage = ({ data }) => {
    if (new URLSearchParams(data).get("state") === started.state) exchange(started, data).then(resolve, reject);
  };
  if (open(url, "_blank", "popup,width=480,height=640") === null) reject(new Error("the browser opened no window", { cause: BLOCKED }));
  return promise.finally(() => channel.close());
}

/** What the provider's page leads back to: what it gave; null where another window waits for it. */
export async function finish() {
  const kept = sessionStorage.getItem(STARTED);
  sessionStorage.removeItem(STARTED);
  if (kept === null) {
    new BroadcastChannel(CHANNEL).postMessage(location.search);
    close();
    return null;
  }
  const granted = await exchange(JSON.parse(kept), location.search);
  sessionStorage.removeItem(LEFT);
  return granted;
}

/**
 * @param {Started} started
 * @param {string} search
 */
async function exchange({ provider, issuer, tokenEndpoint, state, verifier }, search) {
  const told = new URLSearchParams(search);
  const code = told.get("code");
  if (told.get("state") !== state) throw new Error(t("sign.why.state"));
  // RFC 9207: that it was this provider who answered.
  if ((told.get("iss") ?? issuer) !== issuer) throw new Error(t("sign.why.other"));
  if (code === null) throw new Error(told.get("error_description") ?? told.get("error") ?? t("sign.why.none"));
  return granted(tokenEndpoint, {
    grant_type: "authorization_code",
    code,
    client_id: provider.clientId,
    redirect_uri: location.origin + CALLBACK,
    code_verifier: verifier,
  });
}

/**
 * Another token in place of one that has ended, without a person. Throws where the provider asks for one.
 * @param {Provider} provider
 * @param {string} refresh
 * @returns {Promise<Granted>}
 */
export async function refreshed(provider, refresh) {
  const { token_endpoint: endpoint } = await endpoints(provider);
  const found = await granted(endpoint, { grant_type: "refresh_token", refresh_token: refresh, client_id: provider.clientId });
  return { ...found, refresh: found.refresh ?? refresh };
}

/**
 * @param {string} endpoint
 * @param {Record<string, string>} asked
 * @returns {Promise<Granted>}
 */
async function granted(endpoint, asked) {
  const answer = await fetch(endpoint, { method: "POST", body: new URLSearchParams(asked) });
  const { access_token: token, refresh_token: refresh = null, id_token: idToken = null, error_description: why } = await answer.json();
  if (typeof token !== "string") throw new Error(why ?? t("sign.why.token"));
  return { token, refresh, idToken };
}

/**
 * Leaves the console, and the provider too where it has a page for that: on a till's tablet the next person is another.
 * @param {Provider | null} provider
 * @param {string | null} idToken
 */
export async function leave(provider, idToken) {
  sessionStorage.setItem(LEFT, "");
  const found = provider && (await endpoints(provider).catch(() => null));
  if (!provider || !found?.end_session_endpoint) {
    location.assign(HOME);
    return;
  }
  const url = new URL(found.end_session_endpoint);
  url.searchParams.set("client_id", provider.clientId);
  url.searchParams.set("post_logout_redirect_uri", location.origin + HOME);
  if (idToken !== null) url.searchParams.set("id_token_hint", idToken);
  location.assign(url);
}
