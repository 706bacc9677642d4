// Subscriptions, over one WebSocket (graphql-transport-ws) that comes back by itself.
import { textOf } from "./api.js";
import { renewed, renewedQuietly, session } from "./session.js";

/** @typedef {{id: string, name: string, variables: () => object, next: (data: any) => void, refused: () => void}} Followed */

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
const BUSY_WAIT_MS = 1_000;
/** The server's code for a token that it does not take, or no longer. */
const TOKEN_ENDED = 4403;

/** @type {Map<string, Followed>} */
const followed = new Map();
/** @type {WebSocket | null} */
let socket = null;
let ready = false;
let wait = FIRST_WAIT_MS;
let number = 0;
// A session that has been begun again is a token that the server takes: nobody need wait for the next try.
session.followers.add(again);

/**
 * Follows a subscription until the function that it answers is called. variables: asked for at each beginning, so that it
 * goes on from the last cursor. refused: called if the server did not take it, before it is tried again.
 * @template {keyof import("#operations").Operations} K
 * @param {K} name
 * @param {() => import("./api.js").Variables<K>} variables
 * @param {(data: import("./api.js").Data<K>) => void} next
 */
export function follow(name, variables, next, refused = () => {}) {
  const id = String(++number);
  followed.set(id, { id, name, variables, next, refused });
  if (socket === null) connect();
  else if (ready) begin(id);
  return () => {
    followed.delete(id);
    if (ready) socket?.send(JSON.stringify({ id, type: "complete" }));
    if (followed.size === 0) socket?.close(1000);
  };
}

function connect() {
  const opened = new WebSocket(`${location.origin.replace("http", "ws")}/graphql`, "graphql-transport-ws");
  socket = opened;
  opened.onopen = () => {
    opened.send(JSON.stringify({ type: "connection_init", payload: { Authorization: `Bearer ${session.value?.token}` } }));
  };
  const token = session.value?.token ?? "";
  opened.onmessage = ({ data }) => heard(JSON.parse(data));
  opened.onclose = ({ code }) => {
    ready = false;
    socket = null;
    setTimeout(() => void back(code, token), wait);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  };
}

/**
 * Connects again; first, where the token has ended, with another, though nobody has pressed anything. Whoever is filling
 * something in is asked to sign in when that is sent, or done.
 * @param {number} code
 * @param {string} token
 */
async function back(code, token) {
  if (code === TOKEN_ENDED && socket === null && followed.size > 0) {
    await renewedQuietly(token);
    if (session.value?.token === token && document.activeElement?.closest("dialog, input, select, textarea")) {
      setTimeout(() => void back(code, token), BUSY_WAIT_MS);
      return;
    }
    await renewed(token).catch(() => {});
  }
  again();
}

function again() {
  if (socket === null && followed.size > 0) connect();
}

/** @param {{type: string, id?: string, payload?: any}} message */
function heard(message) {
  if (message.type === "connection_ack") {
    ready = true;
    wait = FIRST_WAIT_MS;
    for (const id of followed.keys()) begin(id);
  } else if (message.type === "ping") socket?.send(JSON.stringify({ type: "pong" }));
  else if (message.type === "next" && message.payload?.data) followed.get(message.id ?? "")?.next(message.payload.data);
  else if (message.type === "complete") followed.delete(message.id ?? "");
  else if (message.type === "error") later(message.id ?? "");
}

/** Begins again what the server has given up, such as while it was too busy. @param {string} id */
function later(id) {
  const on = socket;
  followed.get(id)?.refused();
  // On another socket it has been begun.
  setTimeout(() => socket === on && begin(id), wait);
  wait = Math.min(wait * 2, LONGEST_WAIT_MS);
}

/** @param {string} id */
async function begin(id) {
  const each = followed.get(id);
  const on = socket;
  if (!each) return;
  const query = await textOf(each.name);
  const payload = { query, variables: each.variables(), operationName: each.name };
  if (ready && socket === on && followed.has(id)) socket?.send(JSON.stringify({ id, type: "subscribe", payload }));
}
