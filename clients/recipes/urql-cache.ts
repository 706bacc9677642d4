// urql's normalised cache for Scrip: lists that grow page by page, and what a write makes of them.
import { type Cache, cacheExchange, type CacheExchangeOpts, type KeyingConfig } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";

/** Whatever has an id is known by it; anything else stands where it was asked for. */
const keys = new Proxy<KeyingConfig>({}, { get: () => (data: { id?: unknown }) => (data.id as string | undefined) ?? null });

const LISTS = ["customers", "invoices", "orders", "credits", "ledger", "rewards", "auditTrail", "approvalRequests"];

/** What a write has made old: lists, which it may have added to. */
function afterWrite(cache: Cache): void {
  for (const { fieldName, arguments: given } of cache.inspectFields("Query")) {
    if (["ledger", "credits", "invoices", "orders", "auditTrail"].includes(fieldName)) {
      cache.invalidate("Query", fieldName, given ?? undefined);
    }
  }
}

/** Mutations of the app. Each that adds to a list is named here. */
const WRITES = ["adjustCredit", "spendCredit", "refundSpend", "createInvoice", "createOrder", "recordPayment", "giveReward"];

export const cacheOptions: CacheExchangeOpts = {
  keys,
  resolvers: {
    Query: {
      ...Object.fromEntries(LISTS.map((name) => [name, relayPagination()])),
      // An object that was seen in a list is found by its id, and not asked for again.
      customer: (_, args, cache) => {
        const id = (args["by"] as { id?: string } | undefined)?.id;
        return id ? { __typename: "Customer", id } : cache.resolve("Query", "customer", args);
      },
    },
    Customer: { ledger: relayPagination(), invoices: relayPagination(), coupons: relayPagination() },
    Account: { ledger: relayPagination(), credits: relayPagination() },
  },
  updates: {
    Mutation: Object.fromEntries(WRITES.map((name) => [name, (_result: unknown, _args: unknown, cache: Cache) => afterWrite(cache)])),
  },
};

export const newCacheExchange = () => cacheExchange(cacheOptions);
