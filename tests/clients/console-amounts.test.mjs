// Amounts as people type them, and sums of them: exactly, and nothing guessed.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

const source = await readFile(path.resolve(import.meta.dirname, "../../console/decimals.js"), "utf8");
const { decimal, sum, typedAmount, units } = await import(`data:text/javascript,${encodeURIComponent(source)}`);

for (const [typed, places, read, mark = ".", code = "EUR", signs = ["€"]] of [
  ["25", 2, "25.00"],
  ["25.00", 2, "25.00"],
  ["25,00", 2, "25.00"],
  ["25,5", 2, "25.50"],
  [" €25 ", 2, "25.00"],
  ["£25", 2, null],
  ["US$ 25", 2, "25.00", ".", "USD", ["US$", "$"]],
  ["25$", 2, "25.00", ".", "USD", ["US$", "$"]],
  ["A$25", 2, null, ".", "USD", ["US$", "$"]],
  ["25 EUR", 2, "25.00"],
  ["-25", 2, "-25.00"],
  ["\u221225", 2, "-25.00"],
  ["+3", 2, "3.00"],
  ["1,250.50", 2, "1250.50"],
  ["1.250,50", 2, "1250.50"],
  ["1 250,50", 2, "1250.50"],
  ["1’250.50", 2, "1250.50"],
  ["1,250,000", 2, "1250000.00"],
  ["1,250", 2, "unclear"],
  ["1.250", 2, "unclear"],
  ["1,250", 0, "1250"],
  ["1.250", 3, "1.250"],
  ["10,5", 0, "precise"],
  ["10.00", 0, "10"],
  ["10.005", 2, "unclear"],
  ["10.0055", 2, "precise"],
  [".50", 2, "0.50"],
  ["007", 2, "7.00"],
  ["", 2, null],
  ["ten", 2, null],
  ["1e3", 2, null],
  ["1.2.3", 2, null],
  ["1,2,345", 2, null],
  ["1,25.00", 2, null],
  ["--5", 2, null],
  ["1234567890123456", 2, null],
  ["1.250", 3, "unclear", ","],
  ["1,250", 3, "1.250", ","],
  ["1,250", 3, "unclear"],
  ["1 250,500", 3, "1250.500", ","],
  ["1 250.500", 3, "1250.500", ","],
  ["1'250.500", 3, "1250.500", ","],
  ["0.500", 3, "0.500", ","],
  ["12 50", 2, null],
  ["12 50,00", 2, null],
  ["1 250 00", 2, null],
  ["25,0 0", 2, null],
  ["1\u00a0250\u202f000'000.50", 2, "1250000000.50"],
  [" - 25 ", 2, "-25.00"],
  ["€ 1 250 ", 2, "1250.00"],
  ["25eur ", 2, "25.00"],
  ["25", 0, "25", ".", "", []],
  ["2 Mio", 2, null],
  ["5 Tsd", 2, null],
  ["25 USD", 2, null],
]) {
  const title = `${JSON.stringify(typed)} with ${places} decimals and the mark ${mark} is ${read}`;
  test(title, () => assert.equal(typedAmount(typed, places, mark, code, signs), read));
}

test("sums are exact, and come back as they were", () => {
  assert.equal(decimal(sum(["0.1", "0.2"]), 2), "0.30");
  assert.equal(decimal(units("-0.05") - units("0.01"), 2), "-0.06");
  assert.equal(decimal(units("9007199254740993.01"), 2), "9007199254740993.01");
  assert.equal(decimal(units("25"), 0), "25");
});
