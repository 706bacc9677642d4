// What a role may, as docs/who-may.md has it: to show no button that the API would refuse. The API decides; a test
// compares the two.

/** @typedef {keyof typeof RIGHTS} Right */

/** The roles that have a right, and the scopes of which a narrowed token needs one. */
export const RIGHTS = {
  "READ_CUSTOMERS": [["staff", "manager", "admin", "partner"], ["customers:read"]],
  "READ_LEDGER": [["staff", "manager", "admin", "partner"], ["ledger:read"]],
  "READ_INVOICES": [["staff", "manager", "admin", "partner"], ["invoices:read"]],
  "READ_REWARDS": [["staff", "manager", "admin", "partner"], ["rewards:read"]],
  "READ_REPORTS": [["staff", "manager", "admin", "partner"], ["reports:read"]],
  "READ_AUDIT": [["manager", "admin", "partner"], ["reports:read"]],
  "READ_CONFIG": [["manager", "admin"], ["config:write"]],
  "WRITE_CONFIG": [["admin"], ["config:write"]],
  "WRITE_TOKENS": [["admin"], ["tokens:write"]],
  "WRITE_WEBHOOKS": [["admin"], ["webhooks:write"]],
  "ADD_CREDIT": [["staff", "manager", "admin", "partner"], ["credits:add"]],
  "REMOVE_CREDIT": [["manager", "admin", "partner"], ["credits:remove"]],
  "VOID": [["manager", "admin", "partner"], ["credits:remove"]],
  "RELEASE": [["manager", "admin", "partner"], ["credits:remove"]],
  "ASSIGN": [["staff", "manager", "admin", "partner"], ["credits:assign"]],
  "BULK": [["manager", "admin", "partner"], ["credits:bulk"]],
  "REVERSE_BULK": [["manager", "admin", "partner"], ["credits:bulk"]],
  "GIVE_REWARD": [["staff", "manager", "admin", "partner"], ["rewards:give"]],
  "GIVE_REWARD_FREE": [["staff", "manager", "admin", "partner"], ["rewards:give"]],
  "DISABLE_COUPON": [["manager", "admin", "partner"], ["rewards:give"]],
  "SPEND_CREDIT": [["staff", "manager", "admin", "partner"], ["credits:spend"]],
  "REFUND_SPEND": [["staff", "manager", "admin", "partner"], ["credits:refund"]],
  "KEEP_EXCESS": [["staff", "manager", "admin", "partner"], ["credits:refund"]],
  "CREATE_CREDIT_NOTE": [["staff", "manager", "admin", "partner"], ["credits:refund"]],
  "VOID_CREDIT_NOTE": [["manager", "admin", "partner"], ["credits:refund"]],
  "TRANSFER": [["manager", "admin"], ["credits:remove"]],
  "REVIVE": [["manager", "admin"], ["credits:add"]],
  "PAY_WITH_CREDIT": [["staff", "manager", "admin", "partner"], ["credits:spend"]],
  "WRITE_CUSTOMERS": [["staff", "manager", "admin", "partner"], ["customers:write"]],
  "WRITE_INVOICES": [["staff", "manager", "admin", "partner"], ["invoices:write"]],
  "WRITE_PAYMENTS": [["staff", "manager", "admin", "partner"], ["payments:write"]],
  "VOID_INVOICE": [["manager", "admin", "partner"], ["invoices:write"]],
  "VOID_PAYMENT": [["manager", "admin", "partner"], ["payments:write"]],
  "APPROVE": [["manager", "admin"], ["credits:add", "credits:remove", "rewards:give", "invoices:write", "credits:refund"]]
};

/**
 * Whether the holder of a token has a right, beyond what is their own.
 * @param {{role: string, scopes: readonly string[]}} viewer
 * @param {Right} right
 */
export function has(viewer, right) {
  const [roles, scopes] = RIGHTS[right];
  return Boolean(roles?.includes(viewer.role.toLowerCase()) && scopes?.some((scope) => viewer.scopes.includes(scope)));
}
