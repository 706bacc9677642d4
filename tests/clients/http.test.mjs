// GraphQL over HTTP as its specification has it, by the audit of its reference implementation.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { serverAudits } from "graphql-http";
import { startScrip } from "./server.mjs";

let scrip;
let token;

before(async () => {
  scrip = await startScrip();
  token = await scrip.token("staff");
});

after(() => scrip?.stop());

const fetchFn = (url, options = {}) =>
  fetch(url, { ...options, headers: { ...options.headers, authorization: `Bearer ${token}` } });

// The address is known once the server runs, and the audits only ask for it then.
for (const audit of serverAudits({ url: () => `${scrip.url}/graphql`, fetchFn })) {
  test(audit.name, async () => {
    const { status, reason } = await audit.fn();
    assert.equal(status, "ok", reason);
  });
}
