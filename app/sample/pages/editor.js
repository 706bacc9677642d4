// GraphiQL beside the API: who asks is chosen above it, what there is to try in its panel at the left.
"use strict";

(() => {
  const NEEDED = { React: "react", ReactDOM: "react-dom", GraphiQL: "graphiql", graphqlWs: "graphql-ws" };
  const NOBODY = "no token";
  const FIRST = `# Who asks is chosen above. Examples are in the panel at the left.
# Run with Ctrl-Enter; Ctrl-Space completes what you type.
query {
  viewer {
    subject role
    tenant { name }
  }
}
`;
  const says = document.getElementById("says");
  const say = (text, wrong = false) => {
    says.textContent = text;
    says.classList.toggle("wrong", wrong);
  };

  const missing = Object.keys(NEEDED).filter((name) => !(name in window));
  if (missing.length) {
    const files = missing.map((name) => NEEDED[name]).join(", ");
    say(`The editor cannot start: ${files} did not load. The browser's console says why; the API works without it.`, true);
    return;
  }

  const { createElement: h, useMemo, useState } = React;
  const tokens = new Map();
  let chosen = NOBODY;

  /** Tokens and examples for this page; nothing where it is nobody's sample. */
  async function offered() {
    const response = await fetch(document.body.dataset.offers, { headers: { accept: "application/json" } });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return response.json();
  }

  function showRoles(offers) {
    if (!offers.length) return;
    const select = document.createElement("select");
    for (const { role, may, token } of offers) {
      tokens.set(role, token);
      select.append(Object.assign(document.createElement("option"), { textContent: role, value: role, title: may }));
    }
    select.append(Object.assign(document.createElement("option"), { textContent: NOBODY, value: NOBODY }));
    const label = Object.assign(document.createElement("label"), { textContent: "Ask as " });
    label.append(select);
    document.getElementById("roles").append(label);
    const choose = () => {
      chosen = select.value;
      say(offers.find(({ role }) => role === chosen)?.may ?? "Without a token, the schema alone can be read.");
    };
    select.addEventListener("change", choose);
    choose();
  }

  /** The header fields of a request: those of the headers editor go before the chosen token. */
  function headersOf(options) {
    const given = options?.headers ?? {};
    const named = Object.keys(given).some((name) => name.toLowerCase() === "authorization");
    const token = tokens.get(chosen);
    return named || !token ? given : { ...given, authorization: `Bearer ${token}` };
  }

  const authorizationOf = (headers) =>
    Object.entries(headers).find(([name]) => name.toLowerCase() === "authorization")?.[1];

  /** Subscriptions run over a WebSocket, whose token comes in its first message. */
  let sockets = { of: null, client: null };
  function socketsFor(authorization) {
    if (sockets.of !== authorization || !sockets.client) {
      sockets.client?.dispose();
      const url = `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${location.pathname}`;
      const connectionParams = authorization ? { Authorization: authorization } : {};
      sockets = { of: authorization, client: graphqlWs.createClient({ url, connectionParams, retryAttempts: 0 }) };
    }
    return sockets.client;
  }

  async function send(input, init) {
    let response;
    try {
      response = await fetch(input, init);
    } catch (error) {
      say(`The server does not answer: ${error.message}. Is Scrip still running?`, true);
      throw error;
    }
    const used = new Headers(init.headers).get("authorization");
    if (response.status === 401 && used && used === `Bearer ${tokens.get(chosen)}`) {
      say("This page's tokens are no longer good. Load it again for new ones.", true);
    } else if (says.classList.contains("wrong")) {
      say("");
    }
    return response;
  }

  /** The document as it is sent: the editor's own is a moment old. It tells subscriptions from others. */
  function parsed(query) {
    try {
      return GraphiQL.GraphQL.parse(query);
    } catch {
      return undefined; // the server says what is wrong
    }
  }

  /** The editor's own name of what to run is as old: one that the document does not have is left out. */
  function current(params, documentAST) {
    const known = documentAST?.definitions.some(({ kind, name }) => kind === "OperationDefinition" && name?.value === params.operationName);
    return documentAST && !known ? { ...params, operationName: undefined } : params;
  }

  function fetcher(params, options) {
    const headers = headersOf(options);
    const wsClient = socketsFor(authorizationOf(headers));
    const documentAST = parsed(params.query);
    const fetcherOf = GraphiQL.createFetcher({ url: location.pathname, fetch: send, wsClient, headers });
    return fetcherOf(current(params, documentAST), { ...options, documentAST, headers });
  }

  /** A tab is called by its operation's name. */
  function named(query, name) {
    const words = name.split(/\W+/).map((word) => word.charAt(0).toUpperCase() + word.slice(1));
    return query.replace(/^(query|mutation) (?=[({])/, `$1 ${words.join("")}`);
  }

  function examplesPlugin(examples) {
    const groups = Map.groupBy ? Map.groupBy(examples, ({ group }) => group) : grouped(examples);
    function Examples() {
      const editor = GraphiQL.React.useEditorContext({ nonNull: true });
      const show = ({ name, query, variables }) => {
        editor.addTab();
        setTimeout(() => {
          editor.queryEditor?.setValue(named(query, name));
          editor.variableEditor?.setValue(JSON.stringify(variables, null, 2));
        }, 0);
      };
      const item = (example) =>
        h("li", { key: example.name }, h("button", { type: "button", onClick: () => show(example) },
          h("code", null, example.name), h("small", null, example.hint)));
      const list = ([group, of]) => h("section", { key: group }, h("h3", null, group), h("ul", null, of.map(item)));
      return h("div", { className: "offers" },
        h("div", { className: "graphiql-doc-explorer-title" }, "Examples"),
        h("p", null, "Each opens in a tab of its own. Who asks is chosen above."),
        [...groups].map(list));
    }
    const icon = () => h("svg", { viewBox: "0 0 20 20", fill: "none", stroke: "currentColor", strokeWidth: 1.5 },
      h("path", { d: "M3 5h2M3 10h2M3 15h2M8 5h9M8 10h9M8 15h9" }));
    return { title: "Examples", icon, content: Examples };
  }

  function grouped(examples) {
    const groups = new Map();
    for (const example of examples) groups.set(example.group, [...(groups.get(example.group) ?? []), example]);
    return groups;
  }

  function Editor({ examples }) {
    const [query, setQuery] = useState(undefined);
    const explorer = GraphiQLPluginExplorer.useExplorerPlugin({ query, onEdit: setQuery });
    // The same list each time: with another one, GraphiQL would show the first panel again.
    const plugins = useMemo(() => (examples ? [examples, explorer] : [explorer]), [examples, explorer]);
    return h(GraphiQL, {
      fetcher,
      query,
      onEditQuery: setQuery,
      defaultQuery: FIRST,
      defaultEditorToolsVisibility: true,
      plugins,
      visiblePlugin: examples ?? undefined,
      // The history keeps headers, of which a token may be one: no longer than the tab.
      storage: window.sessionStorage,
      shouldPersistHeaders: true,
    });
  }

  async function start() {
    let offers = { tokens: [], examples: [] };
    let wrong = null;
    try {
      offers = await offered();
    } catch (error) {
      wrong = `There are no examples and no tokens: ${error.message}.`;
    }
    say("Type a token into the headers: {\"authorization\": \"Bearer …\"}");
    showRoles(offers.tokens);
    if (wrong) say(wrong, true);
    const examples = offers.examples.length ? examplesPlugin(offers.examples) : null;
    const root = document.getElementById("editor");
    root.textContent = "";
    ReactDOM.render(h(Editor, { examples }), root);
  }

  start().catch((error) => say(`The editor cannot start: ${error.message}.`, true));
})();
