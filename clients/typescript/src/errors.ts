import { isObject } from "./documents.js";

/** Code of a request that was sent and not answered, or could not be sent. */
export const NO_ANSWER = "NO_ANSWER";

/** One of an answer's `errors`. path: leads to the field in the data; empty if it is about the whole request. */
export interface Fault {
  code: string;
  message: string;
  path: readonly (string | number)[];
  extensions: Readonly<Record<string, unknown>>;
}

export interface Circumstances {
  /** Of HTTP; missing without an answer. */
  status?: number;
  /** Seconds to wait before the same is sent again, if that was said. */
  retryAfter?: number;
  /** For the operator's log. */
  requestId?: string;
  /** Whether it may have been done all the same. Send it again with the same key to learn it. */
  unknown?: boolean;
  cause?: unknown;
}

/** A request that failed as a whole, or at one of its root fields. What a person can put right is none: see `Refused`. */
export class ScripError extends Error {
  /** Code of the first fault, such as UNAUTHENTICATED, FORBIDDEN or NO_ANSWER. */
  readonly code: string;
  readonly status: number | undefined;
  readonly retryAfter: number | undefined;
  readonly requestId: string | undefined;
  readonly unknown: boolean;

  constructor(
    readonly faults: readonly [Fault, ...Fault[]],
    { status, retryAfter, requestId, unknown = false, cause }: Circumstances = {},
  ) {
    super(faults.map(({ code, message }) => `${code}: ${message}`).join("; "), { cause });
    this.name = "ScripError";
    this.code = faults[0].code;
    this.status = status;
    this.retryAfter = retryAfter;
    this.requestId = requestId;
    this.unknown = unknown;
  }
}

/** The `errors` of an answer's body, whatever it is. */
export function faultsOf(body: unknown): Fault[] {
  const errors = isObject(body) && Array.isArray(body["errors"]) ? body["errors"] : [];
  return errors.filter(isObject).map((error) => {
    const extensions = isObject(error["extensions"]) ? error["extensions"] : {};
    const path = Array.isArray(error["path"]) ? (error["path"] as (string | number)[]) : [];
    return { code: String(extensions["code"] ?? "UNKNOWN"), message: String(error["message"] ?? ""), path, extensions };
  });
}
