// A subscription that goes on: reading a stream of events, and what to do once it ends.
import { isObject, rootOf } from "./documents.js";
import { faultsOf, NO_ANSWER, ScripError } from "./errors.js";
import { failure, pauseAfter, read, type Retries } from "./retrying.js";

/** A stream that says nothing for so long is broken: while nothing happens, a comment comes every 12 seconds. */
const IDLE_MS = 30_000;
/** A stream that could not be had so many times in a row is given up. */
const MAX_FAILURES = 20;
/** Codes after which the same subscription may be had again, UNAUTHENTICATED with another token. */
const PASSES = new Set([
  "BUSY",
  "RATE_LIMITED",
  "TIMEOUT",
  "TOO_MANY_SUBSCRIPTIONS",
  "TOO_SLOW",
  "UNAUTHENTICATED",
  "UNAVAILABLE",
]);

const BROKE_OFF = new Error("The stream broke off.");

/** Each event of a stream: its name, and its data. Throws if the stream breaks off; ends where it ends. */
export async function* eventsOf(response: Response): AsyncGenerator<[name: string, data: unknown]> {
  const reader = response.body?.getReader();
  if (!reader) throw new TypeError("This fetch gives no stream.");
  const decoder = new TextDecoder();
  let rest = "";
  let name = "";
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await within(IDLE_MS, reader.read());
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.startsWith("event:")) name = line.slice(6).trim();
        else if (line.startsWith("data:")) data.push(line.slice(5));
        else if (line.trim() === "" && name) {
          const text = data.join("\n").trim();
          yield [name, text ? JSON.parse(text) : undefined];
          [name, data] = ["", []];
        }
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** What the promise brings, unless that takes longer. */
export function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Nothing came for ${ms} ms.`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Where a subscription is: its variables with the last cursor, and how often it failed since then. */
export class Place {
  isOver = false;
  /** A message had an error, or the stream was refused: nothing more is read of it, or what comes behind would take its place. */
  isFaulty = false;
  #failures = 0;
  #unauthenticated = false;
  #error: unknown = BROKE_OFF;

  constructor(
    private variables: Record<string, unknown>,
    private readonly resumes: boolean,
    private readonly retries: Retries,
    private readonly renewable: boolean,
  ) {}

  /** The variables to ask with. */
  begin(): Record<string, unknown> {
    this.isFaulty = false;
    return this.variables;
  }

  /** The message of an event, if it has one. Throws ScripError if the subscription is refused. */
  message(name: string, result: unknown): unknown {
    if (name === "complete") this.isOver = true;
    if (name !== "next") return undefined;
    const [first, ...rest] = faultsOf(result);
    if (first) {
      this.#judge(new ScripError([first, ...rest]));
      return undefined;
    }
    return isObject(result) && isObject(result["data"]) ? rootOf(result["data"]) : undefined;
  }

  /** The next stream begins after this message. */
  workedOff(message: unknown): void {
    this.#failures = 0;
    this.#unauthenticated = false;
    this.#error = BROKE_OFF;
    const cursor = isObject(message) ? message["cursor"] : undefined;
    if (this.resumes && typeof cursor === "string") this.variables = { ...this.variables, after: cursor };
  }

  /** Takes note of an answer that is no stream. Throws ScripError if the same will not be had again. */
  async refused(response: Response): Promise<void> {
    const answered = await read(response);
    this.#judge(failure(answered, faultsOf(answered.body)));
  }

  /** Takes note of a connection that failed. */
  broke(error: unknown): void {
    this.#failures += 1;
    this.#error = error;
  }

  /** Milliseconds until it is asked for again. Throws ScripError once it has failed too often in a row. */
  pause(): number {
    if (this.#failures > MAX_FAILURES) {
      const fault = { code: NO_ANSWER, message: String(this.#error), path: [], extensions: {} };
      throw new ScripError([fault], { cause: this.#error });
    }
    this.#failures = Math.max(this.#failures, 1);
    const asked = this.#error instanceof ScripError ? (this.#error.retryAfter ?? 0) * 1000 : 0;
    return Math.max(asked, pauseAfter(this.#failures, this.retries));
  }

  #judge(error: ScripError): void {
    this.isFaulty = true;
    this.#failures += 1;
    this.#error = error;
    const passes = error.faults.every(({ code }) => PASSES.has(code));
    if (!passes && ![429, 502, 503, 504].includes(error.status ?? 0)) throw error;
    if (error.faults.some(({ code }) => code === "UNAUTHENTICATED")) {
      if (this.#unauthenticated || !this.renewable) throw error;
      this.#unauthenticated = true;
    }
  }
}
