// How a tab bears a great deal: how long anybody had to wait for it, and its memory.

/** Runs in the page: how long anybody had to wait for it, at the worst. */
export const WATCH = () => {
  globalThis.longest = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, duration);
  }).observe({ type: "longtask", buffered: true });
};

/** Bytes that are left once what nobody needs is gone. */
export async function heapOf(page) {
  const client = await page.context().newCDPSession(page);
  await client.send("HeapProfiler.collectGarbage");
  await client.send("Performance.enable");
  const { metrics } = await client.send("Performance.getMetrics");
  await client.detach();
  return metrics.find(({ name }) => name === "JSHeapUsedSize").value;
}
