// How long credit is good for: days and the last day together, each follows the other; blank is for ever.
import { h } from "../dom.js";
import { calendarDay, daysAfter, daysBetween, t, today, zone } from "../text.js";
import { field, wrongDate } from "./fields.js";

const MAX_DAYS = 36_500;
const OFTEN = [30, 90, 365];

export function expiry() {
  const days = h("input", { type: "text", inputmode: "numeric", autocomplete: "off", size: 6, "aria-label": t("expiry.days") });
  const date = h("input", { type: "date", min: daysAfter(today(), 1), "aria-label": t("expiry.date") });
  const often = h(
    "span",
    { class: "chips" },
    OFTEN.map((n) => h("button", { type: "button", class: "chip", onclick: () => pick(n) }, t("days", { n }))),
    h("button", { type: "button", class: "chip", onclick: () => pick(null) }, t("expiry.never")),
  );
  const joined = h("span", { class: "joined" }, h("span", null, t("expiry.or")), date);
  const shown = field(t("expiry"), days, { beside: joined, class: "expiry", hint: t("expiry.never.hint") });
  shown.root.append(often);

  /** Whether the date is one that is over. */
  let over = false;
  const wrong = () => (over ? t("refused.EXPIRY_IN_PAST") : wrongDate(date));

  /** The days; null for never, NaN if they are none, which is told. */
  function value() {
    tell();
    return read();
  }

  function read() {
    if (wrong()) return NaN;
    const text = days.value.trim();
    if (text === "" || text === "0") return null;
    return /^\d{1,5}$/.test(text) && Number(text) <= MAX_DAYS ? Number(text) : NaN;
  }

  /** @param {number | null} n */
  function choose(n) {
    days.value = n === null ? "" : String(n);
    follow();
  }

  /** What is typed into the date is left as it is: its year comes digit by digit. */
  function followDate() {
    const n = date.value ? daysBetween(today(), date.value) : null;
    over = n !== null && n < 1;
    days.value = n === null || over ? "" : String(n);
    tell();
  }

  /** @param {number | null} n */
  function pick(n) {
    choose(n);
    days.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function follow() {
    over = false;
    date.value = "";
    const n = read();
    if (n !== null && !Number.isNaN(n)) date.value = daysAfter(today(), n);
    tell();
  }

  function tell() {
    const n = read();
    const known = n !== null && !Number.isNaN(n);
    shown.tell(wrong() ?? (Number.isNaN(n) ? t("expiry.wrong") : null));
    shown.hint(known ? t("expiry.until", { day: calendarDay(date.value), zone: zone.value }) : t("expiry.never.hint"));
  }

  days.addEventListener("input", follow);
  date.addEventListener("input", followDate);
  return { ...shown, value };
}
