// A screen's heading, which takes the focus when one comes to the screen.
import { h } from "../dom.js";

/**
 * @param {string} title
 * @param {...(import("../dom.js").Child)} beside
 */
export function head(title, ...beside) {
  document.title = `${title} · Scrip`;
  return h("header", { class: "head" }, h("h1", { tabindex: "-1" }, title), h("div", { class: "head-beside" }, beside));
}
