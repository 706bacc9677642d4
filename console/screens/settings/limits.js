// Limits on what each role, person or partner's client may add, spend or sell.
import { ask } from "../../api.js";
import { currenciesFrom } from "../../parts/assets.js";
import { currenciesInUse } from "../../parts/choices.js";
import { openForm } from "../../parts/form.js";
import { region } from "../../parts/states.js";
import { may } from "../../session.js";
import { anyMoney, assetName, money, t } from "../../text.js";
import { ANY_MONEY, line, section } from "./lines.js";

/** @typedef {NonNullable<import("../../api.js").Data<"Limits">["limitRules"]>[number]} Limit */
/** @typedef {import("../../parts/form.js").Wanted} Wanted */

const ROLES = /** @type {const} */ (["STAFF", "MANAGER", "ADMIN", "PARTNER"]);
const KINDS = /** @type {const} */ (["ADDING", "SPENDING", "SELLING_CREDIT"]);

export function limitsTab() {
  const writes = may("WRITE_CONFIG");
  return region(
    async () => ({ ...(await ask("Limits", {})), currencies: await currenciesInUse() }),
    ({ limitRules, currencies }) => section(t("settings.limits"), writes ? () => create(currencies) : null, (limitRules ?? []).map((each) => limitLine(each, writes)), t("limits.hint")),
    5,
  );
}

/** @param {Limit} limit */
function nameOf({ role, holder, kind, asset }) {
  const whom = holder === null ? t(`role.${role}`) : `${holder} (${t(`role.${role}`)})`;
  return [whom, asset === null ? t("limits.money") : assetName(asset), kind !== "ADDING" && t(`limits.${kind}`)].filter(Boolean).join(", ");
}

/** @param {Limit} limit @param {boolean} writes */
function limitLine(limit, writes) {
  const { asset, perAdjustment, perActorDay, perCustomerDay } = limit;
  const amounts = /** @type {const} */ ([["limits.once", perAdjustment], ["limits.actor", perActorDay], ["limits.customer", perCustomerDay]]);
  const about = amounts.flatMap(([key, amount]) => (amount === null ? [] : [t(key, { amount: asset === null ? anyMoney(amount) : money(amount, asset) })]));
  return line(nameOf(limit), about.join(" · ") || t("limits.none.set"), { edit: writes ? () => edit(limit) : null, remove: writes ? () => remove(limit) : null });
}

/**
 * @param {string | ((filled: import("../../parts/form.js").Filled) => string)} asset
 * @param {Limit | null} limit
 * @returns {Wanted[]}
 */
function amounts(asset, limit) {
  return [
    { name: "perAdjustment", label: t("limits.once.label"), kind: "amount", asset, value: limit?.perAdjustment ?? "", hint: t("limits.blank") },
    { name: "perActorDay", label: t("limits.actor.label"), kind: "amount", asset, value: limit?.perActorDay ?? "" },
    { name: "perCustomerDay", label: t("limits.customer.label"), kind: "amount", asset, value: limit?.perCustomerDay ?? "" },
  ];
}

/** @param {import("../../parts/form.js").Filled} filled */
function amountsOf(filled) {
  const text = (/** @type {string} */ name) => (filled[name] === null ? null : String(filled[name]));
  return { perAdjustment: text("perAdjustment"), perActorDay: text("perActorDay"), perCustomerDay: text("perCustomerDay") };
}

/** @param {readonly string[]} currencies */
function create(currencies) {
  const assets = [{ value: "", label: t("limits.money.each") }, ...["SERVICE_CREDITS", "POINTS"].map((value) => ({ value, label: assetName(value) })), ...currenciesFrom(currencies)];
  /** @type {Wanted[]} */
  const whom = [
    { name: "role", label: t("limits.role"), kind: "choice", value: "STAFF", options: ROLES.map((value) => ({ value, label: t(`role.${value}`) })) },
    { name: "holder", label: t("limits.holder"), hint: t("limits.holder.hint") },
    { name: "kind", label: t("limits.kind"), kind: "choice", value: "ADDING", options: KINDS.map((value) => ({ value, label: t(`limits.${value}`) })) },
    { name: "asset", label: t("asset"), kind: "choice", value: "", options: assets },
  ];
  openForm(t("settings.limits"), [...whom, ...amounts(({ asset }) => String(asset) || ANY_MONEY, null)], async (filled) => {
    const input = {
      role: /** @type {Limit["role"]} */ (filled.role),
      holder: String(filled.holder) || null,
      kind: /** @type {Limit["kind"]} */ (filled.kind),
      asset: String(filled.asset) || null,
      ...amountsOf(filled),
    };
    return (await ask("SetLimit", { input })).setLimit?.userErrors ?? [];
  });
}

/** @param {Limit} limit */
function edit(limit) {
  const { role, holder, kind, asset } = limit;
  openForm(nameOf(limit), amounts(asset ?? ANY_MONEY, limit), async (filled) => (await ask("SetLimit", { input: { role, holder, kind, asset, ...amountsOf(filled) } })).setLimit?.userErrors ?? []);
}

/** @param {Limit} limit */
function remove(limit) {
  const { role, holder, kind, asset } = limit;
  const nothing = role === "PARTNER" || (role === "STAFF" && kind !== "SPENDING");
  const then = holder !== null || asset !== null ? "limits.delete.other" : nothing ? "limits.delete.nothing" : "limits.delete.unlimited";
  const send = async () => (await ask("RemoveLimit", { input: { role, holder, kind, asset } })).removeLimit?.userErrors ?? [];
  openForm(t("limits.delete", { name: nameOf(limit) }), [], send, { intro: t(then), submit: t("settings.delete"), bad: true });
}
