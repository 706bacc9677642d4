// A Python client generated from the SDL, which scripts/test_clients.sh has made and type-checked.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { startScrip } from "./server.mjs";

const HERE = import.meta.dirname;
const PYTHON = path.join(HERE, ".venv-python", "bin", "python");

test("the generated Python client adds, replays, is refused and reads", async () => {
  const scrip = await startScrip();
  try {
    const env = {
      ...process.env,
      PYTHONPATH: path.join(HERE, ".venv-python", "generated"),
      SCRIP_TOKEN: await scrip.token("staff"),
    };
    const { stdout } = await promisify(execFile)(PYTHON, [path.join(HERE, "python-client", "client.py"), scrip.url], { env });
    assert.deepEqual(JSON.parse(stdout), {
      name: "Ada Python",
      replayed: [false, true],
      available: ["5.00", "5.00"],
      refused: ["LIMIT_EXCEEDED"],
    });
  } finally {
    await scrip.stop();
  }
});
