// Services that class credits are good for.
import { ask } from "../../api.js";
import { openForm } from "../../parts/form.js";
import { region } from "../../parts/states.js";
import { may } from "../../session.js";
import { t } from "../../text.js";
import { line, section } from "./lines.js";

/** @typedef {NonNullable<import("../../api.js").Data<"ServiceSettings">["services"]>[number]} Service */

export function servicesTab() {
  const writes = may("WRITE_CONFIG");
  return region(
    () => ask("ServiceSettings", {}),
    ({ services }) =>
      section(
        t("settings.services"),
        writes ? () => edit(null) : null,
        (services ?? []).map((each) => line(each.name, "", { active: each.active, edit: writes ? () => edit(each) : null })),
        t("services.what"),
      ),
    5,
  );
}

/** @param {Service | null} service */
function edit(service) {
  /** @type {import("../../parts/form.js").Wanted[]} */
  const wanted = [{ name: "name", label: t("customers.name"), value: service?.name ?? "", required: true }];
  if (service) wanted.push({ name: "active", label: t("settings.on"), kind: "tick", value: service.active });
  openForm(service?.name ?? t("settings.services"), wanted, async ({ name, active }) => {
    if (service === null) return (await ask("CreateService", { input: { name: String(name) } })).createService?.userErrors ?? [];
    return (await ask("UpdateService", { input: { serviceId: service.id, name: String(name), active: Boolean(active) } })).updateService?.userErrors ?? [];
  });
}
