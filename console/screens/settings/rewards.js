// Rewards that points are paid for.
import { ask } from "../../api.js";
import { currenciesInUse } from "../../parts/choices.js";
import { allOf } from "../../parts/pages.js";
import { region } from "../../parts/states.js";
import { may } from "../../session.js";
import { money, t } from "../../text.js";
import { rewardValue } from "../reward.js";
import { line, section } from "./lines.js";
import { openRewardForm } from "./reward-form.js";

/** @typedef {NonNullable<import("../../api.js").Data<"RewardSettings">["rewards"]>["edges"][number]["node"]} Reward */

export function rewardsTab() {
  return region(
    () => allOf(async (after) => (await ask("RewardSettings", { after })).rewards),
    (rewards) => section(t("settings.rewards"), may("WRITE_CONFIG") ? () => edit(null) : null, rewards.map(rewardLine)),
    6,
  );
}

/** @param {Reward} reward */
function rewardLine(reward) {
  const about = [rewardValue(reward), money(reward.pointsCost, "POINTS"), reward.validityDays !== null && t("reward.valid", { n: reward.validityDays }), reward.stock !== null && t("reward.stock", { n: reward.stock })];
  return line(reward.name, about.filter(Boolean).join(" · "), { active: reward.active, edit: may("WRITE_CONFIG") ? () => edit(reward) : null });
}

/** @param {Reward | null} reward Null: a new one. */
async function edit(reward) {
  const [currency = "GBP"] = await currenciesInUse().catch(() => []);
  openRewardForm(reward, currency);
}
