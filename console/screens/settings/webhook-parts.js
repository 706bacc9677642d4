// What is said of a webhook in the list and on its own page, and what is asked for to make or change one.
import { badge } from "../../parts/states.js";
import { ago, t, tOr } from "../../text.js";
import { EVENT_KINDS } from "./event-kinds.js";

/** @typedef {NonNullable<import("../../api.js").Data<"Webhooks">["webhooks"]>["edges"][number]["node"]} Webhook */
/** @typedef {import("./event-kinds.js").Kinds} Kinds */
/** @typedef {import("../../parts/form.js").Wanted} Wanted */

/** How it is: on, stopped and by whom, or failing. @param {Pick<Webhook, "status" | "failingSince">} webhook */
export function stateOf({ status, failingSince }) {
  if (status === "ACTIVE" && failingSince !== null) return badge(t("webhook.failing", { when: ago(failingSince) }), "bad");
  return badge(t(/** @type {"webhook.ACTIVE"} */ (`webhook.${status}`)), status === "ACTIVE" ? "good" : status === "PAUSED" ? "bad" : "plain");
}

/** @param {readonly string[] | null} types */
export function kindsOf(types) {
  if (types === null) return t("webhook.all");
  return types.length > 3 ? t("webhook.kinds.n", { n: types.length }) : types.map(kindName).join(", ");
}

/** @param {string | null} kind Null: a test. */
export function kindName(kind) {
  return kind === null ? t("delivery.ping") : tOr(`event.${kind}`, kind);
}

/** @param {Pick<Webhook, "url" | "description" | "types"> | null} webhook @returns {Wanted[]} */
export function webhookFields(webhook) {
  const options = Object.entries(EVENT_KINDS).flatMap(([group, kinds]) => kinds.map((value) => ({ value, label: kindName(value), group: t(/** @type {"events.credit"} */ (`events.${group}`)) })));
  return [
    { name: "url", label: t("webhook.url"), value: webhook?.url ?? "https://", required: true, hint: t("webhook.url.hint") },
    { name: "description", label: t("webhook.description"), value: webhook?.description ?? "", hint: t("settings.optional") },
    { name: "types", label: t("webhook.kinds"), kind: "ticks", value: webhook?.types ?? [], options, hint: t("webhook.kinds.hint") },
  ];
}

/** @param {import("../../parts/form.js").Value | undefined} ticked @returns {Kinds | null} */
export function typesOf(ticked) {
  return Array.isArray(ticked) && ticked.length ? /** @type {Kinds} */ ([...ticked]) : null;
}
