// The npm package graphql-ws, unmodified, against a server: a query, an error, and a subscription that is broken off again
// and again while thousands of events happen, of which none may be missing and none come twice.
//
// URL, KEY: the server. AFTER, UNTIL: the positions between which everything is expected. MUTATION: what makes a customer.
import assert from "node:assert/strict";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const { URL: url, KEY: key, AFTER, UNTIL, MUTATION } = process.env;
const open = (options = {}) =>
  createClient({
    url: `${url.replace("http", "ws")}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Bearer ${key}` },
    retryAttempts: 0,
    ...options,
  });
const one = async (client, query, variables) => {
  for await (const result of client.iterate({ query, variables })) return result;
};

const client = open();
assert.equal((await one(client, "{ workspace { slug } }")).data.workspace.slug, "default");
await assert.rejects(one(client, "{ nothing }"), ([error]) => error.extensions.code === "VALIDATION_ERROR");
const beyond = one(client, "subscription { events(since: 1000000000) { position } }");
await assert.rejects(beyond, ([error]) => error.extensions.code === "VALIDATION_ERROR");
const changed = { customer: { email: "client@example.com", version: 1 } };
for (const _ of [1, 2]) assert.deepEqual((await one(client, MUTATION)).data.createCustomer, changed);
await client.dispose();

const stranger = open({ connectionParams: { apikey: "wrong" } });
await assert.rejects(one(stranger, "{ workspace { slug } }"), (closed) => closed.code === 4401);

let [last, breaks] = [Number(AFTER), 0];
while (last < Number(UNTIL)) {
  const listening = open();
  const query = "subscription ($since: Long) { events(since: $since) { position } }";
  let left = 100 + breaks * 37;
  for await (const { data } of listening.iterate({ query, variables: { since: last } })) {
    assert.equal(data.events.position, last + 1, `after ${breaks} breaks`);
    last = data.events.position;
    if (--left === 0 || last === Number(UNTIL)) break;
  }
  // Without a word, in the middle of what is on its way.
  listening.terminate();
  await listening.dispose();
  breaks += 1;
}
assert.ok(breaks > 5);
console.log(`graphql-ws: ${Number(UNTIL) - Number(AFTER)} events over ${breaks} connections, none missing and none twice`);
process.exit(0);
