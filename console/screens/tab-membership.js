// Membership: whether it runs, until when class credits can be added, and the class credits themselves.
import { ask } from "../api.js";
import { booksChanged, h } from "../dom.js";
import { reasonLabels } from "../parts/choices.js";
import { noteField } from "../parts/note.js";
import { busy, Sheet, submitButton } from "../parts/sheet.js";
import { badge, region, tell, words } from "../parts/states.js";
import { may, viewer } from "../session.js";
import { day, lastDay, t } from "../text.js";
import { openAdjust } from "./adjust.js";
import { accountOf } from "./customer.js";
import { card } from "./tab-balance.js";

/** @typedef {import("./customer.js").Customer} Customer */

/** @param {Customer} customer */
export function membershipTab(customer) {
  const account = accountOf(customer, "SERVICE_CREDITS");
  return h(
    "div",
    { class: "cards" },
    status(customer),
    account
      ? region(reasonLabels, (reasons) => card(customer, account, reasons), 4)
      : h(
          "section",
          { class: "card" },
          h("h2", null, t("asset.services")),
          h("p", { class: "hint" }, t("services.none")),
          may("ADD_CREDIT") && h("button", { type: "button", onclick: () => openAdjust([customer], { asset: "SERVICE_CREDITS" }) }, t("adjust")),
        ),
  );
}

/** @param {Customer} customer */
function status(customer) {
  const { membership } = customer;
  const grace = viewer.value?.tenant.graceDays ?? 0;
  const write = may("WRITE_CUSTOMERS");
  const button = (/** @type {"start" | "cancel" | "reinstate"} */ what) => h("button", { type: "button", "data-key": what, onclick: () => change(customer, what) }, t(`member.${what}`));
  if (!membership) {
    return h("section", { class: "card" }, h("h2", null, t("tab.membership")), h("p", { class: "hint" }, t("member.none")), write && button("start"));
  }
  const { startedAt, cancelledAt, graceEndsAt } = membership;
  return h(
    "section",
    { class: "card" },
    h("header", { class: "card-head" }, h("h2", null, t("tab.membership")), badge(t(`member.${membership.status}`), membership.status === "ACTIVE" ? "good" : "warn")),
    startedAt && h("p", null, t("member.since", { day: day(startedAt) })),
    cancelledAt && h("p", null, t("member.cancelled", { day: day(cancelledAt) })),
    cancelledAt && graceEndsAt && h("p", { class: "hint" }, t(Date.parse(graceEndsAt) > Date.now() ? "member.grace" : "member.grace.ended", { day: lastDay(graceEndsAt), n: grace })),
    write && h("div", { class: "actions" }, membership.status === "ACTIVE" ? button("cancel") : [button("start"), button("reinstate")]),
  );
}

/**
 * @param {Customer} customer
 * @param {"start" | "cancel" | "reinstate"} what
 */
function change(customer, what) {
  const sheet = new Sheet(t(`member.${what}.title`, { name: customer.name }));
  const note = noteField({ autofocus: true });
  const problem = h("div", { role: "alert" });
  sheet.submit = async () => {
    try {
      const input = { customerId: customer.id, note: note.read() };
      const errors = await busy(sheet, () => sent(what, input));
      sheet.refuse(problem, errors, "SERVICE_CREDITS");
      if (errors.length) return;
      sheet.close();
      tell(t(`member.${what}.done`, { name: customer.name }));
      booksChanged();
    } catch (error) {
      sheet.say(problem, [words(error)]);
    }
  };
  sheet.show(
    [what === "cancel" && h("p", null, t("member.cancel.what", { n: viewer.value?.tenant.graceDays ?? 0 })), note.root, problem],
    [h("button", { type: "button", onclick: () => sheet.close() }, t("cancel")), submitButton(t(`member.${what}`), { bad: what === "cancel" })],
  );
}

/**
 * @param {"start" | "cancel" | "reinstate"} what
 * @param {{customerId: string, note: string | null}} input
 */
async function sent(what, input) {
  if (what === "start") return (await ask("StartMembership", { input })).startMembership?.userErrors ?? [];
  if (what === "cancel") return (await ask("CancelMembership", { input })).cancelMembership?.userErrors ?? [];
  return (await ask("ReinstateMembership", { input })).reinstateMembership?.userErrors ?? [];
}
