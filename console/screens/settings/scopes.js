// The scopes that a partner's token can have, as docs/partner-tokens.md lists them; a test compares them with the API's.

export const PARTNER_SCOPES = [
  "customers:read",
  "customers:write",
  "ledger:read",
  "credits:add",
  "credits:remove",
  "credits:bulk",
  "credits:assign",
  "credits:spend",
  "credits:refund",
  "invoices:read",
  "invoices:write",
  "payments:write",
  "rewards:read",
  "rewards:give",
  "reports:read",
  "events:read"
];
