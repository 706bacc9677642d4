// A list narrowed to one customer: typed, and picked from those found; blank is everybody.
import { h, put } from "../dom.js";
import { letGo } from "../hands.js";
import { t } from "../text.js";
import { field } from "./fields.js";
import { findPeople } from "./people.js";
import { words } from "./states.js";

const WAIT_MS = 200;

/**
 * @param {string} label
 * @param {() => void} changed Called when somebody else is picked, or nobody any more.
 */
export function personFilter(label, changed) {
  /** @type {import("./people.js").Person | null} */
  let chosen = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let asked = 0;
  const input = h("input", { type: "search", autocomplete: "off", spellcheck: "false", placeholder: t("customers.all"), oninput: () => typed() });
  const found = h("div", { class: "found", hidden: true });
  const shown = field(label, input, { class: "person-filter" });
  shown.root.append(found);
  // Pressed, a name does not take the focus away from the field, which would hide it.
  found.addEventListener("pointerdown", (event) => event.preventDefault());
  shown.root.addEventListener("focusout", ({ relatedTarget }) => {
    if (!(relatedTarget instanceof Node && shown.root.contains(relatedTarget))) found.hidden = true;
  });
  shown.root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || found.hidden) return;
    found.hidden = true;
    input.focus();
  });

  function typed() {
    clearTimeout(timer);
    timer = setTimeout(look, WAIT_MS);
    if (chosen === null) return;
    chosen = null;
    changed();
  }

  async function look() {
    const search = input.value.trim();
    const turn = ++asked;
    let content;
    try {
      const people = search === "" ? [] : await findPeople(search);
      content = people.length ? people.map(pick) : [h("p", { class: "hint" }, t("customers.unfound", { search }))];
    } catch (error) {
      content = [h("p", { class: "hint" }, words(error))];
    }
    await letGo();
    if (turn !== asked) return;
    found.hidden = search === "";
    put(found, content);
  }

  /** @param {import("./people.js").Person} person */
  function pick(person) {
    const take = () => {
      chosen = person;
      asked += 1;
      input.value = person.name;
      input.focus();
      found.hidden = true;
      changed();
    };
    return h("button", { type: "button", class: "quiet", onclick: take }, h("span", null, h("strong", null, person.name), h("small", null, [person.externalId, person.email].filter(Boolean).join(" · "))));
  }

  return {
    ...shown,
    /** The id of who is picked; null is everybody. */
    id: () => chosen?.id ?? null,
  };
}
