/** A document of whatever types. */
export interface AnyDocument {
  toString(): string;
  readonly __meta__?: Readonly<Record<string, unknown>> | undefined;
}

/** A document with the types of what it takes and answers, as GraphQL Code Generator writes it (documentMode: "string"). */
export interface TypedDocument<Data, Variables> extends AnyDocument {
  readonly __apiType?: (variables: Variables) => Data;
}

/** The value of a document's single root field. */
export type Root<Data> = NonNullable<Data[Exclude<keyof Data, "__typename">]>;

/** The body of a request. trusted: whether the document is named by its hash instead of sent. */
export function bodyOf(document: AnyDocument, variables: unknown, trusted: boolean): string {
  const hash = document.__meta__?.["hash"];
  if (trusted && typeof hash !== "string") throw new TypeError("This document was generated without its hash.");
  const text = document.toString();
  if (text.startsWith("[object")) throw new TypeError('Generate documents with documentMode: "string".');
  return JSON.stringify({ ...(trusted ? { documentId: hash } : { query: text }), variables });
}

/** The value of the first root field. */
export function rootOf(data: Record<string, unknown>): unknown {
  return Object.entries(data).find(([name]) => name !== "__typename")?.[1];
}

/** Whether each object in the variables has an idempotency key, and there is one. */
export function hasKey(variables: unknown): boolean {
  const inputs = Object.values((variables ?? {}) as Record<string, unknown>).filter((value) => isObject(value));
  return inputs.length > 0 && inputs.every((value) => Boolean(value["idempotencyKey"]));
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
