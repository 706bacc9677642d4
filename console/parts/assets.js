// Choosing what of: what the business deals in, and any other currency that there is.
import { CURRENCIES } from "../currencies.js";
import { h, put } from "../dom.js";
import { assetName, currencyName, locale, t } from "../text.js";
import { choice, select } from "./fields.js";

/**
 * @param {readonly string[]} assets
 * @param {string} chosen
 * @param {(asset: string) => void} changed
 */
export function assetChoice(assets, chosen, changed) {
  const offered = [...assets];
  const root = h("div", { class: "asset-choice" });
  const other = otherCurrency(offered, (code) => {
    offered.unshift(code);
    draw(code);
    changed(code);
    root.querySelector("input")?.focus();
  });
  /** @param {string} asset */
  function draw(asset) {
    put(root, [choice(t("asset"), offered.map((value) => ({ value, label: assetName(value) })), asset, changed).root, other]);
  }
  draw(chosen);
  return root;
}

/** @param {readonly string[]} offered @param {(code: string) => void} taken */
function otherCurrency(offered, taken) {
  const known = select([{ value: "", label: t("asset.other") }, ...currencyOptions(offered)], "", { class: "other-currency", "aria-label": t("asset.other"), onchange: () => take() });
  function take() {
    if (known.value) taken(known.value);
    known.querySelector(`option[value="${known.value}"]`)?.remove();
    known.value = "";
  }
  return known;
}

/** All currencies but some, by name. @param {readonly string[]} [except] */
export function currencyOptions(except = []) {
  return CURRENCIES.filter((code) => !except.includes(code))
    .map(currencyOption)
    .sort((a, b) => a.label.localeCompare(b.label, locale()));
}

/** All currencies, those in use first. @param {readonly string[]} inUse */
export function currenciesFrom(inUse) {
  return [...inUse.map(currencyOption), ...currencyOptions(inUse)];
}

/** @param {string} code */
function currencyOption(code) {
  return { value: code, label: `${currencyName(code)} (${code})` };
}
