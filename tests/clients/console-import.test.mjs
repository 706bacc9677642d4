// A large file at the console: looked over, its failed rows saved, posted with the dialog closed, and taken back, while the
// tab stays usable and its memory small. Of as many rows as SCRIP_TEST_IMPORT_ROWS says: `npm run large-import` has 100,000.
import assert from "node:assert/strict";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { as, business } from "./shop.mjs";
import { heapOf, LONGEST, slowness, WATCH } from "./watch.mjs";

const ROWS = Number(process.env.SCRIP_TEST_IMPORT_ROWS ?? 2_000);
/** Each so many rows, one is of nobody. */
const BAD_EACH = 100;
const BAD = ROWS / BAD_EACH;
/** For a task of the page, on a quiet machine. */
const LONGEST_MS = 200;
const MOST_BYTES = 8_000_000;
/** Whatever else the machine does in one of them, it does not do in all. What was posted is taken back in each. */
const TRIES = 3;
const PATIENT = { timeout: 30_000 + ROWS * 6 };

/** The file: 1.00 for each, but for those who are nobody. */
async function fileOf(rows) {
  const numbers = await business.crowd(rows - BAD);
  const lines = Array.from({ length: rows }, (_, row) => (row % BAD_EACH === BAD_EACH - 1 ? `nobody-${row},1.00` : `${numbers.pop()},1.00`));
  return ["customer,amount", ...lines, ""].join("\n");
}

const count = (n) => n.toLocaleString("en-GB");

test(`a file of ${count(ROWS)} rows`, async (t) => {
  // On the disk, as anybody has it: what a test sends from its own memory goes through the page's.
  const folder = await mkdtemp(path.join(tmpdir(), "scrip-import-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = path.join(folder, "large.csv");
  await writeFile(file, await fileOf(ROWS));
  let took = { longest: Infinity, grown: Infinity };
  for (let nth = 1; nth <= TRIES && !(took.longest <= 1 && took.grown < MOST_BYTES); nth += 1) {
    const named = path.join(folder, `large-${nth}.csv`);
    await copyFile(file, named);
    took = await imported(t, named);
  }
  assert.ok(took.longest <= 1, `a task of ${took.longest.toFixed(2)} times what it may take`);
  assert.ok(took.grown < MOST_BYTES, `${took.grown} bytes more`);
});

/** Holds back what is told of bulks on a page that is loaded after this: from `hold` on, until `go`. */
async function bulksOf(page) {
  let held = null;
  await page.routeWebSocket("**/graphql", (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => (held === null ? socket.send(message) : held.push(() => socket.send(message))));
  });
  return {
    hold: () => (held = []),
    go: () => {
      const waiting = held;
      held = null;
      for (const send of waiting) send();
    },
  };
}

/**
 * Somebody in a new tab imports the file, and takes it back. Gives the longest task of the page, as a share of what one may
 * take, and what its memory has grown by.
 */
async function imported(t, file) {
  const person = await as("manager", "mouse");
  const { page } = person;
  await page.addInitScript(WATCH);
  const bulks = await bulksOf(page);
  await page.reload();
  await person.go("Imports");
  await page.evaluate(LONGEST);
  const heap = await heapOf(page);
  const began = performance.now();
  let longest = 0;
  const said = async (what) => {
    const task = await page.evaluate(LONGEST);
    const slower = await slowness(page);
    // What measures that is a task of the page as well.
    await page.evaluate(LONGEST);
    longest = Math.max(longest, task / LONGEST_MS / slower);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    t.diagnostic(`${what}: ${seconds} s, longest task ${Math.round(task)} ms, limit × ${slower.toFixed(1)}`);
  };

  await person.button("Import a file", page);
  await person.file(person.dialog.locator("input[type=file]"), file);
  await person.choose(person.dialog.getByLabel("Reason"), "Promotion");
  bulks.hold();
  await person.button("Look it over");
  await person.dialog.getByText("Looking the rows over").waitFor(PATIENT);
  bulks.go();
  await person.dialog.getByText(`${count(ROWS - BAD)} rows can be posted`).waitFor(PATIENT);
  await said("looked over");
  await person.says(`${count(BAD)} rows are wrong.`);
  await person.says(`Line ${BAD_EACH + 1}`);
  const saved = page.waitForEvent("download");
  await person.button("Failed rows as a file");
  const failed = (await readFile(await (await saved).path(), "utf8")).trim().split("\n");
  assert.equal(failed.length, BAD + 1);
  assert.ok(failed[1].includes("nobody-"));
  await said("failed rows saved");

  await person.tick(person.dialog.getByRole("checkbox"));
  bulks.hold();
  await person.button(`Post ${count(ROWS - BAD)} rows`);
  await person.dialog.getByText("Posting").waitFor(PATIENT);
  await person.press(person.dialog.getByRole("button", { name: "Close" }));
  bulks.go();
  const line = page.locator(".order", { hasText: path.basename(file) });
  await line.getByText(`${count(BAD)} failed`).waitFor(PATIENT);
  await said("posted, with the dialog closed");
  await person.press(line);
  await person.says(`${count(ROWS - BAD)} of ${count(ROWS)}`);
  for (const n of [0, 1, ROWS - BAD - 1]) assert.equal(await business.has(`CROWD-${n}`), 1);

  await person.button("Take back");
  await person.dialog.getByText(`Take back ${count(ROWS - BAD)} rows`).waitFor(PATIENT);
  await said("seen what taking it back would do");
  await person.button("Take back");
  await page.locator("#told", { hasText: "Taken back" }).waitFor(PATIENT);
  await said("taken back");
  await page.locator(".order", { hasText: "Taken back" }).first().getByText("Done").waitFor();
  for (const n of [0, 1, ROWS - BAD - 1]) assert.equal(await business.has(`CROWD-${n}`), 0);

  await said("listed");
  const grown = (await heapOf(page)) - heap;
  t.diagnostic(`heap grown by ${(grown / 1e6).toFixed(1)} MB`);
  await person.leave();
  return { longest, grown };
}
