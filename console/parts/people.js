// Choosing a customer: typed, and picked from those found.
import { ask, rows } from "../api.js";
import { h, put } from "../dom.js";
import { letGo } from "../hands.js";
import { t } from "../text.js";
import { field } from "./fields.js";
import { words } from "./states.js";

/** @typedef {NonNullable<import("../api.js").Data<"FindPeople">["customers"]>["edges"][number]["node"]} Person */

const WAIT_MS = 200;
let number = 0;

/** The first that a search finds. @param {string} search */
export async function findPeople(search) {
  return rows((await ask("FindPeople", { search })).customers);
}

/**
 * @param {string} label
 * @param {string} except Id of whom it cannot be.
 */
export function personField(label, except) {
  const name = `person-${++number}`;
  /** @type {Person | null} */
  let chosen = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let asked = 0;
  const input = h("input", { type: "search", autocomplete: "off", spellcheck: "false", oninput: () => typed() });
  const found = h("fieldset", { class: "picks", hidden: true });
  const shown = field(label, input, { hint: t("customers.search") });
  shown.root.append(found);

  function typed() {
    chosen = null;
    clearTimeout(timer);
    timer = setTimeout(look, WAIT_MS);
  }

  async function look() {
    const search = input.value.trim();
    const turn = ++asked;
    let content;
    try {
      const people = search === "" ? [] : (await findPeople(search)).filter(({ id }) => id !== except);
      content = people.length ? people.map(pick) : [h("p", { class: "hint" }, t("customers.unfound", { search }))];
    } catch (error) {
      content = [h("p", { class: "hint" }, words(error))];
    }
    await letGo();
    if (turn !== asked) return;
    found.hidden = search === "";
    put(found, [h("legend", { class: "unseen" }, t("people.found")), ...content]);
  }

  /** @param {Person} person */
  function pick(person) {
    const choose = () => {
      // What is still asked for would put others in its place.
      clearTimeout(timer);
      asked += 1;
      chosen = person;
    };
    const radio = h("input", { type: "radio", name, oninput: choose });
    return h("label", { class: "pick-card" }, radio, h("span", null, h("strong", null, person.name), h("small", null, [person.externalId, person.email].filter(Boolean).join(" · "))));
  }

  return {
    ...shown,
    /** Who is chosen; null, and told if that is asked for, if nobody is. @param {boolean} tells */
    read(tells) {
      if (tells) shown.tell(chosen === null ? t("people.choose") : null);
      return chosen;
    },
  };
}
