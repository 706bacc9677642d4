/** A figure with its unit, as the fields `…Money` have it. */
export interface Money {
  /** Exact, such as "25.00": read it with a decimal library, never with `Number`. */
  amount: string;
  /** An ISO 4217 code, SERVICE_CREDITS or POINTS. */
  asset: string;
}

/** It as people of a locale read it: "£25.00", "25,00 €"; points and service credits as plain numbers. */
export function formatMoney({ amount, asset }: Money, locale?: string | string[]): string {
  const places = amount.split(".")[1]?.length ?? 0;
  const digits = { minimumFractionDigits: places, maximumFractionDigits: places };
  const currency = /^[A-Z]{3}$/.test(asset) ? ({ style: "currency", currency: asset } as const) : {};
  return new Intl.NumberFormat(locale, { ...currency, ...digits }).format(amount as `${number}`);
}
