// Settings: reasons, limits, rewards, tiers and services. Managers read them, admins change them.
import { ask, rows } from "../api.js";
import { h } from "../dom.js";
import { currenciesInUse } from "../parts/choices.js";
import { openForm } from "../parts/form.js";
import { head } from "../parts/head.js";
import { later } from "../parts/later.js";
import { badge, region } from "../parts/states.js";
import { may } from "../session.js";
import { assetName, money, t } from "../text.js";
import { rewardValue } from "./reward.js";

/** @typedef {import("../api.js").Data<"Configuration">} Configuration */
/** @typedef {NonNullable<Configuration["adjustmentReasons"]>[number]} Reason */
/** @typedef {NonNullable<Configuration["rewards"]>["edges"][number]["node"]} Reward */
/** @typedef {NonNullable<import("../api.js").Data<"Limits">["limitRules"]>[number]} Limit */
/** @typedef {import("../parts/form.js").Wanted} Wanted */

export function settingsScreen() {
  return h(
    "div",
    { class: "stack" },
    head(t("nav.settings")),
    region(
      () => ask("Configuration", {}),
      ({ adjustmentReasons, services, tiers, rewards }) => [
        section(t("settings.reasons"), () => editReason(null), (adjustmentReasons ?? []).map(reasonLine)),
        section(t("settings.rewards"), () => editReward(null), rows(rewards).map(rewardLine)),
        section(t("settings.tiers"), newTier, (tiers ?? []).map(({ name, threshold }) => line(name, t("settings.from", { amount: money(threshold, "POINTS") })))),
        section(t("services"), () => editService(null), (services ?? []).map((each) => line(each.name, "", each.active, () => editService(each)))),
      ],
      8,
    ),
    region(() => ask("Limits", {}), ({ limitRules }) => section(t("settings.limits"), () => editLimit(null), (limitRules ?? []).map(limitLine)), 4),
  );
}

/**
 * @param {string} title
 * @param {() => void} add
 * @param {readonly HTMLElement[]} lines
 */
function section(title, add, lines) {
  return h(
    "section",
    { class: "card" },
    h("header", { class: "card-head" }, h("h2", null, title), may("WRITE_CONFIG") && h("button", { type: "button", class: "small", "data-key": `new-${title}`, "aria-label": `${t("settings.new")}: ${title}`, onclick: add }, t("settings.new"))),
    lines.length ? h("ul", { class: "assigned" }, [...lines]) : h("p", { class: "hint" }, t("settings.none")),
  );
}

/**
 * @param {string} name
 * @param {string} about
 * @param {boolean} [active]
 * @param {() => void} [edit]
 */
function line(name, about, active = true, edit) {
  return h(
    "li",
    null,
    h("span", null, h("strong", null, name), !active && [" ", badge(t("settings.off"))], about && h("small", null, about)),
    edit && may("WRITE_CONFIG") && h("button", { type: "button", class: "small", "data-key": `edit-${name}`, "aria-label": `${t("settings.edit")}: ${name}`, onclick: edit }, t("settings.edit")),
  );
}

/** @param {Reason} reason */
function reasonLine(reason) {
  const { code, label, directions, noteRequired, movesLifetime, active } = reason;
  const about = [code, directions.map((each) => t(each === "ADD" ? "add" : "remove")).join(", "), noteRequired && t("settings.note"), !movesLifetime && t("settings.keeps")];
  return line(label, about.filter(Boolean).join(" · "), active, () => editReason(reason));
}

/** @param {Reason | null} reason */
function editReason(reason) {
  /** @type {Wanted[]} */
  const wanted = [
    { name: "label", label: t("settings.label"), value: reason?.label ?? "", required: true },
    { name: "add", label: t("add"), kind: "tick", value: reason?.directions.includes("ADD") ?? true },
    { name: "remove", label: t("remove"), kind: "tick", value: reason?.directions.includes("REMOVE") ?? false },
    { name: "noteRequired", label: t("settings.note"), kind: "tick", value: reason?.noteRequired ?? false },
    { name: "movesLifetime", label: t("settings.moves"), kind: "tick", value: reason?.movesLifetime ?? true },
  ];
  if (reason === null) wanted.unshift({ name: "code", label: t("settings.code"), required: true, hint: t("settings.code.hint") });
  else wanted.push({ name: "active", label: t("settings.on"), kind: "tick", value: reason.active });
  openForm(reason === null ? t("settings.reasons") : reason.label, wanted, async (filled) => {
    /** @type {("ADD" | "REMOVE")[]} */
    const directions = [];
    if (filled.add) directions.push("ADD");
    if (filled.remove) directions.push("REMOVE");
    const shared = { label: String(filled.label), directions, noteRequired: Boolean(filled.noteRequired), movesLifetime: Boolean(filled.movesLifetime) };
    if (reason === null) return (await ask("CreateReason", { input: { ...shared, code: String(filled.code).toUpperCase() } })).createReason?.userErrors ?? [];
    return (await ask("UpdateReason", { input: { ...shared, code: reason.code, active: Boolean(filled.active) } })).updateReason?.userErrors ?? [];
  });
}

/** @param {Reward} reward */
function rewardLine(reward) {
  const about = [rewardValue(reward), money(reward.pointsCost, "POINTS"), reward.validityDays ? t("reward.valid", { n: reward.validityDays }) : null, reward.stock !== null && t("reward.stock", { n: reward.stock })];
  return line(reward.name, about.filter(Boolean).join(" · "), reward.active, () => editReward(reward));
}

/** @param {Reward | null} reward */
function editReward(reward) {
  return later(
    () => Promise.all([import("./settings-rewards.js"), currenciesInUse()]),
    ([{ openRewardForm }, [currency = "GBP"]]) => openRewardForm(reward, currency),
  );
}

function newTier() {
  /** @type {Wanted[]} */
  const wanted = [
    { name: "name", label: t("customers.name"), required: true },
    { name: "threshold", label: t("settings.threshold"), kind: "amount", required: true },
  ];
  openForm(t("settings.tiers"), wanted, async ({ name, threshold }) => {
    return (await ask("CreateTier", { input: { name: String(name), threshold: String(threshold) } })).createTier?.userErrors ?? [];
  });
}

/** @param {{id: string, name: string, active: boolean} | null} service */
function editService(service) {
  /** @type {Wanted[]} */
  const wanted = [{ name: "name", label: t("customers.name"), value: service?.name ?? "", required: true }];
  if (service) wanted.push({ name: "active", label: t("settings.on"), kind: "tick", value: service.active });
  openForm(service?.name ?? t("services"), wanted, async ({ name, active }) => {
    if (service === null) return (await ask("CreateService", { input: { name: String(name) } })).createService?.userErrors ?? [];
    return (await ask("UpdateService", { input: { serviceId: service.id, name: String(name), active: Boolean(active) } })).updateService?.userErrors ?? [];
  });
}

/** @param {Limit} limit */
function limitLine(limit) {
  const { role, holder, kind, asset, perAdjustment, perActorDay, perCustomerDay } = limit;
  const amounts = /** @type {const} */ ([["limits.once", perAdjustment], ["limits.actor", perActorDay], ["limits.customer", perCustomerDay]]);
  const about = amounts.flatMap(([key, amount]) => (amount === null ? [] : [t(key, { amount: asset === null ? amount : money(amount, asset) })]));
  const name = [holder ?? t(`role.${role}`), asset === null ? t("limits.money") : assetName(asset), kind !== "ADDING" && t(`limits.${kind}`)].filter(Boolean).join(", ");
  return line(name, about.join(" · ") || t("limits.none.set"), true, () => editLimit(limit));
}

/** @param {Limit | null} limit */
function editLimit(limit) {
  const asset = limit?.asset ?? "USD";
  const roles = /** @type {const} */ (["STAFF", "MANAGER", "ADMIN", "PARTNER"]).map((value) => ({ value, label: t(`role.${value}`) }));
  const assets = [{ value: "", label: t("limits.money") }, ...["SERVICE_CREDITS", "POINTS"].map((value) => ({ value, label: assetName(value) }))];
  /** @type {Wanted[]} */
  const whom = [
    { name: "role", label: t("limits.role"), kind: "choice", value: "STAFF", options: roles },
    { name: "asset", label: t("asset"), kind: "choice", value: "", options: assets },
  ];
  /** @type {Wanted[]} */
  const amounts = [
    { name: "perAdjustment", label: t("limits.once.label"), kind: "amount", asset, value: limit?.perAdjustment ?? "", hint: t("limits.blank") },
    { name: "perActorDay", label: t("limits.actor.label"), kind: "amount", asset, value: limit?.perActorDay ?? "" },
    { name: "perCustomerDay", label: t("limits.customer.label"), kind: "amount", asset, value: limit?.perCustomerDay ?? "" },
  ];
  openForm(t("settings.limits"), limit === null ? [...whom, ...amounts] : amounts, async (filled) => {
    const text = (/** @type {string} */ name) => (filled[name] === null ? null : String(filled[name]));
    const input = {
      role: limit?.role ?? /** @type {Limit["role"]} */ (filled.role),
      asset: limit === null ? text("asset") || null : limit.asset,
      holder: limit?.holder ?? null,
      kind: limit?.kind ?? /** @type {const} */ ("ADDING"),
      perAdjustment: text("perAdjustment"),
      perActorDay: text("perActorDay"),
      perCustomerDay: text("perCustomerDay"),
    };
    return (await ask("SetLimit", { input })).setLimit?.userErrors ?? [];
  });
}
