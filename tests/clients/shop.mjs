// A shop for the tests of one file: its server, a browser, and the business that its own systems keep. Node.js runs each file
// in a process of its own, so that this is made once for it, before its tests.
import { after, before } from "node:test";
import { startBrowser } from "./browser.mjs";
import { Business } from "./business.mjs";
import { arrive } from "./person.mjs";
import { startScrip } from "./server.mjs";

export let scrip;
export let chromium;
export let business;

before(async () => {
  scrip = await startScrip();
  chromium = await startBrowser();
  business = await Business.of(scrip);
});

after(async () => {
  await chromium?.stop();
  await scrip?.stop();
});

/** Somebody in this role sits down at the console. hand: by what they do things. */
export const as = (role, hand, options) => arrive(chromium.browser, scrip.url, role, hand, options);
