// Which requests are sent again, and when.
import { isObject } from "./documents.js";
import { type Fault, faultsOf, NO_ANSWER, ScripError } from "./errors.js";

/** How often a request is sent, the first time included, and how long is waited before the next time. */
export interface Retries {
  attempts: number;
  /** Milliseconds; the bound of a wait doubles from here. */
  firstMs: number;
  /** Milliseconds. A server that asks for more is not waited for: the error says how long it would be. */
  longestMs: number;
}

export const RETRIES: Retries = { attempts: 5, firstMs: 500, longestMs: 30_000 };

/** An answer that is not to be waited for any more, and its body, if that is JSON. */
export interface Answered {
  response: Response;
  body: unknown;
  text: string;
}

/** UserErrors that say nothing about the request: nothing was changed, and the same may succeed. */
const FOR_NOW = new Set(["BUSY", "UNAVAILABLE"]);
/** Codes under which nothing of a request was done, so that even a mutation without a key may be sent again. */
const NOTHING_DONE = new Set(["BUSY", "RATE_LIMITED"]);
const TRANSIENT = new Set([408, 429, 502, 503, 504]);

/** Milliseconds to wait after so many failures in a row, from 1: between half of the bound and the bound. */
export function pauseAfter(failures: number, { firstMs, longestMs }: Retries): number {
  const bound = Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 16));
  return bound * (0.5 + Math.random() / 2);
}

export function sleep(ms: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** A signal that is aborted after so many milliseconds, or with the other one; and how to let go of it. */
export function deadline(ms: number, signal?: AbortSignal | null): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController();
  const stop = () => controller.abort(signal?.reason);
  const timer = setTimeout(() => controller.abort(new Error(`No answer within ${ms} ms.`)), ms);
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  const clear = () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  };
  return { signal: controller.signal, clear };
}

export interface Sending {
  retries: Retries;
  /** Whether it may be sent again after it may have been done: a query, or a mutation with a key. */
  again: boolean;
  /** Whether asking for the token again may bring another one. */
  renewable: boolean;
  signal?: AbortSignal | null | undefined;
  /** Called before each time: the token may be another one by then. Its failures are passed on. */
  headers: () => Promise<Record<string, string>>;
}

/** Sends until there is an answer. Throws ScripError if none came, and the signal's reason if it was aborted. */
export async function exchange(
  send: (headers: Record<string, string>) => Promise<Answered>,
  { retries, again, renewable, signal, headers }: Sending,
): Promise<Answered> {
  let renewed = false;
  for (let attempt = 1; ; attempt += 1) {
    const last = attempt >= retries.attempts;
    const fresh = await headers();
    let answered: Answered;
    try {
      answered = await send(fresh);
    } catch (error) {
      signal?.throwIfAborted();
      if (last || !again) throw noAnswer(error);
      await sleep(pauseAfter(attempt, retries), signal);
      continue;
    }
    if (answered.response.status === 401 && renewable && !renewed && !last) {
      renewed = true;
      continue;
    }
    const askedMs = (retryAfterOf(answered.response) ?? 0) * 1000;
    if (last || askedMs > retries.longestMs || !isForNow(answered, again)) return answered;
    await sleep(Math.max(askedMs, pauseAfter(attempt, retries)), signal);
  }
}

/** The exception for a request without an answer. `fetch` does not tell whether it was sent: it may have been. */
function noAnswer(cause: unknown): ScripError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new ScripError([{ code: NO_ANSWER, message, path: [], extensions: {} }], { unknown: true, cause });
}

/** The exception for an answer. faults: those of its errors to tell. */
export function failure({ response }: Pick<Answered, "response">, faults: readonly Fault[]): ScripError {
  const { status } = response;
  const [first, ...rest] = faults;
  const told = first ?? { code: `HTTP_${status}`, message: response.statusText, path: [], extensions: {} };
  return new ScripError([told, ...rest], {
    status,
    ...(retryAfterOf(response) === undefined ? {} : { retryAfter: retryAfterOf(response) }),
    ...(response.headers.has("x-request-id") ? { requestId: response.headers.get("x-request-id") ?? "" } : {}),
    unknown: TRANSIENT.has(status) && !NOTHING_DONE.has(told.code),
  });
}

export async function read(response: Response): Promise<Answered> {
  const text = await response.text();
  try {
    return { response, body: JSON.parse(text), text };
  } catch {
    return { response, body: undefined, text };
  }
}

/** Seconds that the answer asks to wait, if it does. */
export function retryAfterOf(response: Response): number | undefined {
  const told = response.headers.get("retry-after") ?? "";
  return /^\d+$/.test(told) ? Number(told) : undefined;
}

/** Whether the same request may be answered otherwise in a while, and may be sent again. */
function isForNow({ response, body }: Answered, again: boolean): boolean {
  const codes = faultsOf(body).map(({ code }) => code);
  if (TRANSIENT.has(response.status)) return again || (codes.length > 0 && codes.every((code) => NOTHING_DONE.has(code)));
  if (codes.length > 0) return again && codes.every((code) => code === "BUSY");
  const refusals = userErrorCodes(body);
  return refusals.length > 0 && refusals.every((code) => FOR_NOW.has(code));
}

/** The codes of userErrors, at the top of a file's answer or in the payloads of mutations. */
function userErrorCodes(body: unknown): string[] {
  if (!isObject(body)) return [];
  const payloads = [body, ...Object.values(isObject(body["data"]) ? body["data"] : {})].filter(isObject);
  const errors = payloads.flatMap((payload) => (Array.isArray(payload["userErrors"]) ? payload["userErrors"] : []));
  return errors.filter(isObject).map((error) => String(error["code"]));
}
