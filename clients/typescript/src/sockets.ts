// A subscription over a WebSocket of its own, by the protocol graphql-transport-ws: where fetch gives no stream, and where a
// browser's six connections to a host are too few.
import { within } from "./following.js";

/** A socket on which nothing comes for so long is broken: it is pinged more often. */
const IDLE_MS = 30_000;
const PING_MS = 10_000;
const PROTOCOL = "graphql-transport-ws";
/** Codes with which a socket is closed for what the client sent: the same will not be taken again. */
const FAULTS = new Set([1007, 1009, 4400, 4401, 4406, 4409, 4429]);
const REFUSED_TOKEN = 4403;

export type Sockets = new (url: string, protocol: string) => WebSocket;

interface Told {
  type?: string;
  payload?: unknown;
}

/** Whether this is React Native, whose fetch gives no stream. */
export function isReactNative(): boolean {
  return typeof navigator !== "undefined" && (navigator as { product?: string }).product === "ReactNative";
}

/**
 * Each event of a subscription, named as in a stream: `next` with its result, and `complete`. What refuses it is the result of a
 * `next`. Throws if the socket breaks off.
 */
export async function* socketEvents(
  url: string,
  authorization: Record<string, string>,
  body: string,
  signal: AbortSignal,
  Sockets: Sockets = WebSocket,
): AsyncGenerator<[name: string, data: unknown]> {
  const socket = new Sockets(`${url.replace(/^http/, "ws")}/graphql`, PROTOCOL);
  const inbox = new Inbox(socket);
  const stop = () => socket.close(1000);
  signal.addEventListener("abort", stop, { once: true });
  const pinging = setInterval(() => inbox.say({ type: "ping" }), PING_MS);
  try {
    for (;;) {
      const told = await within(IDLE_MS, inbox.next());
      switch (told.type) {
        case "open":
          inbox.say({ type: "connection_init", payload: { Authorization: authorization["authorization"] } });
          break;
        case "connection_ack":
          inbox.say({ type: "subscribe", id: "1", payload: JSON.parse(body) });
          break;
        case "ping":
          inbox.say({ type: "pong" });
          break;
        case "next":
          yield ["next", told.payload];
          break;
        case "error":
          yield ["next", { errors: told.payload }];
          yield ["complete", undefined];
          return;
        case "complete":
          yield ["complete", undefined];
          return;
      }
    }
  } catch (error) {
    if (!(error instanceof Closed)) throw error;
    const code = error.code === REFUSED_TOKEN ? "UNAUTHENTICATED" : FAULTS.has(error.code) ? `SOCKET_${error.code}` : undefined;
    if (!code) throw error;
    yield ["next", { errors: [{ message: error.message, extensions: { code } }] }];
  } finally {
    clearInterval(pinging);
    signal.removeEventListener("abort", stop);
    socket.close(1000);
  }
}

class Closed extends Error {
  constructor(readonly code: number, reason: string) {
    super(reason || `The socket was closed with ${code}.`);
  }
}

/** What came on a socket and was not asked for yet. */
class Inbox {
  #told: Told[] = [];
  #closed: Closed | undefined;
  #awake: () => void = () => undefined;

  constructor(private readonly socket: WebSocket) {
    socket.onopen = () => this.#take({ type: "open" });
    socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)));
    socket.onerror = () => undefined;
    socket.onclose = ({ code, reason }) => {
      this.#closed = new Closed(code, reason);
      this.#awake();
    };
  }

  say(message: object): void {
    if (this.socket.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  /** The next message, once it is there. Throws Closed after the last. */
  async next(): Promise<Told> {
    for (;;) {
      const told = this.#told.shift();
      if (told) return told;
      if (this.#closed) throw this.#closed;
      await new Promise<void>((resolve) => {
        this.#awake = resolve;
      });
    }
  }

  #take(message: Told): void {
    this.#told.push(message);
    this.#awake();
  }
}
