export {
  type Answer,
  type Asked,
  type Connection,
  type Did,
  type Done,
  type FileError,
  newKey,
  type Refused,
  Scrip,
  type ScripOptions,
} from "./client.js";
export type { Root, TypedDocument } from "./documents.js";
export { type Fault, NO_ANSWER, ScripError } from "./errors.js";
export { formatMoney, type Money } from "./money.js";
export { type Retries } from "./retrying.js";
export type { FileParameters, Progress, Sent, UploadOptions } from "./uploading.js";
