// A new customer, under a number that nobody has yet.
import { ask } from "../api.js";
import { openForm } from "../parts/form.js";
import { tell } from "../parts/states.js";
import { go, pathTo } from "../router.js";
import { t } from "../text.js";

export function openNewCustomer() {
  /** @type {NonNullable<import("../api.js").Data<"AddCustomer">["upsertCustomer"]>["customer"] | undefined} */
  let added;
  /**
   * The number that was sent and not answered: whoever has it then may be the one that was added.
   * @type {string | null}
   */
  let unanswered = null;
  const send = async (/** @type {import("../parts/form.js").Filled} */ { externalId, name, email }) => {
    const input = { externalId: String(externalId), name: String(name), email: String(email) || null };
    const { customer: there } = unanswered === input.externalId ? { customer: null } : await ask("FindCustomer", { externalId: input.externalId });
    if (there) return [{ code: "DUPLICATE", message: "", field: ["externalId"], available: null, used: null, remaining: null }];
    unanswered = input.externalId;
    const { upsertCustomer: payload } = await ask("AddCustomer", { input });
    unanswered = null;
    added = payload?.customer;
    return payload?.userErrors ?? [];
  };
  const done = () => {
    if (!added) return;
    tell(t("customers.added", { name: added.name }));
    go(pathTo("customers", added.id));
  };
  /** @type {import("../parts/form.js").Wanted[]} */
  const wanted = [
    { name: "externalId", label: t("customers.number"), required: true, hint: t("customers.number.hint") },
    { name: "name", label: t("customers.name"), required: true },
    { name: "email", label: t("customers.email"), kind: "email" },
  ];
  openForm(t("customers.add"), wanted, send, { done });
}
