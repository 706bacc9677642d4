// What is sold: goods, services, and credit as a product. Admins set them up.
import { ask, rows } from "../api.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { currenciesInUse } from "../parts/choices.js";
import { openForm } from "../parts/form.js";
import { Sheet } from "../parts/sheet.js";
import { badge, empty, region } from "../parts/states.js";
import { money, t } from "../text.js";

/** @typedef {NonNullable<import("../api.js").Data<"AllProducts">["products"]>["edges"][number]["node"]} Product */
/** @typedef {import("../parts/form.js").Wanted} Wanted */

const KINDS = /** @type {const} */ (["GOODS", "SERVICE", "CREDIT"]);

export function openProducts() {
  const sheet = new Sheet(t("products"), { wide: true });
  const add = h("button", { type: "button", onclick: newProduct }, icon("plus"), t("product.new"));
  sheet.show([region(() => ask("AllProducts", {}), ({ products }) => list(rows(products)), 5)], [add]);
  add.focus();
}

/** @param {readonly Product[]} all */
function list(all) {
  if (all.length === 0) return empty(t("products.none"));
  return h("ul", { class: "assigned" }, all.map(line));
}

/** @param {Product} product */
function line(product) {
  const { id, name, kind, price, currency, active } = product;
  return h(
    "li",
    null,
    h("span", null, h("strong", null, name), !active && [" ", badge(t("settings.off"))], h("small", null, `${t(`product.${kind}`)} · ${money(price, currency)}`)),
    h("button", { type: "button", class: "small", "data-key": `product-${id}`, "aria-label": `${t("settings.edit")}: ${name}`, onclick: () => editProduct(product) }, t("settings.edit")),
  );
}

async function newProduct() {
  const currencies = await currenciesInUse().catch(() => []);
  const currency = currencies[0] ?? "GBP";
  /** @type {Wanted[]} */
  const wanted = [
    { name: "name", label: t("customers.name"), required: true },
    { name: "kind", label: t("settings.kind"), kind: "choice", value: "GOODS", options: KINDS.map((value) => ({ value, label: t(`product.${value}`) })) },
    { name: "price", label: t("product.price"), kind: "amount", asset: currency, required: true, hint: t("product.price.hint") },
  ];
  if (currencies.length > 1) wanted.push({ name: "currency", label: t("product.currency"), kind: "choice", value: currency, options: currencies.map((value) => ({ value, label: value })) });
  openForm(t("product.new"), wanted, async (filled) => {
    const input = { name: String(filled.name), kind: /** @type {typeof KINDS[number]} */ (filled.kind), price: String(filled.price), currency: String(filled.currency ?? currency) };
    return (await ask("CreateProduct", { input })).createProduct?.userErrors ?? [];
  });
}

/** @param {Product} product */
function editProduct(product) {
  /** @type {Wanted[]} */
  const wanted = [
    { name: "name", label: t("customers.name"), value: product.name, required: true },
    { name: "price", label: t("product.price"), kind: "amount", asset: product.currency, value: product.price, required: true, hint: t("product.price.before") },
    { name: "active", label: t("settings.on"), kind: "tick", value: product.active },
  ];
  openForm(product.name, wanted, async ({ name, price, active }) => {
    const input = { productId: product.id, name: String(name), price: String(price), active: Boolean(active) };
    return (await ask("UpdateProduct", { input })).updateProduct?.userErrors ?? [];
  });
}
