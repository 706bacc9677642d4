// The currencies that money can be owed in, by their decimal places: those of ISO 4217 in use, as the API takes them. A test
// compares the two. Browsers go by other tables for some.

/** @type {Record<number, string>} */
const BY_PLACES = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
  2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG",
  3: "BHD IQD JOD KWD LYD OMR TND",
  4: "CLF UYW",
};

const PLACES = new Map(Object.entries(BY_PLACES).flatMap(([places, codes]) => codes.split(" ").map((code) => /** @type {const} */ ([code, Number(places)]))));

export const CURRENCIES = [...PLACES.keys()].sort();

/** The decimal places of a currency in use; undefined of one that was withdrawn. @param {string} code */
export function placesIn(code) {
  return PLACES.get(code);
}
