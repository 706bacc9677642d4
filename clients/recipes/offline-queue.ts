// Writes that are kept until they have been sent: in order, each under the key that it was made with.
import { newKey, type Scrip, ScripError, type TypedDocument } from "scrip-client";

/** A write that waits. It is kept as text: the app may be closed, and another version of it may send it. */
export interface Waiting {
  /** Its document, by its name in `writes`. */
  write: string;
  input: Record<string, unknown> & { idempotencyKey: string };
  /** Milliseconds since 1970. */
  madeAt: number;
  /** Why it was put aside, for a person to decide: send it changed, or drop it. */
  refused?: { code: string; message: string }[];
}

/** Where they are kept: localStorage, AsyncStorage, a file. */
export interface Store {
  load(): Promise<string | null>;
  save(text: string): Promise<void>;
}

/** A key is known for 90 days, unless the tenant has set another time. A write that is older could be done twice. */
const KEPT_MS = 89 * 24 * 60 * 60 * 1000;
/** Answers after which the same can be sent again later. */
const LATER = new Set(["NO_ANSWER", "BUSY", "RATE_LIMITED", "UNAVAILABLE", "TIMEOUT", "SUSPENDED", "UNAUTHENTICATED"]);

type Write = TypedDocument<unknown, { input: never }>;

export class OfflineQueue {
  #saving: Promise<void> = Promise.resolve();
  #sending: Promise<void> | undefined;

  constructor(
    private readonly scrip: Scrip,
    private readonly writes: Readonly<Record<string, Write>>,
    private readonly store: Store,
    /** Told of each write that was done, with its payload. */
    private readonly onDone: (waiting: Waiting, payload: unknown) => void = () => {},
    private readonly now: () => number = Date.now,
  ) {}

  /** Everything that was not done yet, put aside or not, the oldest first. */
  async waiting(): Promise<Waiting[]> {
    return JSON.parse((await this.store.load()) ?? "[]") as Waiting[];
  }

  /** Keeps a write, with a key of its own. It is safe once this has resolved; `send` sends it. */
  add(write: string, input: Record<string, unknown>): Promise<void> {
    const waiting = { write, input: { ...input, idempotencyKey: newKey() }, madeAt: this.now() };
    return this.#update((all) => [...all, waiting]);
  }

  /** Sends what waits, the oldest first, and stops at the first that cannot be sent now. Call it when there is a network. */
  send(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined));
    return this.#sending;
  }

  /** Takes one that was put aside up again, changed: a new request, so under a new key, and the last of all. */
  change(key: string, changes: Record<string, unknown>): Promise<void> {
    return this.#update((all) => {
      const found = all.find((each) => keyOf(each) === key);
      if (!found) return all;
      const input = { ...found.input, ...changes, idempotencyKey: newKey() };
      return [...all.filter((each) => each !== found), { write: found.write, input, madeAt: this.now() }];
    });
  }

  /** Forgets one that was put aside. */
  drop(key: string): Promise<void> {
    return this.#update((all) => all.filter((each) => keyOf(each) !== key));
  }

  async #sendAll(): Promise<void> {
    for (;;) {
      const next = (await this.waiting()).find(({ refused }) => !refused);
      if (!next || !(await this.#sent(next))) return;
    }
  }

  /** Whether the next may be sent. */
  async #sent(waiting: Waiting): Promise<boolean> {
    const { write, input, madeAt } = waiting;
    const document = this.writes[write];
    if (!document) return this.#putAside(waiting, { code: "UNKNOWN_WRITE", message: `This version knows no ${write}.` });
    if (this.now() - madeAt > KEPT_MS) return this.#putAside(waiting, { code: "TOO_OLD", message: "See whether it was done." });
    try {
      const outcome = await this.scrip.do(document, { input: input as never });
      if (!outcome.done) return this.#putAside(waiting, ...([...outcome.userErrors] as { code: string; message: string }[]));
      await this.drop(keyOf(waiting));
      this.onDone(waiting, outcome.payload);
      return true;
    } catch (error) {
      if (!(error instanceof ScripError)) throw error;
      if (LATER.has(error.code) || error.unknown) return false;
      return this.#putAside(waiting, ...error.faults);
    }
  }

  async #putAside(waiting: Waiting, ...errors: { code: string; message: string }[]): Promise<true> {
    const refused = errors.map(({ code, message }) => ({ code, message }));
    await this.#update((all) => all.map((each) => (keyOf(each) === keyOf(waiting) ? { ...each, refused } : each)));
    return true;
  }

  /** One change at a time. (Of several tabs, let one have the queue: `navigator.locks`.) */
  #update(change: (all: Waiting[]) => Waiting[]): Promise<void> {
    const mine = this.#saving.then(async () => this.store.save(JSON.stringify(change(await this.waiting()))));
    this.#saving = mine.catch(() => undefined);
    return mine;
  }
}

function keyOf({ input }: Waiting): string {
  return input.idempotencyKey;
}
