// The key is typed into the tab "Headers". It stays in the page: headers are not stored, and nothing is asked of another
// server.
const url = new URL("graphql", location.href);
const socket = new URL(url);
socket.protocol = url.protocol.replace("http", "ws");

const isSubscription = (params, document) =>
  document?.definitions.some(
    (one) =>
      one.kind === "OperationDefinition" &&
      one.operation === "subscription" &&
      (!params.operationName || one.name?.value === params.operationName),
  );

// A subscription goes on until it is stopped; when the socket is closed, the page says with which code.
async function* subscribe(params, headers) {
  const client = graphqlWs.createClient({ url: socket.href, connectionParams: headers, retryAttempts: 0 });
  try {
    yield* client.iterate(params);
  } catch (closed) {
    if (!closed.code) throw closed;
    throw new Error(`The server closed the socket: ${closed.code} ${closed.reason}`);
  } finally {
    client.dispose();
  }
}

async function ask(params, headers) {
  const accept = "application/graphql-response+json, application/json";
  const body = JSON.stringify(params);
  const answer = await fetch(url, {
    method: "POST",
    headers: { accept, "content-type": "application/json", ...headers },
    body,
  });
  return answer.json();
}

const fetcher = (params, { headers, documentAST } = {}) =>
  isSubscription(params, documentAST) ? subscribe(params, headers) : ask(params, headers);

const greeting = `# Write your key into the tab "Headers" below, and press the button to ask.
#
# { "Authorization": "Bearer <key>" }

{
  workspace { name }
  chats(first: 5) { nodes { id status customer { name } } }
}
`;

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultQuery: greeting,
    defaultHeaders: '{ "Authorization": "Bearer " }',
    defaultEditorToolsVisibility: "headers",
    shouldPersistHeaders: false,
  }),
);
