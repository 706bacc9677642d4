// Apollo Client's cache for Scrip: lists that grow page by page, and what a write makes of them.
import { type Reference, type FieldFunctionOptions, InMemoryCache, type TypePolicies } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";

/** Arguments of paging; each other argument makes a list of its own. */
const PAGING = new Set(["first", "last", "after", "before"]);

const pages = () =>
  relayStylePagination((args) =>
    Object.keys(args ?? {})
      .filter((name) => !PAGING.has(name))
      .sort(),
  );

/** An object that was seen in a list is found by its id, and not asked for again. */
const byId =
  (typename: string) =>
  (existing: Reference | undefined, { args, toReference }: FieldFunctionOptions) =>
    existing ?? (args?.["by"]?.id ? toReference({ __typename: typename, id: args["by"].id }) : undefined);

export const typePolicies: TypePolicies = {
  Query: {
    fields: {
      customers: pages(),
      invoices: pages(),
      orders: pages(),
      credits: pages(),
      ledger: pages(),
      rewards: pages(),
      auditTrail: pages(),
      approvalRequests: pages(),
      customer: { read: byId("Customer") },
    },
  },
  Customer: { fields: { ledger: pages(), invoices: pages(), coupons: pages() } },
  Account: { fields: { ledger: pages(), credits: pages() } },
  BulkOperation: { fields: { rows: pages() } },
};

export function newCache(): InMemoryCache {
  return new InMemoryCache({ typePolicies });
}

/**
 * What a write has made old: lists, which it may have added to. Accounts, credits and invoices that its payload brings are
 * taken up by themselves. Pass it as `update` of a mutation.
 */
export function afterWrite(cache: { evict(options: { id?: string; fieldName: string }): boolean; gc(): string[] }): void {
  for (const fieldName of ["ledger", "credits", "invoices", "orders", "auditTrail"]) {
    cache.evict({ id: "ROOT_QUERY", fieldName });
  }
  cache.gc();
}
