// The console's operations by name, with the types that are generated of its documents.
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";

type Generated = typeof import("./build/console/graphql.js");

export type Operations = {
  [K in keyof Generated as K extends `${infer Name}Document` ? Name : never]: Generated[K] extends TypedDocumentNode<
    infer Data,
    infer Variables
  >
    ? { data: Data; variables: Variables }
    : never;
};
