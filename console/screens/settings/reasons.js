// Reasons for adjusting.
import { ask } from "../../api.js";
import { openForm } from "../../parts/form.js";
import { region } from "../../parts/states.js";
import { may } from "../../session.js";
import { t } from "../../text.js";
import { line, section } from "./lines.js";

/** @typedef {NonNullable<import("../../api.js").Data<"ReasonSettings">["adjustmentReasons"]>[number]} Reason */

export function reasonsTab() {
  return region(
    () => ask("ReasonSettings", {}),
    ({ adjustmentReasons }) => section(t("settings.reasons"), may("WRITE_CONFIG") ? () => editReason(null) : null, (adjustmentReasons ?? []).map(reasonLine)),
    6,
  );
}

/** @param {Reason} reason */
function reasonLine(reason) {
  const { code, label, directions, noteRequired, movesLifetime, active } = reason;
  const about = [code, directions.map((each) => t(each === "ADD" ? "add" : "remove")).join(", "), noteRequired && t("settings.note"), !movesLifetime && t("settings.keeps")];
  return line(label, about.filter(Boolean).join(" · "), { active, edit: may("WRITE_CONFIG") ? () => editReason(reason) : null });
}

/** @param {Reason | null} reason */
function editReason(reason) {
  /** @type {import("../../parts/form.js").Wanted[]} */
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
