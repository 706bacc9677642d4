// How a tab bears a great deal: how long anybody had to wait for it, its memory, and how busy the machine is meanwhile.

/** What UNIT takes where the console is usable in time, while nothing else runs. */
export const QUIET_UNIT_MS = 45;
/** The server, the browser and the page have to share a busy machine, and UNIT is the page's work alone. */
export const MARGIN = 1.5;
/** What comes between makes a measurement longer, and not all that nobody needs goes at once: the least of some counts. */
const LOOKS = 3;

/** Runs in each page from its beginning: keeps for how long nobody could do anything, for LONGEST to tell. */
export const WATCH = () => {
  let longest = 0;
  const keep = (entries) => entries.forEach(({ duration }) => (longest = Math.max(longest, duration)));
  const observer = new PerformanceObserver((list) => keep(list.getEntries()));
  observer.observe({ type: "longtask", buffered: true });
  globalThis.longest = () => {
    keep(observer.takeRecords());
    const found = longest;
    longest = 0;
    return found;
  };
};

/** Runs in the page: how long anybody had to wait for it since this was asked last, at the worst. */
export const LONGEST = () => globalThis.longest();

/** Runs in the page: some work of the kind that a page does, and how long it took. */
export const UNIT = () => {
  const began = performance.now();
  const rows = Array.from({ length: 4_000 }, (_, n) => ({ n, name: `row ${(n * 7_919) % 4_000}` }));
  for (let time = 0; time < 4; time += 1) JSON.parse(JSON.stringify(rows)).sort((a, b) => a.name.localeCompare(b.name));
  const list = document.createElement("ul");
  for (const { name } of rows) list.append(Object.assign(document.createElement("li"), { textContent: name }));
  document.body.append(list);
  list.getBoundingClientRect();
  list.remove();
  return performance.now() - began;
};

/** How many times as long as on a quiet machine things may take just now. */
export async function slowness(page) {
  let least = Infinity;
  for (let look = 0; look < LOOKS; look += 1) least = Math.min(least, await page.evaluate(UNIT));
  return Math.max(1, (MARGIN * least) / QUIET_UNIT_MS);
}

/** Bytes that are left once what nobody needs is gone. */
export async function heapOf(page) {
  const client = await page.context().newCDPSession(page);
  await client.send("Performance.enable");
  let least = Infinity;
  for (let look = 0; look < LOOKS; look += 1) {
    await client.send("HeapProfiler.collectGarbage");
    const { metrics } = await client.send("Performance.getMetrics");
    least = Math.min(least, metrics.find(({ name }) => name === "JSHeapUsedSize").value);
  }
  await client.detach();
  return least;
}
