// The business: its name, its days, and how long things wait and are kept.
import { ask } from "../../api.js";
import { h } from "../../dom.js";
import { fact } from "../../parts/facts.js";
import { openForm } from "../../parts/form.js";
import { empty, region } from "../../parts/states.js";
import { may } from "../../session.js";
import { t, tOr } from "../../text.js";

/** @typedef {NonNullable<import("../../api.js").Data<"Business">["viewer"]>["tenant"]} Tenant */

const NUMBERS = /** @type {const} */ (["graceDays", "approvalHours", "expiryNoticeDays", "eventDays", "idempotencyKeyDays"]);

export function businessTab() {
  return region(() => ask("Business", {}), ({ viewer }) => (viewer ? card(viewer.tenant) : empty(t("settings.none"))), 6);
}

/** @param {Tenant} tenant */
function card(tenant) {
  return h(
    "section",
    { class: "card" },
    h(
      "header",
      { class: "card-head" },
      h("h2", null, t("settings.business")),
      may("WRITE_CONFIG") && h("button", { type: "button", class: "small", "data-key": "edit-business", onclick: () => edit(tenant) }, t("settings.edit")),
    ),
    h(
      "dl",
      { class: "facts wide-facts" },
      fact(t("customers.name"), tenant.name),
      fact(t("business.timeZone"), tenant.timeZone),
      NUMBERS.map((name) => fact(t(`business.${name}`), t(name === "approvalHours" ? "business.hours" : "days", { n: tenant[name] }))),
      fact(t("business.currencies"), tenant.limitedCurrencies.join(", ") || t("business.currencies.all")),
    ),
  );
}

/** @param {Tenant} tenant */
function edit(tenant) {
  const zones = [...new Set([tenant.timeZone, "UTC", ...Intl.supportedValuesOf("timeZone")])].map((value) => ({ value, label: value.replaceAll("_", " ") }));
  /** @type {import("../../parts/form.js").Wanted[]} */
  const wanted = [
    { name: "name", label: t("customers.name"), value: tenant.name, required: true },
    { name: "timeZone", label: t("business.timeZone"), kind: "choice", value: tenant.timeZone, options: zones, hint: t("business.timeZone.hint") },
    ...NUMBERS.map((name) => ({ name, label: t(`business.${name}.label`), kind: /** @type {const} */ ("number"), value: String(tenant[name]), hint: tOr(`business.${name}.hint`, ""), required: true })),
    { name: "limitedCurrencies", label: t("business.currencies"), value: tenant.limitedCurrencies.join(", "), hint: t("business.currencies.hint") },
  ];
  const send = async (/** @type {import("../../parts/form.js").Filled} */ filled) => {
    const numbers = Object.fromEntries(NUMBERS.map((name) => [name, Number(filled[name])]));
    const limitedCurrencies = String(filled.limitedCurrencies).toUpperCase().split(/[\s,;]+/).filter(Boolean);
    const { updateTenant } = await ask("UpdateTenant", { input: { name: String(filled.name), timeZone: String(filled.timeZone), ...numbers, limitedCurrencies } });
    return updateTenant?.userErrors ?? [];
  };
  // Its name and its days are on every screen.
  openForm(t("settings.business"), wanted, send, { done: () => location.reload() });
}
