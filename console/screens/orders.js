// Orders and invoices, newest first or by their number, and a new order: of goods, services, or credit that is on the account once it is paid.
import { ask, newKey } from "../api.js";
import { decimal, units } from "../decimals.js";
import { booksChanged, h, put } from "../dom.js";
import { icon } from "../icons.js";
import { field, select } from "../parts/fields.js";
import { head } from "../parts/head.js";
import { allOf, paged, pageFrom, pageOf } from "../parts/pages.js";
import { busy, Sheet, submitButton } from "../parts/sheet.js";
import { badge, empty, fill, region, tell } from "../parts/states.js";
import { may } from "../session.js";
import { calendarDay, money, placesOf, t, today } from "../text.js";
import { openInvoice } from "./invoice.js";

/** @typedef {NonNullable<import("../api.js").Data<"Orders">["orders"]>["edges"][number]["node"]} Order */
/** @typedef {NonNullable<import("../api.js").Data<"Products">["products"]>["edges"][number]["node"]} Product */

/** @typedef {"orders" | "all"} Which */
/** @typedef {NonNullable<import("../api.js").Variables<"Orders">["filter"]>} Filter */

const PAGE = 40;
const WAIT_MS = 250;
/** The states that are found quickly, by an index, and what is left. */
const STATES = /** @type {const} */ ({ unpaid: ["OPEN", "PART_PAID"], paid: ["PAID"], void: ["VOID"] });

export function ordersScreen() {
  const list = h("div", null);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const search = h("input", { type: "search", autocomplete: "off", spellcheck: "false", oninput: () => typed() });
  const which = select(/** @type {const} */ (["orders", "all"]).map((value) => ({ value, label: t(`orders.${value}`) })), "orders", { onchange: () => draw() });
  const states = [{ value: "", label: t("all") }, ...Object.keys(STATES).map((value) => ({ value, label: t(`orders.${/** @type {keyof typeof STATES} */ (value)}`) }))];
  const state = select(states, "", { onchange: () => draw() });
  const add = may("WRITE_INVOICES") && h("button", { type: "button", class: "primary", onclick: () => openNewOrder() }, icon("plus"), t("order.new"));
  function typed() {
    clearTimeout(timer);
    timer = setTimeout(draw, WAIT_MS);
  }
  function draw() {
    const text = search.value.trim();
    if (text) put(list, region(() => found(text, null), (first) => matches(first, text), 2));
    else put(list, region(() => ordersOf(filter(), null), all, 8));
  }
  /** @returns {{which: Which, status: Filter["status"]}} */
  function filter() {
    return { which: which.value === "all" ? "all" : "orders", status: state.value ? [...STATES[/** @type {keyof typeof STATES} */ (state.value)]] : null };
  }
  /** @param {import("../parts/pages.js").Page<Order>} first */
  function all(first) {
    const asked = filter();
    if (first.rows.length === 0) return asked.status === null ? empty(t("orders.none"), t("orders.none.advice")) : empty(t("activity.none"), t("activity.none.advice"));
    return paged(h("ul", { class: "events" }), first, line, (before) => ordersOf(asked, before));
  }
  draw();
  const fields = h("div", { class: "filters" }, field(t("orders.find"), search, { class: "long" }).root, field(t("orders.which"), which).root, field(t("invoice.status"), state).root);
  return h("div", null, head(t("nav.orders"), add), fields, list);
}

/** @param {{which: Which, status: Filter["status"]}} filter @param {string | null} before */
async function ordersOf({ which, status }, before) {
  const variables = { filter: { status: status ?? null }, last: PAGE, before };
  if (which === "orders") return pageOf((await ask("Orders", variables)).orders);
  return pageOf((await ask("Invoices", variables)).invoices);
}

/**
 * The one of that number, and those whose reference begins so.
 * @param {string} text
 * @param {string | null} after
 * @returns {Promise<import("../parts/pages.js").Page<Order>>}
 */
async function found(text, after) {
  const { numbered, referenced } = await ask("FindOrder", { text, after });
  const page = pageFrom(referenced);
  const others = page.rows.filter(({ id }) => id !== numbered?.id);
  return { ...page, rows: numbered && after === null ? [numbered, ...others] : others };
}

/** @param {import("../parts/pages.js").Page<Order>} first @param {string} text */
function matches(first, text) {
  if (first.rows.length === 0) return empty(t("orders.unfound", { text }), t("orders.unfound.advice"));
  return paged(h("ul", { class: "events" }), first, line, (after) => found(text, after));
}

/** @param {Order} order */
function line(order) {
  const { id, kind, number, status, total, due, currency, issuedOn, reference, customer } = order;
  return h(
    "li",
    null,
    h(
      "button",
      { type: "button", class: "lot order", "data-key": `order-${id}`, onclick: () => openInvoice(id) },
      h("span", { class: "lot-sum" }, h("strong", null, number), h("small", null, customer?.name ?? "")),
      h("span", { class: "lot-about" }, [kind === "ORDER" ? null : t("invoice"), calendarDay(issuedOn), money(total, currency), reference, units(due) > 0n && t("order.due", { amount: money(due, currency) })].filter(Boolean).join(" · ")),
      h("span", { class: "lot-term" }, badge(t(`invoice.${status}`), status === "PAID" ? "good" : status === "VOID" ? "plain" : "warn")),
    ),
  );
}

async function openNewOrder() {
  const sheet = new Sheet(t("order.new"));
  await fill(
    sheet,
    4,
    () => allOf(async (after) => (await ask("Products", { after })).products),
    (products) => {
      if (products.length) newOrder(sheet, products);
      else sheet.show([empty(t("products.none"), t("products.none.advice"))], []);
    },
  );
}

/** @param {Sheet} sheet @param {Product[]} products */
function newOrder(sheet, products) {
  const key = newKey();
  const customer = h("input", { type: "text", autocomplete: "off", autofocus: true, required: true });
  const product = select(products.map(({ id, name, price, currency }) => ({ value: id, label: `${name}, ${money(price, currency)}` })), products[0]?.id ?? "", { onchange: () => follow() });
  const quantity = h("input", { type: "text", inputmode: "numeric", autocomplete: "off", value: "1", oninput: () => follow() });
  const number = h("input", { type: "text", autocomplete: "off", value: `${today().replaceAll("-", "")}-${key.slice(-4).toUpperCase()}` });
  const fields = { customerId: field(t("customers.number"), customer), items: field(t("order.product"), product), quantity: field(t("order.quantity"), quantity), number: field(t("order.number"), number) };
  const problem = h("div", { role: "alert" });
  const chosen = () => products.find(({ id }) => id === product.value);
  function follow() {
    offer(false);
    const found = chosen();
    const n = /^\d{1,6}$/.test(quantity.value.trim()) ? Number(quantity.value.trim()) : NaN;
    fields.quantity.tell(Number.isNaN(n) || n === 0 ? t("order.quantity.wrong") : null);
    if (!found || Number.isNaN(n)) return;
    const total = decimal(units(found.price) * BigInt(n), placesOf(found.currency));
    fields.items.hint(t(found.kind === "CREDIT" ? "order.total.credit" : "order.total", { total: money(total, found.currency) }));
  }
  const send = async (/** @type {boolean} */ asks) => {
    put(problem, []);
    for (const each of [fields.customerId, fields.items, fields.number]) each.tell(null);
    const found = chosen();
    const wrong = sheet.body.querySelector("[aria-invalid=true]");
    if (wrong instanceof HTMLElement) wrong.focus();
    if (!found || wrong) return;
    try {
      const { who, payload } = await busy(sheet, () => order(found, asks));
      if (!who) {
        fields.customerId.tell(t("order.nobody"));
        customer.focus();
        return;
      }
      if (!payload) return;
      if (payload.approvalRequest) {
        sheet.close();
        tell(t(payload.replayed ? "done.asked.already" : "done.asked"));
        return;
      }
      if (payload.userErrors.some(({ code }) => code === "LIMIT_EXCEEDED")) offer(true);
      sheet.refuse(problem, payload.userErrors, found.currency, fields);
      if (payload.userErrors.length || !payload.order) return;
      sheet.close();
      tell(`${payload.replayed ? `${t("done.already")} ` : ""}${t("order.done", { number: payload.order.number, name: who.name })}`);
      booksChanged();
      await openInvoice(payload.order.id);
    } catch (error) {
      sheet.unanswered(problem, error);
    }
  };
  /** @param {Product} found @param {boolean} asks */
  async function order(found, asks) {
    const { customer: who } = await ask("FindCustomer", { externalId: customer.value.trim() });
    if (!who) return { who, payload: null };
    const input = { customerId: who.id, currency: found.currency, number: number.value.trim(), items: [{ productId: found.id, quantity: Number(quantity.value) }], requestApproval: asks, idempotencyKey: key };
    return { who, payload: (await ask("CreateOrder", { input })).createOrder };
  }
  const buttons = h("span", { class: "actions" });
  /** @param {boolean} asks Whether to ask a manager for what is over the limit. */
  const offer = (asks) => {
    put(buttons, submitButton(t(asks ? "ask.manager" : "order.create")));
    sheet.submit = () => void send(asks);
  };
  offer(false);
  sheet.show(
    [fields.customerId.root, fields.items.root, fields.quantity.root, fields.number.root, problem],
    [h("button", { type: "button", onclick: () => sheet.close() }, t("cancel")), buttons],
  );
  follow();
}
