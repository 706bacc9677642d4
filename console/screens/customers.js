// Customers: found as one types, scrolled without end, ticked to adjust several at once.
import { ask, Problem, rows } from "../api.js";
import { h, put } from "../dom.js";
import { icon } from "../icons.js";
import { chooseFrom, currenciesInUse } from "../parts/choices.js";
import { field, select } from "../parts/fields.js";
import { head } from "../parts/head.js";
import { later } from "../parts/later.js";
import { badge, empty, failed, tell } from "../parts/states.js";
import { Windowed } from "../parts/windowed.js";
import { go, pathTo } from "../router.js";
import { may } from "../session.js";
import { assetName, figure, isMoney, language, money, t } from "../text.js";
import { openAdjust } from "./adjust.js";

/** @typedef {import("../api.js").Data<"Customers">} Answer */
/** @typedef {NonNullable<Answer["customers"]>["edges"][number]["node"]} Listed */

/** @typedef {NonNullable<import("../api.js").Variables<"Customers">["filter"]>} Filter */

const SORTS = /** @type {const} */ (["NAME", "CREATED", "BALANCE", "LAST_ACTIVITY"]);
const PAGE = 50;
/** Further ones are for those who scroll, and so in a hurry; more the server does not give at once. */
const NEXT_PAGE = 100;
const WAIT_MS = 200;
const MAX_TICKED = 500;

/** The screen, kept as it was left: one comes back to it again and again. @type {{element: HTMLElement, list: CustomerList} | null} */
let kept = null;
language.followers.add(() => {
  kept = null;
});

export function customersScreen() {
  if (kept === null) {
    const list = new CustomerList();
    kept = { element: list.element, list };
  }
  const { list } = kept;
  document.title = `${t("nav.customers")} · Scrip`;
  requestAnimationFrame(() => {
    scrollTo({ top: list.scrolled });
    list.list.draw();
  });
  return kept.element;
}

export function focusSearch() {
  kept?.list.search.focus();
  kept?.list.search.select();
}

class CustomerList {
  scrolled = 0;
  /** @type {Map<string, Listed>} */
  ticked = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer;
  /** What the rows there are were searched for. */
  found = "";

  constructor() {
    this.search = h("input", {
      type: "search",
      placeholder: t("customers.search"),
      "aria-label": t("customers.search"),
      autocomplete: "off",
      spellcheck: "false",
      enterkeyhint: "search",
      oninput: () => {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.#again(), WAIT_MS);
      },
      onkeydown: (/** @type {KeyboardEvent} */ event) => void this.#searchKey(event),
    });
    /** What is listed, beside what is searched for; all until something is chosen. @type {Filter} */
    this.filter = {};
    /** @type {typeof SORTS[number]} */
    this.sort = "NAME";
    this.currency = "GBP";
    this.count = h("span", { class: "hint counted", role: "status" });
    this.filters = h("div", { class: "filters chosen" });
    const filters = () => void this.#drawFilters().catch((error) => put(this.filters, [failed(error, filters), this.count]));
    filters();
    this.bar = h("div", { class: "bulk-bar", hidden: true });
    this.list = new Windowed({
      ask: (cursor, signal) => this.#page(cursor, signal),
      row: (customer, index) => this.#row(customer, index),
      none: () => this.#none(),
      properties: { role: "rowgroup" },
    });
    const add = may("WRITE_CUSTOMERS") && h("button", { type: "button", onclick: () => later(() => import("./new-customer.js"), ({ openNewCustomer }) => openNewCustomer()) }, icon("plus"), t("customers.add"));
    const table = h("div", { class: "customers", role: "table", "aria-label": t("nav.customers") }, header(), this.list.element);
    this.element = h(
      "div",
      { class: "listed", onkeydown: (/** @type {KeyboardEvent} */ event) => this.#rowKey(event) },
      head(t("nav.customers"), add),
      h("div", { class: "searching" }, icon("search"), this.search, h("kbd", { "aria-hidden": "true" }, "/")),
      this.filters,
      // Before the list, which has no end to those who come by Tab.
      this.bar,
      table,
    );
    addEventListener("scroll", () => this.element.isConnected && (this.scrolled = scrollY), { passive: true });
    document.addEventListener("scrip-changed", () => kept?.list === this && this.list.refresh());
    this.list.begin();
  }

  /**
   * @param {string | null} after
   * @param {AbortSignal} signal
   */
  async #page(after, signal) {
    const typed = this.search.value.trim();
    const search = typed || null;
    const largest = this.sort === "BALANCE" && !this.filter.hasBalance ? { hasBalance: this.currency } : {};
    const variables = { filter: { ...this.filter, ...largest, search }, sortBy: this.sort, reverse: this.sort !== "NAME", first: after === null ? PAGE : NEXT_PAGE, after, counted: after === null };
    const { customers } = await ask("Customers", variables, signal).catch((error) => {
      // Of very many, the server looks at so many for what no index leads to, and says so to those who write programs.
      throw error instanceof Problem && error.kind === "input" ? new Problem("narrow", error.message, error.extensions) : error;
    });
    if (after === null && !signal.aborted) this.found = typed;
    if (after === null) put(this.count, customers?.totalCount == null ? t("customers.many") : t("customers.count", { n: customers.totalCount }));
    return { rows: rows(customers), more: customers?.pageInfo.hasNextPage ?? false, cursor: customers?.pageInfo.endCursor ?? null };
  }

  /** What to list and in which order, of what the business has. */
  async #drawFilters() {
    put(this.filters, this.count);
    const [{ tiers }, currencies] = await Promise.all([chooseFrom(), currenciesInUse()]);
    this.currency = currencies[0] ?? this.currency;
    const soon = new Date(Date.now() + 30 * 86_400_000).toISOString();
    /** @type {{label: string, filter: Filter}[]} */
    const kinds = [
      { label: t("customers.all"), filter: {} },
      ...(currencies.length > 1 ? currencies : [this.currency]).map((asset) => ({ label: currencies.length > 1 ? t("customers.credit.in", { asset: assetName(asset) }) : t("customers.credit"), filter: { hasBalance: asset } })),
      { label: t("customers.members"), filter: { membership: ["ACTIVE"] } },
      { label: t("customers.expiring"), filter: { expiringBefore: soon } },
      ...(tiers ?? []).map(({ id, name }) => ({ label: name, filter: { tierId: id } })),
    ];
    const shown = select(kinds.map(({ label }, index) => ({ value: String(index), label })), "0", {
      onchange: () => {
        this.filter = kinds[Number(shown.value)]?.filter ?? {};
        this.#again();
      },
    });
    const order = select(SORTS.map((value) => ({ value, label: t(`sort.${value}`) })), this.sort, {
      onchange: () => {
        this.sort = /** @type {typeof SORTS[number]} */ (order.value);
        this.#again();
      },
    });
    put(this.filters, may("READ_LEDGER") ? [field(t("customers.show"), shown).root, field(t("customers.sort"), order).root, this.count] : [this.count]);
  }

  async #again() {
    clearTimeout(this.timer);
    scrollTo({ top: 0 });
    await this.list.begin();
  }

  #none() {
    const search = this.search.value.trim();
    if (search !== "") return empty(t("customers.unfound", { search }), t("customers.unfound.advice"));
    const all = Object.keys(this.filter).length === 0 && this.sort !== "BALANCE";
    return all ? empty(t("customers.none"), t("customers.none.advice")) : empty(t("customers.filtered.none"), t("customers.filtered.none.advice"));
  }

  /** @param {KeyboardEvent} event */
  async #searchKey(event) {
    // What is listed may still be who was looked for before.
    const typed = this.search.value.trim();
    if (event.key === "ArrowDown") {
      event.preventDefault();
      if (this.found !== typed) await this.#again();
      if (this.found === typed && document.activeElement === this.search) this.list.focus(0, "a");
    } else if (event.key === "Escape" && this.search.value) {
      event.preventDefault();
      this.search.value = "";
      await this.#again();
    } else if (event.key === "Enter") {
      if (this.found !== typed) await this.#again();
      const [only] = this.list.rows;
      if (only && this.list.rows.length === 1 && this.found === typed && this.element.isConnected) go(pathTo("customers", only.id));
    }
  }

  /** @param {KeyboardEvent} event */
  #rowKey(event) {
    const row = event.target instanceof Element ? event.target.closest("[data-index]") : null;
    if (!(row instanceof HTMLElement) || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    const index = Number(row.dataset.index) + (event.key === "ArrowDown" ? 1 : -1);
    const selector = event.target instanceof HTMLInputElement ? "input" : event.target instanceof HTMLButtonElement ? "button" : "a";
    if (index < 0) this.search.focus();
    else this.list.focus(index, selector);
  }

  /** @param {Listed} customer @param {number} index */
  #row(customer, index) {
    const box = h("input", {
      type: "checkbox",
      checked: this.ticked.has(customer.id),
      "aria-label": t("customers.tick", { name: customer.name }),
      "data-key": `tick-${customer.id}`,
      onchange: () => this.#tick(customer, box.checked),
    });
    const balances = customer.balances ?? [];
    const sums = balances.filter(({ asset }) => isMoney(asset)).map(({ asset, available }) => money(available, asset));
    const of = (/** @type {string} */ asset) => balances.find((each) => each.asset === asset);
    const [services, points] = [of("SERVICE_CREDITS"), of("POINTS")];
    const cell = (/** @type {string} */ name, /** @type {(import("../dom.js").Child)[]} */ ...children) => h("div", { role: "cell", class: name }, children);
    return h(
      "div",
      { class: "row", role: "row", "aria-rowindex": index + 2 },
      may("BULK") && cell("pick", h("label", { class: "pick-label" }, box)),
      cell(
        "who",
        h("a", { href: pathTo("customers", customer.id), "data-key": `customer-${customer.id}` }, customer.name),
        h("small", null, [customer.externalId, customer.email].filter(Boolean).join(" · ")),
      ),
      cell(sums.length ? "sum" : "sum none", sums.join(", ") || "–"),
      cell(services ? "sum" : "sum none", services ? counted(services) : "–"),
      cell(points ? "sum" : "sum none", points ? counted(points) : "–"),
      cell("tags", points?.tier ? badge(points.tier.name, "plain") : null, customer.membership ? badge(t(`member.${customer.membership.status}`), customer.membership.status === "ACTIVE" ? "good" : "plain") : null),
      cell(
        "act",
        (may("ADD_CREDIT") || may("REMOVE_CREDIT")) &&
          h("button", { type: "button", class: "small", "aria-label": t("adjust.title", { name: customer.name }), "data-key": `adjust-${customer.id}`, onclick: () => openAdjust([customer]) }, icon("adjust"), h("span", null, t("adjust"))),
      ),
    );
  }

  /** @param {Listed} customer @param {boolean} on */
  #tick(customer, on) {
    if (on && this.ticked.size < MAX_TICKED) this.ticked.set(customer.id, customer);
    else this.ticked.delete(customer.id);
    if (on && !this.ticked.has(customer.id)) {
      tell(t("customers.ticked.most", { n: MAX_TICKED }), "warning");
      this.list.redraw();
    }
    this.#drawBar();
  }

  #drawBar() {
    const n = this.ticked.size;
    this.bar.hidden = n === 0;
    if (n === 0) return;
    put(this.bar, [
      h("span", { role: "status" }, t("customers.ticked", { n })),
      h("button", { type: "button", class: "primary", onclick: () => openAdjust([...this.ticked.values()]) }, icon("adjust"), t("adjust")),
      h(
        "button",
        {
          type: "button",
          onclick: () => {
            this.ticked.clear();
            this.#drawBar();
            this.list.redraw();
            this.search.focus();
          },
        },
        t("customers.untick"),
      ),
    ]);
  }
}

/** The number; on a phone, where there are no columns, of what. @param {{asset: string, available: string}} account */
function counted({ asset, available }) {
  const of = h("span", { class: "narrow" }, ` ${t(asset === "POINTS" ? "asset.points" : "asset.services")}`);
  return h("span", null, figure(available, asset), of);
}

function header() {
  const names = [t("customers.name"), t("asset.money"), t("asset.services"), t("asset.points"), t("customers.tags")];
  return h(
    "div",
    { role: "rowgroup", class: "columns" },
    h(
      "div",
      { role: "row", class: "row" },
      may("BULK") && h("div", { role: "columnheader", class: "pick" }, h("span", { class: "unseen" }, t("customers.pick"))),
      names.map((name, index) => h("div", { role: "columnheader", class: index > 0 && index < 4 ? "sum" : index === 0 ? "who" : "tags" }, name)),
      h("div", { role: "columnheader", class: "act" }, h("span", { class: "unseen" }, t("adjust"))),
    ),
  );
}
