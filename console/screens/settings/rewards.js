// Rewards that points are paid for.
import { ask, rows } from "../../api.js";
import { openForm } from "../../parts/form.js";
import { region } from "../../parts/states.js";
import { may } from "../../session.js";
import { money, t } from "../../text.js";
import { rewardValue } from "../reward.js";
import { line, section } from "./lines.js";

/** @typedef {NonNullable<import("../../api.js").Data<"RewardSettings">["rewards"]>["edges"][number]["node"]} Reward */

export function rewardsTab() {
  return region(
    () => ask("RewardSettings", {}),
    ({ rewards }) => section(t("settings.rewards"), may("WRITE_CONFIG") ? newReward : null, rows(rewards).map(rewardLine)),
    6,
  );
}

/** @param {Reward} reward */
function rewardLine(reward) {
  const about = [rewardValue(reward), money(reward.pointsCost, "POINTS"), reward.validityDays !== null && t("reward.valid", { n: reward.validityDays }), reward.stock !== null && t("reward.stock", { n: reward.stock })];
  return line(reward.name, about.filter(Boolean).join(" · "), { active: reward.active, edit: may("WRITE_CONFIG") ? () => editReward(reward) : null });
}

/** @param {Reward} reward */
function editReward(reward) {
  /** @type {import("../../parts/form.js").Wanted[]} */
  const wanted = [
    { name: "name", label: t("customers.name"), value: reward.name, required: true },
    { name: "pointsCost", label: t("settings.cost"), kind: "amount", value: reward.pointsCost, required: true },
    { name: "active", label: t("settings.on"), kind: "tick", value: reward.active },
  ];
  openForm(reward.name, wanted, async ({ name, pointsCost, active }) => {
    const input = { rewardId: reward.id, name: String(name), pointsCost: String(pointsCost), active: Boolean(active) };
    return (await ask("UpdateReward", { input })).updateReward?.userErrors ?? [];
  });
}

function newReward() {
  const kinds = [
    { value: "PERCENT", label: t("reward.PERCENT", { value: "…" }) },
    { value: "FREE_DELIVERY", label: t("reward.FREE_DELIVERY") },
  ];
  /** @type {import("../../parts/form.js").Wanted[]} */
  const wanted = [
    { name: "name", label: t("customers.name"), required: true },
    { name: "kind", label: t("settings.kind"), kind: "choice", value: "PERCENT", options: kinds },
    { name: "value", label: t("settings.percent"), kind: "number" },
    { name: "pointsCost", label: t("settings.cost"), kind: "amount", required: true },
    { name: "validityDays", label: t("expiry.days"), kind: "number" },
  ];
  openForm(t("settings.rewards"), wanted, async ({ name, kind, value, pointsCost, validityDays }) => {
    const percent = kind === "PERCENT";
    const input = {
      name: String(name),
      kind: percent ? /** @type {const} */ ("PERCENT") : /** @type {const} */ ("FREE_DELIVERY"),
      value: percent && value !== null ? String(value) : null,
      pointsCost: String(pointsCost),
      validityDays: typeof validityDays === "number" ? validityDays : null,
    };
    return (await ask("CreateReward", { input })).createReward?.userErrors ?? [];
  });
}
