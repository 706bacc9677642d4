// Tiers: thresholds of the lifetime total in points. A change moves whoever it concerns at once.
import { ask } from "../../api.js";
import { openForm } from "../../parts/form.js";
import { region, tell } from "../../parts/states.js";
import { may } from "../../session.js";
import { money, t } from "../../text.js";
import { line, section } from "./lines.js";

/** @typedef {NonNullable<import("../../api.js").Data<"TierSettings">["tiers"]>[number]} Tier */
/** @typedef {{customersMoved: number, userErrors: readonly import("../../parts/refusals.js").Refusal[]} | null} Moved */

export function tiersTab() {
  const writes = may("WRITE_CONFIG");
  return region(
    () => ask("TierSettings", {}),
    ({ tiers }) =>
      section(
        t("settings.tiers"),
        writes ? () => edit(null) : null,
        (tiers ?? []).map((tier) => line(tier.name, t("settings.from", { amount: money(tier.threshold, "POINTS") }), { edit: writes ? () => edit(tier) : null, remove: writes ? () => remove(tier) : null })),
        t("tiers.hint"),
      ),
    5,
  );
}

/** @param {Tier | null} tier */
function edit(tier) {
  /** @type {import("../../parts/form.js").Wanted[]} */
  const wanted = [
    { name: "name", label: t("customers.name"), value: tier?.name ?? "", required: true },
    { name: "threshold", label: t("settings.threshold"), kind: "amount", value: tier?.threshold ?? "", required: true },
  ];
  const moved = counting();
  openForm(
    tier?.name ?? t("settings.tiers"),
    wanted,
    async ({ name, threshold }) => {
      const shared = { name: String(name), threshold: String(threshold) };
      if (tier === null) return moved.note((await ask("CreateTier", { input: shared })).createTier);
      return moved.note((await ask("UpdateTier", { input: { ...shared, tierId: tier.id } })).updateTier);
    },
    { intro: t("tiers.moves"), done: moved.tell },
  );
}

/** @param {Tier} tier */
function remove(tier) {
  const moved = counting();
  const send = async () => moved.note((await ask("DeleteTier", { input: { tierId: tier.id } })).deleteTier);
  openForm(t("tiers.delete", { name: tier.name }), [], send, { intro: t("tiers.delete.what"), submit: t("settings.delete"), bad: true, done: moved.tell });
}

/** Says afterwards how many customers were moved. */
function counting() {
  let n = 0;
  return {
    /** @param {Moved | undefined} payload */
    note(payload) {
      n = payload?.customersMoved ?? 0;
      return payload?.userErrors ?? [];
    },
    tell: () => tell(n === 0 ? t("saved") : `${t("saved")} ${t("tiers.moved", { n })}`),
  };
}
