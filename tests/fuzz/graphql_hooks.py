"""What `make api-fuzz` expects of GraphQL's answers, and how its own scalars are made up."""

import graphql
import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes, scalar

CALLERS = {
    "CHANNEL_NOT_CONNECTED",
    "CONFLICT",
    "FORBIDDEN",
    "IDEMPOTENCY_IN_FLIGHT",
    "IDEMPOTENCY_KEY_REUSED",
    "NOT_FOUND",
    "NUMBER_NOT_ON_WHATSAPP",
    "PAYLOAD_TOO_LARGE",
    "PRECONDITION_FAILED",
    "VALIDATION_ERROR",
}

scalar("Long", st.integers(min_value=0, max_value=2**63 - 1).map(nodes.Int))


def free_fields(texts):
    """A JSON object, as it is written in a document."""
    field = lambda name, text: graphql.ObjectFieldNode(name=graphql.NameNode(value=name), value=nodes.String(text))
    return nodes.Object([field(name, text) for name, text in texts.items()])


scalar("JSON", st.dictionaries(st.from_regex(r"\A[a-z_][a-z0-9_]{0,9}\Z"), st.text(max_size=9), max_size=3).map(free_fields))
scalar("DateTime", st.datetimes().map(lambda time: nodes.String(time.isoformat() + "Z")))


@schemathesis.check
def answered_as_documented(ctx, response, case):
    """A result, or errors of the catalogue that are the caller's: what is made up may well be refused."""
    assert response.status_code in (200, 413), f"status {response.status_code}"
    answer = response.json()
    assert set(answer) <= {"data", "errors"} and answer, f"not a GraphQL answer: {sorted(answer)}"
    for error in answer.get("errors", []):
        code = error["extensions"]["code"]
        assert code in CALLERS, f"{code}: {error['message']}"
        assert error["message"]
    if "errors" not in answer:
        assert answer["data"] is not None
