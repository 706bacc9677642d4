// schemathesis makes up operations by the schema, for a bounded time: nothing that can be written may break the server.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { startScrip } from "./server.mjs";

const HERE = import.meta.dirname;
const COMMAND = path.join(HERE, ".venv-schemathesis", "bin", "schemathesis");
const SECONDS = 15;
const EXAMPLES = 20;
// What an operation can be given by id, of the sample's own.
const EXISTING = `{
  customers(first: 2) { edges { node { id
    balances { id credits(first: 1) { edges { node { id transaction { id } } } } }
    invoices(first: 1) { edges { node { id } } } } } }
  services { id } rewards(first: 1) { edges { node { id } } } products(first: 1) { edges { node { id } } } tiers { id } }`;

let scrip;
let ids;
let folder; // for what it remembers of its runs

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "scrip-schemathesis-"));
  scrip = await startScrip();
  const answer = await fetch(`${scrip.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${await scrip.token("admin")}` },
    body: JSON.stringify({ query: EXISTING }),
  });
  ids = [...JSON.stringify(await answer.json()).matchAll(/"id":"([^"]+)"/g)].map((found) => found[1]);
  assert.ok(ids.length > 5);
});

after(async () => {
  await scrip?.stop();
  await rm(folder, { recursive: true, maxRetries: 10, retryDelay: 100 });
});

for (const [role, ...options] of [["admin"], ["manager"], ["customer", "--customer", "16013"]]) {
  test(`nothing that a token of role ${role} sends breaks the server`, async (t) => {
    const hooks = path.join(HERE, "schemathesis");
    const env = { ...process.env, PYTHONPATH: hooks, SCHEMATHESIS_HOOKS: "hooks", SCRIP_IDS: ids.join(" ") };
    const token = await scrip.token(role, ...options);
    const seed = String(randomInt(2 ** 32));
    t.diagnostic(`seed ${seed}`);
    const { stdout } = await promisify(execFile)(
      COMMAND,
      [
        "run", `${scrip.url}/graphql`, "--header", `Authorization: Bearer ${token}`, "--checks", "every_error_is_expected",
        "--max-examples", `${EXAMPLES}`, "--max-time", `${SECONDS}`, "--continue-on-failure", "--warnings", "off", "--no-color",
        // How long it takes to make operations up is no matter here.
        "--seed", seed, "--suppress-health-check", "too_slow",
      ],
      { env, cwd: folder, maxBuffer: 2 ** 24 },
    ).catch((failed) => assert.fail(failed.stdout || failed.message));
    assert.match(stdout, /[1-9]\d* generated, [1-9]\d* passed/);
  });
}
