// Amounts are exact decimals, as texts. They are reckoned here as whole numbers of a ten-thousandth, never as floats.

const PLACES = 4;

/** @param {string} amount */
export function units(amount) {
  const [, sign, whole, part = ""] = /^(-?)(\d+)(?:\.(\d{1,4}))?$/.exec(amount) ?? [];
  if (whole === undefined) throw new RangeError(`no amount: ${amount}`);
  const found = BigInt(whole + part.padEnd(PLACES, "0"));
  return sign ? -found : found;
}

/**
 * @param {bigint} value
 * @param {number} [places] Digits after the point, where they are all zero beyond it.
 */
export function decimal(value, places = PLACES) {
  const digits = (value < 0n ? -value : value).toString().padStart(PLACES + 1, "0");
  const part = digits.slice(-PLACES).slice(0, places);
  return `${value < 0n ? "-" : ""}${digits.slice(0, -PLACES)}${part ? "." + part : ""}`;
}

/** @param {Iterable<string>} amounts */
export function sum(amounts) {
  let total = 0n;
  for (const amount of amounts) total += units(amount);
  return total;
}

/**
 * An amount as people type it: 25, 25.00, 25,00, 1 250.50, £25. Null: it is none. "unclear": one mark with three digits
 * behind it is a thousand to some and a decimal to others; where the asset has no decimals it can only be a thousand, and
 * where it has three, the language's own mark is the decimal one.
 * @param {string} typed
 * @param {number} places Decimals of the asset.
 * @param {string} mark Between whole and decimals, as the language writes it.
 * @param {string} code Of the asset, which may stand behind: other letters may mean another amount.
 * @param {readonly string[]} signs Of the asset: another's may, too.
 * @returns {string | null | "unclear" | "precise"}
 */
export function typedAmount(typed, places, mark, code, signs = []) {
  const own = signs.map((sign) => sign.replaceAll(/[$.*+?^()|[\]{}\\]/g, "\\$&"));
  const text = typed.replace(new RegExp([...own, `${code}\\s*$`].join("|"), "iu"), "").replaceAll("\u2212", "-").trim();
  const [, sign, spaced = ""] = /^([+-]?)\s*([\d.,\s'’]+)$/.exec(text) ?? [];
  // A space, or what stands for one, is only ever between thousands.
  const digits = /^\d{1,3}([\s'’]\d{3})+([.,]\d*)?$/.test(spaced) ? spaced.replaceAll(/[\s'’]/g, "") : spaced;
  if (!/\d/.test(digits) || /[\s'’]/.test(digits)) return null;
  const marks = digits.replaceAll(/\d/g, "");
  const last = marks.at(-1);
  const at = last === undefined ? -1 : digits.lastIndexOf(last);
  const decimals = at < 0 ? "" : digits.slice(at + 1);
  const mixed = new Set(marks).size > 1;
  let parts;
  if (marks.length === 0) parts = [digits, ""];
  else if (mixed ? marks.indexOf(last ?? "") === marks.length - 1 : marks.length === 1) {
    // Spaces between thousands, or a zero in front, leave one reading.
    const decided = places === 3 && (last === mark || digits !== spaced || !/^[1-9]\d{0,2}$/.test(digits.slice(0, at)));
    if (!mixed && decimals.length === 3 && !decided) {
      if (places > 0) return "unclear";
      parts = [digits.replace(last ?? "", ""), ""];
    } else parts = [digits.slice(0, at), decimals];
  } else if (!mixed && /^\d{1,3}([.,]\d{3})+$/.test(digits)) parts = [digits.replaceAll(/[.,]/g, ""), ""];
  else return null;
  const [whole = "", part = ""] = parts;
  if (!/^\d{1,3}([.,]\d{3})*$/.test(whole) && !/^\d*$/.test(whole)) return null;
  const plain = whole.replaceAll(/[.,]/g, "").replace(/^0+(?=\d)/, "") || "0";
  const kept = part.replace(/0+$/, "");
  if (plain.length > 15) return null;
  if (kept.length > places) return "precise";
  return `${sign === "-" ? "-" : ""}${plain}${places ? "." + part.slice(0, places).padEnd(places, "0") : ""}`;
}
