// OpenID Connect: the code flow with PKCE, from the browser alone. The provider's client is a public one.

/** @typedef {{issuer: string, clientId: string, scope: string}} Provider */
/** @typedef {{authorization_endpoint: string, token_endpoint: string}} Endpoints */

const STARTED = "scrip.oidc";
const CHANNEL = "scrip.oidc";
const CALLBACK = "/console/callback";

/** @param {Provider} provider @returns {Promise<Endpoints>} */
async function endpoints({ issuer }) {
  const answer = await fetch(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  if (!answer.ok) throw new Error(`the identity provider answers ${answer.status}`);
  return answer.json();
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
  const started = { provider, tokenEndpoint: found.token_endpoint, state: random(), verifier: random() };
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(started.verifier));
  const url = new URL(found.authorization_endpoint);
  const asked = {
    response_type: "code",
    client_id: provider.clientId,
    redirect_uri: location.origin + CALLBACK,
    scope: provider.scope,
    state: started.state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
  };
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

/** A token by way of a window of its own, with this page left as it is. @param {Provider} provider */
export async function freshToken(provider) {
  const { url, started } = await begun(provider);
  const channel = new BroadcastChannel(CHANNEL);
  const { promise, resolve, reject } = Promise.withResolvers();
  channel.onmessage = ({ data }) => {
    if (new URLSearchParams(data).get("state") === started.state) exchange(started, data).then(resolve, reject);
  };
  open(url, "_blank", "popup,width=480,height=640");
  return promise.finally(() => channel.close());
}

/** What the provider's page leads back to: the token; null where another window waits for it. */
export async function finish() {
  const kept = sessionStorage.getItem(STARTED);
  sessionStorage.removeItem(STARTED);
  if (kept === null) {
    new BroadcastChannel(CHANNEL).postMessage(location.search);
    close();
    return null;
  }
  return exchange(JSON.parse(kept), location.search);
}

/**
 * @param {Started} started
 * @param {string} search
 * @returns {Promise<string>}
 */
async function exchange({ provider, tokenEndpoint, state, verifier }, search) {
  const told = new URLSearchParams(search);
  const code = told.get("code");
  if (told.get("state") !== state || code === null) throw new Error(told.get("error_description") ?? "not signed in");
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    code,
    client_id: provider.clientId,
    redirect_uri: location.origin + CALLBACK,
    code_verifier: verifier,
  });
  const answer = await fetch(tokenEndpoint, { method: "POST", body });
  const { access_token: token } = await answer.json();
  if (typeof token !== "string") throw new Error("the identity provider gave no token");
  return token;
}
