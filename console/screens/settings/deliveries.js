// What became of the deliveries to a webhook, newest first, with what its endpoint answered; and a test of it.
import { ask } from "../../api.js";
import { booksChanged, h, put } from "../../dom.js";
import { select } from "../../parts/fields.js";
import { paged, pageFrom } from "../../parts/pages.js";
import { refused } from "../../parts/refusals.js";
import { Sheet, submitButton } from "../../parts/sheet.js";
import { badge, empty, failed, region, skeleton } from "../../parts/states.js";
import { moment, t } from "../../text.js";
import { kindName } from "./webhook-parts.js";

/** @typedef {NonNullable<import("../../api.js").Data<"Deliveries">["webhookDeliveries"]>["edges"][number]["node"]} Delivery */

const ALL = /** @type {const} */ (["WAITING", "RETRYING", "FAILED", "DELIVERED", "CANCELLED"]);
/** A test is sent within seconds, and answered within fifteen. */
const TEST_MS = 40_000;
const LOOK_MS = 700;

/** @param {string} webhookId */
export function deliveries(webhookId) {
  const which = select([{ value: "", label: t("all") }, ...ALL.map((value) => ({ value, label: t(`delivery.${value}`) }))], "", { "aria-label": t("history.of") });
  const list = h("div");
  const page = async (/** @type {string | null} */ after) => {
    const status = which.value === "" ? null : [/** @type {Delivery["status"]} */ (which.value)];
    return pageFrom((await ask("Deliveries", { webhookId, status, after })).webhookDeliveries);
  };
  const show = () => put(list, region(() => page(null), (first) => (first.rows.length ? paged(h("ul", { class: "assigned" }), first, deliveryLine, page) : empty(t("deliveries.none"))), 4));
  which.addEventListener("change", show);
  show();
  return h(
    "section",
    { class: "card" },
    h("header", { class: "card-head" }, h("h2", null, t("deliveries")), h("span", { class: "actions" }, which, h("button", { type: "button", class: "small", onclick: booksChanged }, t("deliveries.again")))),
    list,
  );
}

/** @param {Delivery} delivery */
function deliveryLine(delivery) {
  const { id, kind, position, createdAt } = delivery;
  const name = [kindName(kind), position !== null && `#${position}`].filter(Boolean).join(" ");
  return h("li", null, h("details", { class: "delivery" }, h("summary", { "data-key": id }, h("span", null, name, h("small", null, moment(createdAt))), stateOf(delivery)), answer(delivery)));
}

/** @param {Delivery} delivery */
function stateOf({ status, responseStatus, error }) {
  const tone = status === "DELIVERED" ? "good" : status === "FAILED" ? "bad" : status === "RETRYING" ? "warn" : "plain";
  const said = responseStatus ?? (error === null ? "" : t(`delivery.error.${error}`));
  return badge([t(`delivery.${status}`), said].filter(Boolean).join(", "), tone);
}

/** What the endpoint answered last. @param {Delivery} delivery */
function answer({ attempts, attemptedAt, nextAttemptAt, responseStatus, response, error, durationMs }) {
  const said = [
    attemptedAt === null ? t("delivery.untried") : t("delivery.tried", { n: attempts, when: moment(attemptedAt) }),
    responseStatus !== null && t("delivery.answered", { status: responseStatus, ms: durationMs ?? 0 }),
    error !== null && t(`delivery.error.${error}.what`),
    nextAttemptAt !== null && t("delivery.next", { when: moment(nextAttemptAt) }),
  ];
  return h("div", { class: "answer" }, h("p", null, said.filter(Boolean).join(" ")), response && h("pre", { tabindex: "0", "aria-label": t("delivery.response") }, response));
}

/** Sends a test, and shows what came of it. @param {string} webhookId */
export function openTest(webhookId) {
  const sheet = new Sheet(t("webhook.test"));
  sheet.submit = () => sheet.close();
  const buttons = [h("button", { type: "button", onclick: () => run() }, t("webhook.test.again")), submitButton(t("finish"))];
  async function run() {
    sheet.show([h("p", { role: "status" }, t("webhook.testing")), skeleton(2)], []);
    try {
      const { testWebhook } = await ask("TestWebhook", { input: { webhookId } });
      const [refusal] = testWebhook?.userErrors ?? [];
      if (refusal) sheet.show([h("p", { class: "notice bad", role: "alert" }, refused(refusal, "POINTS"))], buttons);
      else if (testWebhook?.delivery) await watch(testWebhook.delivery.id);
    } catch (error) {
      sheet.show([failed(error, run)], []);
    }
  }
  /** @param {string} id */
  async function watch(id) {
    for (const end = Date.now() + TEST_MS; Date.now() < end && sheet.element.open; ) {
      const { node } = await ask("Delivery", { id });
      if (node?.__typename === "WebhookDelivery" && node.attemptedAt !== null) {
        const good = node.status === "DELIVERED";
        sheet.show([h("p", { class: good ? "notice good" : "notice bad", role: "status" }, t(good ? "webhook.test.good" : "webhook.test.bad")), answer(node)], buttons);
        booksChanged();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    if (sheet.element.open) sheet.show([h("p", { class: "notice warn", role: "status" }, t("webhook.test.late"))], buttons);
  }
  run();
}
