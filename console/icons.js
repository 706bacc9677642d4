// The drawings, as lines on a field of 24 by 24.
import { drawing } from "./dom.js";

const LINES = {
  customers: "M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2 21c0-4 3-6.5 7-6.5s7 2.5 7 6.5M16 3.5a4 4 0 0 1 0 7M18.5 15c2.2.8 3.5 2.9 3.5 6",
  approvals: "M3 13l3-9h12l3 9v7H3zM3 13h5l2 3h4l2-3h5",
  activity: "M12 7v5l3.5 2M3.5 12a8.5 8.5 0 1 0 2.6-6.1M3 3v4h4",
  liability: "M4 20V10M10 20V4M16 20v-8M3 20h18",
  import: "M12 3v12M7.5 10.5 12 15l4.5-4.5M4 17v4h16v-4",
  orders: "M6 3h12l1 18-3-2-4 2-4-2-3 2zM9 8h6M9 12h6",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 9a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM8 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 20 20",
  adjust: "M7 4v8M3 8h8M13 17h8M18 4 6 20",
  gift: "M4 11h16v10H4zM3 7h18v4H3zM12 7v14M12 7C9 7 7 6 7 4.5S9.5 2.500 12 7zM12 7c3 0 5-1 5-2.500S14.500 2.500 12 7z",
  close: "M6 6l12 12M18 6 6 18",
  more: "M4 7h16M4 12h16M4 17h16",
  arrow: "M4 12h15M13.500 6.500 19 12l-5.500 5.500",
  back: "M15 5l-7 7 7 7",
  check: "M5 12.500l4.500 4.500L19 7",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 21c0-4 3.200-6.500 7.500-6.500s7.500 2.500 7.500 6.500",
  plus: "M12 5v14M5 12h14",
  wallet: "M3 6h15v3M3 6v13h18V9H3M16 14h2",
  print: "M7 9V3h10v6M7 17H3V9h18v8h-4M7 14h10v7H7z",
  warning: "M12 4 2.500 20h19zM12 10v4M12 17v.5",
};

/** @param {keyof typeof LINES} name */
export function icon(name) {
  return drawing(LINES[name]);
}
