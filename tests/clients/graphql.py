"""The Python package gql, unmodified, against a server: a query, an error, and a subscription that is broken off again and
again while thousands of events happen, of which none may be missing and none come twice.

URL, KEY: the server. AFTER, UNTIL: the positions between which everything is expected. MUTATION: what makes a customer.
"""

import asyncio
import os

from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportClosed, TransportQueryError
from gql.transport.websockets import WebsocketsTransport
from websockets.exceptions import ConnectionClosed

URL, KEY, MUTATION = os.environ["URL"], os.environ["KEY"], os.environ["MUTATION"]
AFTER, UNTIL = int(os.environ["AFTER"]), int(os.environ["UNTIL"])
BEARER = {"Authorization": f"Bearer {KEY}"}


def socket(**options):
    options = {"init_payload": BEARER, **options}
    return WebsocketsTransport(
        url=URL.replace("http", "ws") + "/graphql", subprotocols=["graphql-transport-ws"], **options
    )


async def refused(session, query):
    try:
        await session.execute(gql(query))
    except TransportQueryError as error:
        return error.errors[0]["extensions"]["code"]
    raise AssertionError("it was answered")


async def ask(transport):
    async with Client(transport=transport) as session:
        assert (await session.execute(gql("{ workspace { slug } }")))["workspace"]["slug"] == "default"
        assert await refused(session, "{ nothing }") == "VALIDATION_ERROR"
        changed = (await session.execute(gql(MUTATION)))["createCustomer"]["customer"]
        assert changed == {"email": "client@example.com", "version": 1}, changed


async def follow():
    last, breaks = AFTER, 0
    while last < UNTIL:
        left = 100 + breaks * 37
        async with Client(transport=socket()) as session:
            query = gql("subscription ($since: Long) { events(since: $since) { position } }")
            query.variable_values = {"since": last}
            async for result in session.subscribe(query):
                position = result["events"]["position"]
                assert position == last + 1, f"{position} after {last}, after {breaks} breaks"
                last, left = position, left - 1
                if left == 0 or last == UNTIL:
                    break
        breaks += 1
    assert breaks > 5
    print(f"gql: {UNTIL - AFTER} events over {breaks} connections, none missing and none twice")


async def main():
    await ask(AIOHTTPTransport(url=URL + "/graphql", headers=BEARER))
    await ask(socket())
    # As the schema says it is: what is asked is checked before it is sent.
    async with Client(transport=AIOHTTPTransport(url=URL + "/graphql", headers=BEARER), fetch_schema_from_transport=True) as session:
        assert "Subscription" in session.client.schema.type_map
    try:
        await ask(socket(init_payload={"apikey": "wrong"}))
        raise AssertionError("a wrong key was let in")
    except (ConnectionClosed, TransportClosed, Exception) as closed:
        assert "4401" in repr(closed) or "4401" in repr(closed.__cause__), repr(closed)
    await follow()


asyncio.run(main())
