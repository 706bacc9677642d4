// Tokens for partners' programs: given, shown this once, replaced and taken back.
import { ask } from "../../api.js";
import { h, put } from "../../dom.js";
import { select } from "../../parts/fields.js";
import { openForm } from "../../parts/form.js";
import { paged, pageFrom } from "../../parts/pages.js";
import { maybeDone, showSecret } from "../../parts/secret.js";
import { badge, empty, nameOf, region } from "../../parts/states.js";
import { may, viewer } from "../../session.js";
import { ago, assetName, day, daysAfter, dayEnds, daysLeft, lastDay, t, tOr, today } from "../../text.js";
import { ANY_MONEY, overlapField } from "./lines.js";
import { PARTNER_SCOPES } from "./scopes.js";

/** @typedef {NonNullable<import("../../api.js").Data<"PartnerTokens">["partnerTokens"]>["edges"][number]["node"]} Token */
/** @typedef {import("../../parts/form.js").Wanted} Wanted */

const SOON_DAYS = 30;

export function tokensTab() {
  const which = select([{ value: "true", label: t("tokens.active") }, { value: "false", label: t("tokens.ended") }], "true", { "aria-label": t("history.of"), "data-key": "which" });
  const list = h("div");
  const show = () => put(list, region(() => pageOf(which.value === "true", null), (first) => shown(first, which.value === "true"), 5));
  which.addEventListener("change", show);
  show();
  return h(
    "section",
    { class: "card" },
    h(
      "header",
      { class: "card-head" },
      h("h2", null, t("settings.tokens")),
      h("span", { class: "actions" }, which, may("WRITE_TOKENS") && h("button", { type: "button", class: "small", "data-key": "new-token", onclick: issue }, t("token.new"))),
    ),
    h("p", { class: "hint" }, t("tokens.hint")),
    list,
  );
}

/** @param {boolean} active @param {string | null} after */
async function pageOf(active, after) {
  return pageFrom((await ask("PartnerTokens", { active, after })).partnerTokens);
}

/** @param {Awaited<ReturnType<typeof pageOf>>} first @param {boolean} active */
function shown(first, active) {
  if (first.rows.length === 0) return empty(t(active ? "tokens.none" : "tokens.ended.none"), active ? t("tokens.none.advice") : "");
  return paged(h("ul", { class: "assigned" }), first, tokenLine, (after) => pageOf(active, after));
}

/** @param {Token} token */
function tokenLine(token) {
  const { client, name, scopes, createdAt, createdBy, lastUsedAt, lastUsedAddress } = token;
  const used = lastUsedAt === null ? t("token.unused") : t(lastUsedAddress === null ? "token.used" : "token.used.from", { when: ago(lastUsedAt), address: lastUsedAddress ?? "" });
  const called = `${client}, ${name}`;
  return h(
    "li",
    { class: "token" },
    h(
      "div",
      null,
      h("strong", null, client),
      ` ${name} `,
      stateOf(token),
      h("small", null, scopes.map(scopeName).join(", ")),
      h("small", null, [used, t("token.made", { day: day(createdAt), name: nameOf(createdBy) })].join(" · ")),
    ),
    token.active &&
      may("WRITE_TOKENS") &&
      h(
        "span",
        { class: "actions" },
        h("button", { type: "button", class: "small", "data-key": `rotate-${token.id}`, "aria-label": `${t("token.rotate")}: ${called}`, onclick: () => rotate(token) }, t("token.rotate")),
        h("button", { type: "button", class: "small bad", "data-key": `revoke-${token.id}`, "aria-label": `${t("token.revoke")}: ${called}`, onclick: () => revoke(token) }, t("token.revoke")),
      ),
  );
}

/** @param {Token} token */
function stateOf({ active, expiresAt, revokedAt, revokedBy }) {
  if (revokedAt !== null) return badge(t("token.revoked", { day: day(revokedAt), name: revokedBy ? nameOf(revokedBy) : "" }), "bad");
  if (expiresAt === null) return badge(t("token.lasting"));
  if (!active) return badge(t("token.expired", { day: lastDay(expiresAt) }));
  return badge(t("until", { day: lastDay(expiresAt) }), daysLeft(expiresAt) < SOON_DAYS ? "warn" : "plain");
}

/** @param {string} scope */
function scopeName(scope) {
  return tOr(`scope.${scope}`, scope);
}

function issue() {
  const scopes = PARTNER_SCOPES.filter((scope) => viewer.value?.scopes.includes(scope));
  const assets = ["", "SERVICE_CREDITS", "POINTS"].map((value) => ({ value, label: value === "" ? t("limits.money.each") : assetName(value) }));
  const asset = (/** @type {import("../../parts/form.js").Filled} */ filled) => String(filled.asset) || ANY_MONEY;
  /** @type {Wanted[]} */
  const limits = [
    { name: "asset", label: t("token.limit"), kind: "choice", value: "", options: assets, hint: t("token.limit.hint") },
    { name: "perAdjustment", label: t("limits.once.label"), kind: "amount", asset },
    { name: "perActorDay", label: t("token.limit.day"), kind: "amount", asset },
  ];
  /** @type {Wanted[]} */
  const wanted = [
    { name: "client", label: t("token.client"), required: true, hint: t("token.client.hint") },
    { name: "name", label: t("token.name"), required: true, hint: t("token.name.hint") },
    { name: "scopes", label: t("token.scopes"), kind: "ticks", required: true, options: scopes.map((value) => ({ value, label: scopeName(value) })) },
    ...(may("WRITE_CONFIG") ? limits : []),
    { name: "expires", label: t("token.expires"), kind: "day", min: daysAfter(today(), 1), value: daysAfter(today(), 365), hint: t("token.expires.hint") },
  ];
  /** @type {string | null | undefined} */
  let secret;
  const send = async (/** @type {import("../../parts/form.js").Filled} */ filled) => {
    const text = (/** @type {string} */ name) => (filled[name] === null || filled[name] === undefined ? null : String(filled[name]));
    const limit = { asset: text("asset") || null, perAdjustment: text("perAdjustment"), perActorDay: text("perActorDay") };
    const input = {
      client: String(filled.client),
      name: String(filled.name),
      scopes: Array.isArray(filled.scopes) ? [...filled.scopes] : [],
      limits: limit.perAdjustment === null && limit.perActorDay === null ? null : [limit],
      expiresAt: typeof filled.expires === "string" ? dayEnds(filled.expires) : null,
    };
    const { issueToken } = await maybeDone(() => ask("IssueToken", { input }), "token.lost");
    secret = issueToken?.secret;
    return issueToken?.userErrors ?? [];
  };
  openForm(t("token.new"), wanted, send, { submit: t("token.make"), done: () => secret && showSecret(t("token.new"), secret, t("token.advice")) });
}

/** @param {Token} token */
function rotate(token) {
  const called = t("token.rotate.title", { name: `${token.client}, ${token.name}` });
  /** @type {string | null | undefined} */
  let secret;
  const send = async (/** @type {import("../../parts/form.js").Filled} */ { overlap }) => {
    const { rotateToken } = await maybeDone(() => ask("RotateToken", { input: { tokenId: token.id, overlapMinutes: Number(overlap) } }), "token.lost");
    secret = rotateToken?.secret;
    return rotateToken?.userErrors ?? [];
  };
  openForm(called, [overlapField()], send, { intro: t("token.rotate.what"), submit: t("token.rotate"), done: () => secret && showSecret(called, secret, t("token.advice")) });
}

/** @param {Token} token */
function revoke(token) {
  const send = async () => (await ask("RevokeToken", { input: { tokenId: token.id } })).revokeToken?.userErrors ?? [];
  openForm(t("token.revoke.title", { name: `${token.client}, ${token.name}` }), [], send, { intro: t("token.revoke.what"), submit: t("token.revoke"), bad: true });
}
