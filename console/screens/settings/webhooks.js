// Webhooks: URLs of the business's own that everything that happens is posted to.
import { ask, rows } from "../../api.js";
import { h } from "../../dom.js";
import { openForm } from "../../parts/form.js";
import { maybeDone, showSecret } from "../../parts/secret.js";
import { empty, region } from "../../parts/states.js";
import { go, pathTo } from "../../router.js";
import { may } from "../../session.js";
import { ago, t } from "../../text.js";
import { kindsOf, stateOf, typesOf, webhookFields } from "./webhook-parts.js";
import { webhookScreen } from "./webhook.js";

/** @typedef {import("./webhook-parts.js").Webhook} Webhook */

/** @param {string} [id] Of the one to show. */
export function webhooksTab(id) {
  if (id !== undefined) return webhookScreen(id);
  return region(
    () => ask("Webhooks", {}),
    ({ webhooks }) => {
      const all = rows(webhooks);
      return h(
        "section",
        { class: "card" },
        h("header", { class: "card-head" }, h("h2", null, t("settings.webhooks")), may("WRITE_WEBHOOKS") && h("button", { type: "button", class: "small", "data-key": "new-webhook", onclick: create }, t("webhook.new"))),
        h("p", { class: "hint" }, t("webhooks.hint")),
        all.length ? h("ul", { class: "assigned" }, all.map(webhookLine)) : empty(t("webhooks.none"), t("webhooks.none.advice")),
      );
    },
    5,
  );
}

/** @param {Webhook} webhook */
function webhookLine(webhook) {
  const { id, url, description, types, waiting, lastDeliveredAt } = webhook;
  const about = [kindsOf(types), lastDeliveredAt === null ? t("webhook.never") : t("webhook.last", { when: ago(lastDeliveredAt) }), waiting > 0 && t("webhook.waiting", { n: waiting })];
  return h(
    "li",
    null,
    h("span", { class: "where" }, h("a", { href: pathTo("settings", "webhooks", id) }, description ?? url), " ", stateOf(webhook), description !== null && h("small", null, url), h("small", null, about.filter(Boolean).join(" · "))),
  );
}

function create() {
  /** @type {NonNullable<import("../../api.js").Data<"CreateWebhook">["createWebhook"]> | null | undefined} */
  let made;
  const send = async (/** @type {import("../../parts/form.js").Filled} */ { url, description, types }) => {
    const input = { url: String(url), description: String(description) || null, types: typesOf(types) };
    ({ createWebhook: made } = await maybeDone(() => ask("CreateWebhook", { input }), "webhook.lost"));
    return made?.userErrors ?? [];
  };
  const done = () => {
    if (!made?.secret || !made.webhook) return;
    go(pathTo("settings", "webhooks", made.webhook.id));
    showSecret(t("webhook.new"), made.secret, t("webhook.advice"));
  };
  openForm(t("webhook.new"), webhookFields(null), send, { submit: t("webhook.make"), done });
}
