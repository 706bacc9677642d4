// Products that orders sell.
import { ask } from "../../api.js";
import { currenciesFrom } from "../../parts/assets.js";
import { currenciesInUse } from "../../parts/choices.js";
import { openForm } from "../../parts/form.js";
import { allOf } from "../../parts/pages.js";
import { region } from "../../parts/states.js";
import { may } from "../../session.js";
import { money, t } from "../../text.js";
import { line, section } from "./lines.js";

/** @typedef {NonNullable<import("../../api.js").Data<"ProductSettings">["products"]>["edges"][number]["node"]} Product */

const KINDS = /** @type {const} */ (["GOODS", "SERVICE", "CREDIT"]);

export function productsTab() {
  const writes = may("WRITE_CONFIG");
  return region(
    () => Promise.all([allOf(async (after) => (await ask("ProductSettings", { after })).products), currenciesInUse()]),
    ([products, currencies]) => section(t("settings.products"), writes ? () => create(currencies) : null, products.map((each) => productLine(each, writes)), t("products.what")),
    6,
  );
}

/** @param {Product} product @param {boolean} writes */
function productLine(product, writes) {
  const { name, kind, price, currency, reference, active } = product;
  const about = [t(`product.${kind}`), money(price, currency), reference].filter(Boolean).join(" · ");
  return line(name, about, { active, edit: writes ? () => edit(product) : null });
}

/** @param {readonly string[]} currencies */
function create(currencies) {
  /** @type {import("../../parts/form.js").Wanted[]} */
  const wanted = [
    { name: "name", label: t("customers.name"), required: true },
    { name: "kind", label: t("settings.kind"), kind: "choice", value: "GOODS", options: KINDS.map((value) => ({ value, label: t(`product.${value}`) })), hint: t("product.kind.hint") },
    { name: "currency", label: t("settings.currency"), kind: "choice", value: currencies[0] ?? "EUR", options: currenciesFrom(currencies) },
    { name: "price", label: t("product.price"), kind: "amount", asset: ({ currency }) => String(currency), required: true, hint: t("product.price.new") },
    { name: "reference", label: t("product.reference"), hint: t("settings.optional") },
  ];
  openForm(t("settings.products"), wanted, async (filled) => {
    const input = { name: String(filled.name), kind: /** @type {Product["kind"]} */ (filled.kind), currency: String(filled.currency), price: String(filled.price), reference: String(filled.reference) || null };
    return (await ask("CreateProduct", { input })).createProduct?.userErrors ?? [];
  });
}

/** @param {Product} product */
function edit(product) {
  /** @type {import("../../parts/form.js").Wanted[]} */
  const wanted = [
    { name: "name", label: t("customers.name"), value: product.name, required: true },
    { name: "price", label: t("product.price"), kind: "amount", asset: product.currency, value: product.price, required: true, hint: t("product.price.hint") },
    { name: "reference", label: t("product.reference"), value: product.reference ?? "", hint: t("settings.optional") },
    { name: "active", label: t("settings.on"), kind: "tick", value: product.active },
  ];
  openForm(product.name, wanted, async ({ name, price, reference, active }) => {
    const input = { productId: product.id, name: String(name), price: String(price), reference: String(reference) || null, active: Boolean(active) };
    return (await ask("UpdateProduct", { input })).updateProduct?.userErrors ?? [];
  });
}
