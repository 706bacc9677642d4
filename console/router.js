// Which screen is shown, by the path of the address.
import { Cell } from "./dom.js";

const BASE = "/console";

/** The parts of the path below /console. */
export const place = new Cell(parts());

function parts() {
  return location.pathname.slice(BASE.length).split("/").filter(Boolean).map(plain);
}

/** A part of the path without its %; one that was cut off in the middle of a letter stays as it is. @param {string} part */
function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** @param {...string} names */
export function pathTo(...names) {
  return [BASE, ...names.map(encodeURIComponent)].join("/");
}

/**
 * @param {string} path
 * @param {{replace?: boolean}} [how]
 */
export function go(path, { replace = false } = {}) {
  if (path !== location.pathname) history[replace ? "replaceState" : "pushState"](null, "", path);
  place.set(parts());
}

addEventListener("popstate", () => place.set(parts()));
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  if (link.origin !== location.origin || !`${link.pathname}/`.startsWith(`${BASE}/`) || link.target || link.download) return;
  event.preventDefault();
  go(link.pathname);
});
