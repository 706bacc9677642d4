// How far a bulk has come, for as long as it is on the page; and that it has ended.
import { h, put } from "../dom.js";
import { follow } from "../socket.js";
import { t } from "../text.js";

/** @typedef {NonNullable<NonNullable<import("../api.js").Data<"FollowBulk">["bulkOperationUpdated"]>["bulkOperation"]>} Bulk */

/** @param {{status: string}} bulk */
export function isUnderWay({ status }) {
  return status === "QUEUED" || status === "RUNNING";
}

class Progress extends HTMLElement {
  bulkId = "";
  /** @type {(bulk: Bulk) => import("../dom.js").Child | import("../dom.js").Child[]} */
  render = () => null;
  /** @type {(bulk: Bulk) => void} */
  ended = () => {};
  #unfollow = () => {};

  connectedCallback() {
    this.#unfollow = follow("FollowBulk", () => ({ id: this.bulkId }), ({ bulkOperationUpdated }) => {
      const bulk = bulkOperationUpdated?.bulkOperation;
      if (!bulk) return;
      put(this, [this.render(bulk)].flat());
      if (isUnderWay(bulk)) return;
      this.#unfollow();
      this.ended(bulk);
    });
  }

  disconnectedCallback() {
    this.#unfollow();
  }
}
customElements.define("scrip-progress", Progress);

/**
 * In words: 1,000 of 5,000 rows.
 * @param {string} id
 * @param {(bulk: Bulk) => import("../dom.js").Child} render
 * @param {(bulk: Bulk) => void} ended
 */
export function progressOf(id, render, ended) {
  return Object.assign(new Progress(), { bulkId: id, render, ended });
}

/**
 * With a bar, below what is done.
 * @param {string} what
 * @param {string} id
 * @param {(bulk: Bulk) => void} ended
 */
export function progressBar(what, id, ended) {
  const bar = h("progress", { "aria-label": t("import.running") });
  const text = h("p", { class: "hint" }, t("import.running"));
  const drawn = (/** @type {Bulk} */ bulk) => {
    if (bulk.processed > 0) {
      bar.max = bulk.total;
      bar.value = bulk.processed;
    }
    put(text, rowsDone(bulk));
    return null;
  };
  return [h("p", { class: "review-what" }, what), bar, text, progressOf(id, drawn, ended)];
}

/** @param {{processed: number, total: number}} bulk */
export function rowsDone({ processed, total }) {
  return t("import.progress", { done: processed, n: total });
}
