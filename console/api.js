// Asks the API: an operation by its name, with the token of whoever is signed in.
import { renewed, session, taken } from "./session.js";
import { t } from "./text.js";

/** @typedef {import("#operations").Operations} Operations */
/**
 * @template {keyof Operations} K
 * @typedef {Operations[K]["data"]} Data
 */
/**
 * @template {keyof Operations} K
 * @typedef {Operations[K]["variables"]} Variables
 */

/** @type {Promise<Record<string, string>> | undefined} */
let documents;

/** The text of an operation, of console/operations. @param {string} name */
export async function textOf(name) {
  documents ??= fetch("/console/operations.json").then((answer) => answer.json());
  documents.catch(() => (documents = undefined));
  const text = (await documents)[name];
  if (text === undefined) throw new Error(`no operation ${name}`);
  return text;
}

/** An answer that is none: kind says what a person can do about it. */
export class Problem extends Error {
  /**
   * @param {"lost" | "forbidden" | "busy" | "missing" | "narrow" | "input" | "refused" | "fault" | "told"} kind "told": the message is for people as it is.
   * @param {string} message
   * @param {Record<string, unknown>} [extensions]
   */
  constructor(kind, message, extensions = {}) {
    super(message);
    this.kind = kind;
    this.extensions = extensions;
  }
}

/** @type {Record<string, Problem["kind"]>} */
const KINDS = {
  FORBIDDEN: "forbidden",
  RATE_LIMITED: "busy",
  BUSY: "busy",
  UNAVAILABLE: "busy",
  BAD_USER_INPUT: "input",
  NOT_FOUND: "missing",
};

/**
 * The data of an operation; fields that the token may not read are null in it, and those of a mutation that could not be
 * read once it was done. A session that has ended is begun again first, with what is on the screen left as it is.
 *
 * Throws Problem if there is no data: "lost" if no answer came, so that nobody knows what became of it; "refused" if the
 * token was never taken, so that signing in again would change nothing.
 * @template {keyof Operations} K
 * @param {K} name
 * @param {Variables<K>} variables
 * @param {AbortSignal} [signal]
 * @returns {Promise<Data<K>>}
 */
export async function ask(name, variables, signal) {
  const query = await textOf(name).catch((error) => {
    throw new Problem("lost", String(error));
  });
  for (;;) {
    const token = session.value?.token ?? "";
    const body = await send(JSON.stringify({ query, variables, operationName: name }), token, signal);
    const errors = body.errors ?? [];
    const unknown = errors.find((error) => error.extensions?.code === "UNAUTHENTICATED");
    if (unknown && session.value?.token === token && !session.value.taken && !session.value.role) throw new Problem("refused", unknown.message);
    if (unknown) {
      await begunAgain(token);
      continue;
    }
    taken(token);
    const error = whyNot(body, query.startsWith("mutation"));
    if (error) throw problemOf(error);
    renamed(body.data);
    return body.data;
  }
}

/** Who was erased has no name any more: what stands in its place is said in the reader's language. @param {unknown} found */
function renamed(found) {
  if (typeof found !== "object" || found === null) return;
  if ("erasedAt" in found && found.erasedAt !== null) Object.assign(found, { name: t("customer.erased") });
  Object.values(found).forEach(renamed);
}

/** @param {{message: string, extensions?: Record<string, unknown>}} error As the server tells of it. */
export function problemOf({ message, extensions }) {
  return new Problem(KINDS[String(extensions?.code)] ?? "fault", message, extensions);
}

/**
 * Why an answer is none; null if it is one. A query in which something failed says too little: what is missing would be taken
 * for nothing. A mutation with a payload was done.
 * @param {Answer} answer
 * @param {boolean} mutates
 */
function whyNot({ data, errors = [] }, mutates) {
  if (!Object.values(data ?? {}).some((value) => value !== null)) return errors[0] ?? null;
  return mutates ? null : (errors.find(({ extensions }) => extensions?.code !== "FORBIDDEN") ?? null);
}

/** Waits for another token; without a connection, nobody can be asked to sign in. @param {string} token */
async function begunAgain(token) {
  await renewed(token).catch((error) => {
    throw new Problem("lost", String(error));
  });
}

/**
 * A file that is sent or read, under the token of whoever is signed in, as `ask` does it.
 * @param {string} path
 * @param {RequestInit} [how]
 */
export async function transfer(path, how = {}) {
  for (;;) {
    const token = session.value?.token ?? "";
    const answer = await fetch(path, { ...how, headers: { ...how.headers, authorization: `Bearer ${token}` } }).catch((error) => {
      throw new Problem("lost", String(error));
    });
    if (answer.status !== 401) return answer;
    await begunAgain(token);
  }
}

/** @typedef {{data: any, errors?: {message: string, extensions?: Record<string, unknown>}[]}} Answer */

/**
 * @param {string} body
 * @param {string} token
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer>}
 */
async function send(body, token, signal) {
  try {
    const headers = { "content-type": "application/json", accept: "application/json", authorization: `Bearer ${token}` };
    const response = await fetch("/graphql", { method: "POST", headers, body, signal: signal ?? null });
    return await response.json();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem("lost", String(error));
  }
}

/** A key for one thing to be done: kept for as long as it may have to be sent again. */
export function newKey() {
  return `console-${crypto.randomUUID()}`;
}

/**
 * The rows of a list.
 * @template T
 * @param {{edges: readonly {node: T}[]} | null | undefined} connection
 * @returns {T[]}
 */
export function rows(connection) {
  return connection?.edges.map(({ node }) => node) ?? [];
}
