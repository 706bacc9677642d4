// Files of adjustments, with progress.

/** What the rows of a file take that do not say otherwise, and how it is read: docs/bulk.md describes each. */
export interface FileParameters {
  asset?: string;
  reason?: string;
  note?: string;
  reference?: string;
  services?: string;
  expiresInDays?: number;
  expiresAt?: string;
  effectiveOn?: string;
  mode?: "ADJUST" | "SET";
  errorPolicy?: "REJECT_ALL" | "SKIP_FAILED";
  dryRun?: boolean;
  allowDuplicateCustomers?: boolean;
  fileName?: string;
  encoding?: string;
  delimiter?: "comma" | "semicolon" | "tab" | "pipe";
  decimalMark?: "point" | "comma";
  thousandsMark?: "none" | "comma" | "point" | "space" | "apostrophe";
  sheet?: string;
}

/** A file that was taken in. report: path of each row's result. */
export interface Sent {
  done: true;
  operation: string;
  replayed: boolean;
  file: Readonly<Record<string, unknown>>;
  report: string;
}

/** How far a file is. */
export interface Progress {
  operation: string;
  status: "QUEUED" | "RUNNING" | "COMPLETED" | "FAILED" | "CANCELLED" | "%future added value";
  dryRun: boolean;
  total: number;
  processed: number;
  succeeded: number;
  failed: number;
}

export interface UploadOptions {
  /** Of this file: sent again with it, nothing is posted twice. */
  key: string;
  /** Called with the bytes sent, and their number in all. */
  onProgress?: (sent: number, total: number) => void;
  signal?: AbortSignal;
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  csv: "text/csv",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
};
const PIECE_BYTES = 64 * 1024;

/** The media type of a file, by its name's ending or its own type. Throws TypeError if it is neither CSV nor XLSX. */
export function mediaTypeOf(file: Blob, name: string): string {
  const known = MEDIA_TYPES[name.split(".").pop()?.toLowerCase() ?? ""];
  const type = known ?? Object.values(MEDIA_TYPES).find((each) => file.type.startsWith(each));
  if (!type) throw new TypeError(`${name} is neither .csv nor .xlsx.`);
  return type;
}

export function queryOf(parameters: FileParameters): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
}

/** Sends a file: by XMLHttpRequest where there is one, since fetch tells browsers no progress; else as a stream. */
export function sendFile(
  url: string,
  file: Blob,
  headers: Record<string, string>,
  { onProgress, signal }: UploadOptions,
  send: typeof fetch,
): Promise<Response> {
  if (!onProgress) return send(url, { method: "POST", headers, body: file, signal: signal ?? null });
  if (typeof XMLHttpRequest !== "undefined") return byRequest(url, file, headers, onProgress, signal);
  let sent = 0;
  const pieces = async function* () {
    for (let at = 0; at < file.size; at += PIECE_BYTES) {
      const piece = new Uint8Array(await file.slice(at, at + PIECE_BYTES).arrayBuffer());
      yield piece;
      sent += piece.length;
      onProgress(sent, file.size);
    }
  };
  const iterator = pieces();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  const options: RequestInit & { duplex: "half" } = { method: "POST", headers, body, duplex: "half", signal: signal ?? null };
  return send(url, options);
}

function byRequest(
  url: string,
  file: Blob,
  headers: Record<string, string>,
  onProgress: (sent: number, total: number) => void,
  signal?: AbortSignal,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const request = new XMLHttpRequest();
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => onProgress(loaded, total);
    request.onerror = () => reject(new TypeError("The file was not sent."));
    request.onabort = () => reject(signal?.reason ?? new TypeError("The file was not sent."));
    request.onload = () => {
      const told = new Headers();
      for (const name of ["retry-after", "x-request-id", "content-type"]) {
        const value = request.getResponseHeader(name);
        if (value !== null) told.set(name, value);
      }
      resolve(new Response(request.responseText, { status: request.status, headers: told }));
    };
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}
