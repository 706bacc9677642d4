// The tutorials for Node.js, each from an empty folder to its end, with the versions of package-lock.json.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { startBrowser } from "./browser.mjs";
import { startScrip } from "./server.mjs";

const HERE = import.meta.dirname;
const PROJECT = path.resolve(HERE, "../..");
const PYTHON = path.join(PROJECT, ".venv", "bin", "python");
const ADDRESS = "http://127.0.0.1:8000";
const START_MS = 60_000;
const run = promisify(execFile);

let scrip;
let folder;

before(async () => {
  scrip = await startScrip();
  folder = await mkdtemp(path.join(tmpdir(), "scrip-tutorials-"));
  await mkdir(path.join(folder, "bin"));
  await program("scrip", `exec '${PYTHON}' -m app.cli "$@"`);
  // `npm install` of what is in package.json takes what is installed here; anything else of npm is npm's.
  const { stdout } = await run("sh", ["-c", "command -v npm"]);
  await program("npm", `[ "$1" != install ] || exec node '${path.join(HERE, "install.mjs")}' "$@"\nexec '${stdout.trim()}' "$@"`);
});

after(async () => {
  await scrip?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function program(name, text) {
  await writeFile(path.join(folder, "bin", name), `#!/bin/sh\n${text}\n`);
  await chmod(path.join(folder, "bin", name), 0o755);
}

/** Does what the page says, in a folder of its own. */
async function read(page, place) {
  const env = { ...scrip.environment, PATH: `${path.join(folder, "bin")}:${process.env.PATH}` };
  await run(PYTHON, [path.join(PROJECT, "tests/docs/tutorials.py"), page, place, `${ADDRESS}=${scrip.url}`], { env });
}

test("docs/tutorials/mobile.md", async () => {
  const place = path.join(folder, "mobile");
  await mkdir(place);
  await run("npm", ["pack", "--silent", "--pack-destination", place], { cwd: path.join(PROJECT, "clients/typescript") });
  await cp(path.join(PROJECT, "clients/recipes/offline-queue.ts"), path.join(place, "offline-queue.ts"));
  await read("docs/tutorials/mobile.md", place);
  const [was, is] = await Promise.all(["before.txt", "after.txt"].map(async (name) => (await readFile(path.join(place, name), "utf8")).match(/GBP: (\S+)/)?.[1]));
  assert.equal(Math.round((Number(is) - Number(was === "undefined" ? 0 : was)) * 100), 3200);
});

test("docs/tutorials/frontend.md", async () => {
  const place = path.join(folder, "frontend");
  await mkdir(place);
  await read("docs/tutorials/frontend.md", place);
  const vite = path.join(place, "node_modules/.bin/vite");
  const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" };
  const command = ["preview", "--host", "127.0.0.1", "--port", "0"];
  const preview = spawn(vite, command, { cwd: place, env, stdio: ["ignore", "pipe", "inherit"] });
  const { browser, stop } = await startBrowser();
  try {
    const address = await addressOf(preview);
    const page = await browser.newPage();
    const faults = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    await page.goto(address);
    const balance = page.locator("#GBP");
    await balance.waitFor();
    const was = Number(await balance.textContent());
    const rows = page.locator("ol li");
    await rows.nth(4).waitFor();
    await page.getByRole("button", { name: "More" }).click();
    await rows.nth(5).waitFor();

    await page.getByRole("button", { name: "Give" }).click();
    await page.waitForFunction((expected) => Number(document.querySelector("#GBP").textContent) === expected, was + 5);
    await page.locator("input[name=amount]").fill("250.00");
    await page.getByRole("button", { name: "Give" }).click();
    await page.getByText("LIMIT_EXCEEDED").waitFor();
    assert.equal(Number(await balance.textContent()), was + 5);
    assert.deepEqual(faults, []);
  } finally {
    await stop();
    preview.kill();
  }
});

test("clients/typescript/README.md: its first example", async () => {
  const readme = (await readFile(path.join(PROJECT, "clients/typescript/README.md"), "utf8")).replaceAll(ADDRESS, scrip.url);
  const [, commands] = /```sh\n(.*?)```/s.exec(readme);
  const [, program] = /```ts\n(.*?)```/s.exec(readme);
  const place = path.join(folder, "readme");
  await mkdir(path.join(place, "shop"), { recursive: true });
  await mkdir(path.join(place, "dist"));
  await run("npm", ["pack", "--silent", "--pack-destination", path.join(place, "dist")], { cwd: path.join(PROJECT, "clients/typescript") });
  await writeFile(path.join(place, "shop", "first.ts"), program);
  const typed = commands.replace(/^make .*$/gm, "").replace("mkdir shop &&", "").replace("../.venv/bin/scrip", "scrip");
  const env = { ...scrip.environment, PATH: `${path.join(folder, "bin")}:${process.env.PATH}` };
  const { stdout } = await run("sh", ["-e", "-c", typed], { cwd: place, env });
  assert.match(stdout, /added to .* \d+\.\d\d$/m);
});

/** Where a server is, as soon as it says so. */
async function addressOf(server) {
  const late = setTimeout(() => server.kill(), START_MS);
  try {
    for await (const line of createInterface({ input: server.stdout })) {
      const address = /http:\/\/127\.0\.0\.1:\d+\//.exec(line)?.[0];
      if (!address) continue;
      server.stdout.resume();
      return address;
    }
  } finally {
    clearTimeout(late);
  }
  return assert.fail("vite did not start");
}
