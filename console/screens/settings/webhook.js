// One webhook: how it is, what became of each delivery, and all that can be done with it.
import { ask } from "../../api.js";
import { booksChanged, h } from "../../dom.js";
import { icon } from "../../icons.js";
import { fact } from "../../parts/facts.js";
import { openForm } from "../../parts/form.js";
import { maybeDone, showSecret } from "../../parts/secret.js";
import { empty, nameOf, region } from "../../parts/states.js";
import { go, pathTo } from "../../router.js";
import { may } from "../../session.js";
import { ago, day, moment, t } from "../../text.js";
import { deliveries, openTest } from "./deliveries.js";
import { overlapField } from "./lines.js";
import { kindName, stateOf, typesOf, webhookFields } from "./webhook-parts.js";

/** @typedef {import("./webhook-parts.js").Webhook} Webhook */

/** @param {string} id */
export function webhookScreen(id) {
  const back = h("a", { class: "back", href: pathTo("settings", "webhooks") }, icon("back"), t("settings.webhooks"));
  const shown = region(
    () => ask("Webhook", { id }),
    ({ node }) => (node?.__typename === "Webhook" ? card(node) : empty(t("webhook.none"), t("webhook.none.advice"))),
    6,
  );
  return [h("div", null, back), shown, deliveries(id)];
}

/** @param {Webhook} webhook */
function card(webhook) {
  const { url, description, types, waiting, lastDeliveredAt, nextAttemptAt, oldSecretUntil, createdAt, createdBy, statusSince, status } = webhook;
  return h(
    "section",
    { class: "card" },
    h("header", { class: "card-head" }, h("h2", { class: "where" }, description ?? url), stateOf(webhook)),
    why(webhook),
    h(
      "dl",
      { class: "facts wide-facts" },
      description !== null && fact(t("webhook.url"), h("span", { class: "where" }, url)),
      fact(t("webhook.kinds"), types === null ? t("webhook.all") : types.map(kindName).join(", ")),
      status !== "ACTIVE" && fact(t("webhook.since"), moment(statusSince)),
      fact(t("webhook.last.label"), lastDeliveredAt === null ? t("webhook.never") : ago(lastDeliveredAt)),
      waiting > 0 && fact(t("webhook.waiting.label"), String(waiting)),
      nextAttemptAt !== null && fact(t("webhook.next"), moment(nextAttemptAt)),
      oldSecretUntil !== null && fact(t("webhook.old"), t("webhook.old.until", { when: moment(oldSecretUntil) })),
      fact(t("webhook.made"), t("token.made", { day: day(createdAt), name: nameOf(createdBy) })),
    ),
    may("WRITE_WEBHOOKS") && buttons(webhook),
  );
}

/** What has to be done about it. @param {Webhook} webhook */
function why({ status, pauseReason, failingSince }) {
  const text = status === "PAUSED" && pauseReason !== null ? t(/** @type {"webhook.pause.FAILING"} */ (`webhook.pause.${pauseReason}`)) : status === "ACTIVE" && failingSince !== null ? t("webhook.failing.what") : "";
  return text && h("p", { class: "notice warn" }, icon("warning"), h("span", null, text));
}

/** @param {Webhook} webhook */
function buttons(webhook) {
  const button = (/** @type {import("../../text.js").Key} */ label, /** @type {() => void} */ act, name = "") => h("button", { type: "button", class: `small ${name}`, "data-key": label, onclick: act }, t(label));
  return h(
    "div",
    { class: "actions" },
    button("webhook.test", () => openTest(webhook.id)),
    button("settings.edit", () => edit(webhook)),
    webhook.status === "ACTIVE" ? button("webhook.disable", () => disable(webhook)) : button("webhook.enable", () => enable(webhook)),
    button("webhook.replay", () => replay(webhook)),
    button("webhook.rotate", () => rotate(webhook)),
    button("webhook.delete", () => remove(webhook), "bad"),
  );
}

/** @param {Webhook} webhook */
function edit(webhook) {
  openForm(`${t("settings.edit")}: ${webhook.description ?? webhook.url}`, webhookFields(webhook), async ({ url, description, types }) => {
    const kinds = typesOf(types);
    const input = { webhookId: webhook.id, url: String(url), description: String(description), types: kinds, allTypes: kinds === null };
    return (await ask("UpdateWebhook", { input })).updateWebhook?.userErrors ?? [];
  });
}

/** @param {Webhook} webhook */
function disable({ id }) {
  const send = async () => (await ask("DisableWebhook", { input: { webhookId: id } })).disableWebhook?.userErrors ?? [];
  openForm(t("webhook.disable"), [], send, { intro: t("webhook.disable.what"), submit: t("webhook.disable") });
}

/** @param {Webhook} webhook */
function enable({ id }) {
  const send = async () => (await ask("EnableWebhook", { input: { webhookId: id } })).enableWebhook?.userErrors ?? [];
  openForm(t("webhook.enable"), [], send, { intro: t("webhook.enable.what"), submit: t("webhook.enable") });
}

/** @param {Webhook} webhook */
function replay({ id, cursor }) {
  const options = [{ value: "rest", label: t("webhook.replay.rest") }, { value: "all", label: t("webhook.replay.all") }];
  const send = async (/** @type {import("../../parts/form.js").Filled} */ { from }) => {
    const input = { webhookId: id, after: from === "all" ? null : cursor };
    return (await ask("ReplayWebhook", { input })).replayWebhook?.userErrors ?? [];
  };
  openForm(t("webhook.replay"), [{ name: "from", label: t("webhook.replay.from"), kind: "choice", value: "rest", options }], send, { intro: t("webhook.replay.what"), submit: t("webhook.replay") });
}

/** @param {Webhook} webhook */
function rotate({ id }) {
  /** @type {string | null | undefined} */
  let secret;
  const send = async (/** @type {import("../../parts/form.js").Filled} */ { overlap }) => {
    const { rotateWebhookSecret } = await maybeDone(() => ask("RotateWebhookSecret", { input: { webhookId: id, overlapMinutes: Number(overlap) } }), "webhook.rotate.lost");
    secret = rotateWebhookSecret?.secret;
    return rotateWebhookSecret?.userErrors ?? [];
  };
  openForm(t("webhook.rotate"), [overlapField()], send, {
    intro: t("webhook.rotate.what"),
    submit: t("webhook.rotate"),
    done: () => secret && showSecret(t("webhook.rotate"), secret, t("webhook.advice")),
  });
}

/** @param {Webhook} webhook */
function remove({ id }) {
  const send = async () => (await ask("DeleteWebhook", { input: { webhookId: id } })).deleteWebhook?.userErrors ?? [];
  const done = () => {
    go(pathTo("settings", "webhooks"));
    booksChanged();
  };
  openForm(t("webhook.delete"), [], send, { intro: t("webhook.delete.what"), submit: t("webhook.delete"), bad: true, done });
}
