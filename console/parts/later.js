// What few open is loaded once somebody does, so that the first page stays small.
import { Problem } from "../api.js";
import { tell, words } from "./states.js";

/**
 * Loads a file and opens what is in it; says so where there is no connection.
 * @template M
 * @param {() => Promise<M>} load
 * @param {(loaded: M) => unknown} open
 */
export async function later(load, open) {
  let loaded;
  try {
    loaded = await load();
  } catch (error) {
    tell(words(new Problem("lost", String(error))));
    return;
  }
  await open(loaded);
}
