import { type AnyDocument, bodyOf, hasKey, isObject, type Root, rootOf, type TypedDocument } from "./documents.js";
import { type Fault, faultsOf, ScripError } from "./errors.js";
import { eventsOf, Place } from "./following.js";
import { type Answered, deadline, exchange, failure, read, RETRIES, type Retries, sleep } from "./retrying.js";
import { isReactNative, socketEvents, type Sockets } from "./sockets.js";
import { type FileParameters, mediaTypeOf, type Progress, queryOf, sendFile, type Sent, type UploadOptions } from "./uploading.js";

export interface ScripOptions {
  /** Without a path, such as http://127.0.0.1:8000. */
  url: string;
  /** A text, or a function that is called before each request and, if it was refused, once more. */
  token: string | (() => string | Promise<string>);
  retries?: Partial<Retries>;
  /** Milliseconds for each attempt, files and subscriptions excepted. */
  timeoutMs?: number;
  /** Whether documents are named by their hash, as a server that runs trusted documents alone expects it. */
  trusted?: boolean;
  fetch?: typeof fetch;
  /**
   * By what subscriptions come: a stream of events over HTTP, or a WebSocket each. A stream unless given; in React Native, whose
   * fetch has none, a WebSocket. In browsers a stream takes one of six connections to a host under HTTP/1.1.
   */
  live?: "stream" | "websocket";
  /** In place of the global one, such as that of the package ws in Node.js 20. */
  WebSocket?: Sockets;
}

/** What a query answered. faults: of fields below the roots that could not be read, such as for want of a right. */
export interface Answer<Data> {
  data: Data;
  faults: readonly Fault[];
}

export interface Asked {
  signal?: AbortSignal;
}

export interface Did extends Asked {
  /** Whether it may be sent again while it is unknown whether it was done. Unless given: if its input has a key. */
  again?: boolean;
}

/** A mutation that was done, or that asked for approval if the payload has an `approvalRequest`. */
export interface Done<Payload> {
  done: true;
  payload: Payload;
  faults: readonly Fault[];
}

/** A mutation that changed nothing, for reasons that a person can put right. New codes can be added. */
export interface Refused<UserError> {
  done: false;
  userErrors: readonly UserError[];
}

export interface FileError {
  code: string;
  message: string;
  field: readonly string[] | null;
}

type Payload<Data> = Root<Data> & { userErrors: readonly unknown[] };
type UserErrorOf<P> = P extends { userErrors: readonly (infer E)[] } ? E : never;

/** A Relay connection, as far as reading on takes it. */
export type Connection<Row> = ({ edges: readonly { node: Row }[] } | { nodes: readonly Row[] }) & {
  pageInfo: { hasNextPage: boolean; endCursor?: string | null };
};

const IMPORTS = "/imports/credits";
const ENDED = ["COMPLETED", "FAILED", "CANCELLED"];
const POLL_MS = 1_000;
const MAX_POLLS = 24 * 60 * 60;
const MAX_PAGES = 1_000_000;

/** An idempotency key for a new request. Make it when the user decides, and keep it until there is an answer. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** One Scrip, under one token. */
export class Scrip {
  readonly #options: ScripOptions;
  readonly #url: string;
  readonly #retries: Retries;

  constructor(options: ScripOptions) {
    this.#options = options;
    this.#url = options.url.replace(/\/+$/, "");
    this.#retries = { ...RETRIES, ...options.retries };
  }

  /** Answers a query. Throws ScripError if a root field failed, or the whole request. */
  async ask<Data, Variables>(
    document: TypedDocument<Data, Variables>,
    variables: Variables,
    { signal }: Asked = {},
  ): Promise<Answer<Data>> {
    return answerOf<Data>(await this.#graphql(document, variables, true, signal));
  }

  /** Tells what a mutation would do: whether it would be done, and then its effects. Throws ScripError as `ask` does. */
  preview<Data, Variables>(
    document: TypedDocument<Data, Variables>,
    variables: Variables,
    { signal }: Asked = {},
  ): Promise<Done<Root<Data>> | Refused<UserErrorOf<Root<Data>>>> {
    return this.do(document, variables, { again: true, ...(signal ? { signal } : {}) });
  }

  /** Runs a mutation. Throws ScripError as `ask` does. */
  async do<Data, Variables>(
    document: TypedDocument<Data, Variables>,
    variables: Variables,
    { again = hasKey(variables), signal }: Did = {},
  ): Promise<Done<Root<Data>> | Refused<UserErrorOf<Root<Data>>>> {
    const { data, faults } = answerOf<Data>(await this.#graphql(document, variables, again, signal));
    const payload = rootOf(data as Record<string, unknown>) as Payload<Data>;
    if (payload.userErrors?.length) {
      return { done: false, userErrors: payload.userErrors as UserErrorOf<Root<Data>>[] };
    }
    return { done: true, payload, faults };
  }

  /** Each row of a list, whose pages are asked for as they are needed. The document takes `$after`. */
  async *list<Data, Variables extends { after?: string | null }, Row>(
    document: TypedDocument<Data, Variables>,
    variables: Variables,
    pick: (data: Data) => Connection<Row> | null | undefined,
    { signal }: Asked = {},
  ): AsyncGenerator<Row, void, undefined> {
    let given = variables;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const connection: Connection<Row> | null | undefined = pick(
        (await this.ask(document, given, signal ? { signal } : {})).data,
      );
      if (!connection) return;
      if ("nodes" in connection) yield* connection.nodes;
      else for (const { node } of connection.edges) yield node;
      if (!connection.pageInfo.hasNextPage) return;
      given = { ...given, after: connection.pageInfo.endCursor ?? null };
    }
  }

  /**
   * Each message of a subscription, for ever or until it is complete. A message counts as worked off once the next one is
   * asked for. If the stream breaks off, or a message comes with an error that passes, it goes on after the last message that
   * was worked off, with a new token. Where nothing may be left out, give it `after` from the first time on. Throws
   * ScripError if the subscription is refused.
   */
  async *follow<Data, Variables>(
    document: TypedDocument<Data, Variables>,
    variables: Variables,
    { signal }: Asked = {},
  ): AsyncGenerator<Root<Data>, void, undefined> {
    const { token, trusted = false } = this.#options;
    const resumes = document.toString().includes("$after");
    const place = new Place({ ...variables } as Record<string, unknown>, resumes, this.#retries, typeof token === "function");
    for (;;) {
      const headers = await this.#headers();
      const ended = new AbortController();
      const stop = () => ended.abort(signal?.reason);
      signal?.addEventListener("abort", stop, { once: true });
      try {
        signal?.throwIfAborted();
        for await (const [name, result] of this.#live(place, headers, bodyOf(document, place.begin(), trusted), ended.signal)) {
          const message = place.message(name, result);
          if (place.isFaulty) break;
          if (message === undefined || message === null) continue;
          yield message as Root<Data>;
          place.workedOff(message);
        }
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof ScripError) throw error;
        place.broke(error);
      } finally {
        signal?.removeEventListener("abort", stop);
        ended.abort();
      }
      if (place.isOver) return;
      await sleep(place.pause(), signal);
    }
  }

  /** The events of a subscription, once: from a stream, or a socket. */
  async *#live(
    place: Place,
    headers: Record<string, string>,
    body: string,
    signal: AbortSignal,
  ): AsyncGenerator<[name: string, data: unknown]> {
    const { live = isReactNative() ? "websocket" : "stream", WebSocket } = this.#options;
    if (live === "websocket") {
      yield* socketEvents(this.#url, headers, body, signal, WebSocket);
      return;
    }
    const response = await this.#fetch(`${this.#url}/graphql`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json", accept: "text/event-stream" },
      body,
      signal,
    });
    if (response.headers.get("content-type")?.startsWith("text/event-stream")) yield* eventsOf(response);
    else await place.refused(response);
  }

  /** Sends a file of adjustments, CSV or XLSX. Throws ScripError if it was not even looked at. */
  async uploadCredits(
    file: Blob,
    parameters: FileParameters,
    options: UploadOptions,
  ): Promise<Sent | Refused<FileError>> {
    const name = parameters.fileName ?? (file as Partial<File>).name ?? "";
    const url = `${this.#url}${IMPORTS}?${queryOf(name ? { ...parameters, fileName: name } : parameters)}`;
    const type = mediaTypeOf(file, name);
    const send = async (token: Record<string, string>) => {
      const headers = { ...token, "content-type": type, "idempotency-key": options.key };
      return read(await sendFile(url, file, headers, options, this.#fetch));
    };
    const { response, body } = await this.#exchange(send, true, options.signal);
    if (response.status === 202 && isObject(body)) return { done: true, ...body } as Sent;
    const errors = isObject(body) ? body["userErrors"] : undefined;
    if (Array.isArray(errors) && errors.length) return { done: false, userErrors: errors as FileError[] };
    throw failure({ response }, faultsOf(body));
  }

  /** How far a file or a bulk is. */
  async progress(operation: string, { signal }: Asked = {}): Promise<Progress> {
    const { response, body } = await this.#send(`${IMPORTS}/${operation}`, {}, true, signal);
    if (response.status !== 200) throw failure({ response }, faultsOf(body));
    return body as Progress;
  }

  /** Waits until a file or a bulk has ended, for a day at most. onProgress: told how far it is, each second. */
  async waitFor(
    operation: string,
    { onProgress, signal }: Asked & { onProgress?: (progress: Progress) => void } = {},
  ): Promise<Progress> {
    for (let look = 0; look < MAX_POLLS; look += 1) {
      const progress = await this.progress(operation, signal ? { signal } : {});
      onProgress?.(progress);
      if (ENDED.includes(progress.status)) return progress;
      await sleep(POLL_MS, signal);
    }
    throw new Error(`${operation} has not ended within a day.`);
  }

  /** Each row's result, as CSV. Corrected, it can be sent as a new file. */
  async report(operation: string, { onlyFailed = false, signal }: Asked & { onlyFailed?: boolean } = {}): Promise<string> {
    const path = `${IMPORTS}/${operation}.csv?onlyFailed=${onlyFailed}`;
    const { response, body, text } = await this.#send(path, {}, true, signal);
    if (response.status !== 200) throw failure({ response }, faultsOf(body));
    return text;
  }

  #graphql(
    document: AnyDocument,
    variables: unknown,
    again: boolean,
    signal?: AbortSignal,
  ): Promise<Answered> {
    const body = bodyOf(document, variables, this.#options.trusted ?? false);
    const headers = { "content-type": "application/json" };
    return this.#send("/graphql", { method: "POST", headers, body }, again, signal);
  }

  #send(path: string, init: RequestInit, again: boolean, signal?: AbortSignal): Promise<Answered> {
    const send = async (token: Record<string, string>) => {
      const until = deadline(this.#options.timeoutMs ?? 30_000, signal);
      const headers = { ...init.headers, ...token };
      try {
        return await read(await this.#fetch(this.#url + path, { ...init, headers, signal: until.signal }));
      } finally {
        until.clear();
      }
    };
    return this.#exchange(send, again, signal);
  }

  #exchange(
    send: (headers: Record<string, string>) => Promise<Answered>,
    again: boolean,
    signal?: AbortSignal,
  ): Promise<Answered> {
    const renewable = typeof this.#options.token === "function";
    return exchange(send, { retries: this.#retries, again, renewable, signal, headers: () => this.#headers() });
  }

  get #fetch(): typeof fetch {
    return this.#options.fetch ?? ((target, init) => fetch(target, init));
  }

  async #headers(): Promise<Record<string, string>> {
    const { token } = this.#options;
    return { authorization: `Bearer ${typeof token === "function" ? await token() : token}` };
  }
}

function answerOf<Data>(answered: Answered): Answer<Data> {
  const { body } = answered;
  const faults = faultsOf(body);
  const data = isObject(body) ? body["data"] : undefined;
  if (!isObject(data)) throw failure(answered, faults);
  const atRoot = faults.filter(({ path }) => path.length < 2);
  if (atRoot.length) throw failure(answered, atRoot);
  return { data: data as Data, faults };
}
