// Runs the examples of the page against the API beside it, as the role that is chosen, and shows what came back.
"use strict";

const tokenOf = (role) => document.querySelector(`[data-token-of="${role}"]`).textContent.trim();
const chosenRole = () => document.querySelector('input[name="role"]:checked').value;

async function ask(token, query, variables) {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  return { status: response.status, body: await response.json() };
}

function parseVariables(text) {
  const variables = JSON.parse(text.trim() || "{}");
  if (variables === null || typeof variables !== "object" || Array.isArray(variables)) {
    throw new SyntaxError("they must be an object: { … }");
  }
  return variables;
}

function say(example, text, bad = false) {
  const status = example.querySelector(".status");
  status.textContent = text;
  status.classList.toggle("bad", bad);
}

function codesOf(body) {
  const payloads = Object.values(body.data ?? {}).filter((value) => value !== null && typeof value === "object");
  return [
    ...(body.errors ?? []).map((error) => error.extensions?.code ?? "error"),
    ...payloads.flatMap((payload) => (payload.userErrors ?? []).map((error) => error.code)),
  ];
}

async function run(example) {
  const field = example.querySelector("textarea");
  let variables;
  try {
    variables = parseVariables(field.value);
  } catch (error) {
    say(example, `The variables are not JSON: ${error.message}`, true);
    field.focus();
    return;
  }
  const button = example.querySelector('button[type="submit"]');
  const role = chosenRole();
  button.disabled = true;
  say(example, "Running…");
  const began = performance.now();
  try {
    const { status, body } = await ask(tokenOf(role), example.querySelector(".query").textContent, variables);
    const codes = codesOf(body);
    const outcome = codes.length ? codes.join(", ") : "done";
    const took = Math.round(performance.now() - began);
    say(example, `${status} as ${role}: ${outcome} (${took} ms)`, codes.length > 0);
    example.querySelector(".answer").hidden = false;
    example.querySelector(".answer pre").textContent = JSON.stringify(body, null, 2);
  } catch (error) {
    say(example, `No answer: ${error.message}. Is Scrip still running?`, true);
  } finally {
    button.disabled = false;
  }
  if (example.dataset.changes) await showBalances();
}

function renew(example) {
  const field = example.querySelector("textarea");
  let variables;
  try {
    variables = parseVariables(field.value);
  } catch (error) {
    say(example, `The variables are not JSON: ${error.message}`, true);
    return;
  }
  const id = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (variables.input) {
    variables.input.idempotencyKey = `page-${id}`;
    if (String(variables.input.number ?? "").startsWith("PAGE-")) variables.input.number = `PAGE-${id.slice(-8)}`;
  }
  field.value = JSON.stringify(variables, null, 2);
  say(example, "With a new key it is a new request.");
}

async function showBalances() {
  const output = document.getElementById("balances-now");
  const query = "query ($id: ID!) { balances(customerId: $id) { asset available } }";
  try {
    const { body } = await ask(tokenOf("admin"), query, { id: output.dataset.customer });
    output.textContent = body.data.balances.map(({ asset, available }) => `${available} ${asset}`).join("  ·  ");
  } catch {
    output.textContent = "no answer";
  }
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(tokenOf(button.dataset.copy));
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed: copy it from below";
    button.closest("li").querySelector("details").open = true;
  }
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  run(event.target.closest(".example"));
});
document.addEventListener("click", (event) => {
  if (event.target.matches("[data-renew]")) renew(event.target.closest(".example"));
  if (event.target.matches("[data-copy]")) copy(event.target);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches(".example textarea")) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});
if (document.getElementById("balances-now")) showBalances();
