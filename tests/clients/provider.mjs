// An identity provider as businesses have it: oidc-provider, with two people who have roles here and one who has none.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

export const CLIENT = "scrip-console";
const AUDIENCE = "https://scrip.example/api";
const TENANT = "https://shop.example/tenant";
const PEOPLE = {
  sam: { name: "Sam Okafor", groups: ["everyone", "shop-staff"] },
  maria: { name: "Maria Lind", groups: ["shop-staff", "shop-managers"] },
  olga: { name: "Olga Reiter", groups: ["everyone"] },
};

/**
 * Starts it. `ttl`: seconds that a token lasts. `refreshes`: whether it gives refresh tokens. `answer`: answers a request in its
 * place, if it is set and says so. `settings` are Scrip's; `admit` is told where Scrip is.
 */
export async function startProvider() {
  const key = { ...generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" }), alg: "RS256", use: "sig", kid: "one" };
  const at = { ttl: 300, refreshes: true, answer: null, issuer: "", settings: {}, admit, close };
  let handle = null;
  const server = createServer((request, response) => (at.answer?.(request, response) ? undefined : handle(request, response))).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  at.issuer = `http://127.0.0.1:${server.address().port}`;
  at.settings = {
    SCRIP_JWKS_URL: `${at.issuer}/jwks`,
    SCRIP_JWT_ISSUER: at.issuer,
    SCRIP_JWT_AUDIENCE: AUDIENCE,
    SCRIP_CLAIM_TENANT: `/${TENANT.replaceAll("/", "~1")}`,
    SCRIP_TENANT_VALUES: "tea-shop=demo",
    SCRIP_CLAIM_ROLE: "groups",
    SCRIP_ROLE_VALUES: "shop-managers=manager,shop-staff=staff",
    SCRIP_CLAIM_SCOPE: "-",
    SCRIP_CONSOLE_ISSUER: at.issuer,
    SCRIP_CONSOLE_CLIENT_ID: CLIENT,
  };
  admit(null);

  function admit(scrip) {
    const clients = scrip === null ? [] : [client(scrip)];
    const provider = new Provider(at.issuer, configuration(clients, key, at));
    handle = provider.callback();
  }

  function close() {
    server.closeAllConnections();
    server.close();
  }

  return at;
}

function client(scrip) {
  return {
    client_id: CLIENT,
    token_endpoint_auth_method: "none",
    redirect_uris: [`${scrip}/console/callback`],
    post_logout_redirect_uris: [`${scrip}/console`],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
  };
}

function configuration(clients, key, at) {
  return {
    clients,
    jwks: { keys: [key] },
    cookies: { keys: ["for tests alone"] },
    pkce: { required: () => true },
    findAccount: (_, id) => (id in PEOPLE ? { accountId: id, claims: () => ({ sub: id, name: PEOPLE[id].name }) } : undefined),
    extraTokenClaims: (_, token) => ({ ...PEOPLE[token.accountId], [TENANT]: "tea-shop" }),
    issueRefreshToken: () => at.refreshes,
    loadExistingGrant: async ({ oidc }) => {
      const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope("openid profile");
      await grant.save();
      return grant;
    },
    features: {
      resourceIndicators: {
        enabled: true,
        defaultResource: () => AUDIENCE,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({ scope: "", audience: AUDIENCE, accessTokenTTL: at.ttl, accessTokenFormat: "jwt", jwt: { sign: { alg: "RS256" } } }),
      },
    },
  };
}
