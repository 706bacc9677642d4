// `scrip run` as somebody new to it would start it: in an empty folder, on any free port.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const PROJECT = path.resolve(import.meta.dirname, "../..");
/** With a database of its own, all migrations, and the sample. */
const START_MS = 300_000;
const STOP_MS = 120_000;

/**
 * Starts it and waits until it answers; settings: variables of its own. Gives its address; `token`, which takes what
 * `scrip token` takes; the `environment` that `scrip` has to have for it, and its `python`; and `stop`, which takes its data away as well.
 */
export async function startScrip(settings = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), "scrip-clients-"));
  const kept = Object.entries(process.env).filter(([name]) => !/^(SCRIP_|DATABASE_)/.test(name));
  const env = { ...Object.fromEntries(kept), PYTHONPATH: PROJECT, SCRIP_PORT: "0", SCRIP_DATA_DIR: path.join(folder, "data"), ...settings };
  const python = process.env.SCRIP_TEST_PYTHON ?? path.join(PROJECT, ".venv", "bin", "python");
  const scrip = spawn(python, ["-m", "app.cli", "run"], { cwd: folder, env, stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(scrip, "exit");

  async function token(role, ...options) {
    const command = ["-m", "app.cli", "token", "--tenant", "demo", "--role", role, ...options];
    return (await promisify(execFile)(python, command, { cwd: folder, env })).stdout.trim();
  }

  async function stop() {
    scrip.kill("SIGINT");
    const late = setTimeout(() => scrip.kill("SIGKILL"), STOP_MS);
    const [, signal] = await ended;
    clearTimeout(late);
    if (signal === "SIGKILL") throw new Error("scrip run did not stop");
    await rm(folder, { recursive: true, maxRetries: 10, retryDelay: 100 });
  }

  try {
    return { url: await addressOf(scrip), token, stop, environment: env, python };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function addressOf(scrip) {
  const said = [];
  const late = setTimeout(() => scrip.kill("SIGINT"), START_MS);
  try {
    for await (const line of createInterface({ input: scrip.stderr })) {
      said.push(line);
      const address = /^Scrip is at (\S+)\/graphql/.exec(line)?.[1];
      if (address) {
        scrip.stderr.resume();
        return address;
      }
    }
  } finally {
    clearTimeout(late);
  }
  throw new Error(`scrip run did not start:\n${said.join("\n")}`);
}
