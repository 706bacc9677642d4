// What few open is loaded once somebody does, so that the first page stays small.
import { Problem } from "../api.js";
import { place } from "../router.js";
import { tell, words } from "./states.js";

/** What was pressed last is opened, and once, however often it was. */
let turn = 0;

/**
 * Loads a file and opens what is in it, unless one has gone to another screen meanwhile; says so where there is no connection.
 * @template M
 * @param {() => Promise<M>} load
 * @param {(loaded: M) => unknown} open
 */
export async function later(load, open) {
  const mine = ++turn;
  const from = place.value;
  /** @type {M} */
  let loaded;
  try {
    loaded = await load();
  } catch (error) {
    if (mine === turn) tell(words(new Problem("lost", String(error))), "warning");
    return;
  }
  if (mine === turn && place.value === from) open(loaded);
}
