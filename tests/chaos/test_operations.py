"""Operations that fit the schema and make no sense, by schemathesis: a coded refusal each."""

import json
import random
import re
from itertools import chain
from typing import Any, cast

import httpx
import schemathesis
from graphql import NameNode, NullValueNode, ObjectFieldNode, ObjectValueNode, StringValueNode
from hypothesis import strategies as st

from domain.errors import ProblemCode
from tests.chaos.fuzzing import fuzz
from tests.factories import Factory
from tests.servers import ADMIN_EMAIL, ADMIN_PASSWORD, ROOT, Servers

CODES = {*ProblemCode} - {"UNAVAILABLE"}
ROUNDS = 4
_ID = re.compile(r'(\b(?:id|\w+Id)): "(?:[^"\\]|\\.)*"')
_LOGIN = """
mutation($email: String!, $password: String!) {
  login(input: {email: $email, password: $password}) { ... on LoginPayload { accessToken } }
}
"""


class Client:
    """Asks in turn, as an admin who signs in again where a senseless request was to sign out."""

    def __init__(self, http: httpx.Client, ids: list[str]) -> None:
        self._http = http
        self._headers: dict[str, str] = {}
        self._ids = ids

    def ask(self, document: str) -> None:
        document = self._among_what_is_there(document)
        answer = self._post({"query": document})
        if "UNAUTHENTICATED" in _codes(answer.json()):
            self._sign_in()
            answer = self._post({"query": document})
        assert answer.status_code in (200, 400), answer.text
        assert _codes(answer.json()) <= CODES, answer.text

    def _among_what_is_there(self, document: str) -> str:
        """Half of the ids are real ones, the same for the same document."""
        draw = random.Random(document)  # noqa: S311 -- no secret

        def known(found: re.Match[str]) -> str:
            if draw.random() < 0.5:
                return found[0]
            return f"{found[1]}: {json.dumps(draw.choice(self._ids))}"

        return _ID.sub(known, document)

    def _sign_in(self) -> None:
        variables = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
        answer = self._post({"query": _LOGIN, "variables": variables}).json()
        self._headers = {"Authorization": f"Bearer {answer['data']['login']['accessToken']}"}

    def _post(self, body: dict[str, Any]) -> httpx.Response:
        return self._http.post("/graphql", json=body, headers=self._headers)


def _codes(answer: Any) -> set[str]:
    """Of every error and every problem in it."""
    found: set[str] = set()
    left = [answer]
    while left:
        match each := left.pop():
            case dict():
                named = cast("dict[str, Any]", each)
                if isinstance(code := named.get("code"), str):
                    found.add(code)
                left.extend(named.values())
            case list():
                left.extend(cast("list[Any]", each))
            case _:
                pass
    return found & _EVERY_CODE


# An answer may have another `code` than a refusal's.
_EVERY_CODE = {*ProblemCode, "INTERNAL"}


async def ids_of(make: Factory) -> list[str]:
    """Of what requests may do with as they like."""
    tickets = [await make.ticket() for _ in range(3)]
    people = [await make.account(role) for role in ("SUPERVISOR", "AGENT")]
    customer = await make.customer()
    conversation = await make.conversation(customer)
    return [
        *chain(*((ticket["id"], ticket["ticketId"]) for ticket in tickets)),
        *(account["id"] for account in people),
        customer["id"],
        conversation["id"],
    ]


def _text(text: str) -> StringValueNode:
    return StringValueNode(value=text)


def _objects() -> st.SearchStrategy[ObjectValueNode]:
    names = st.sampled_from(["sections", "label", "id", "version", "x"]).map(
        lambda name: NameNode(value=name)
    )
    members = st.builds(ObjectFieldNode, name=names, value=st.text(max_size=9).map(_text))
    return st.lists(members, max_size=3).map(lambda fields: ObjectValueNode(fields=tuple(fields)))


def operations() -> st.SearchStrategy[str]:
    # A file comes in a form, of which there are tests.
    schemathesis.graphql.scalar("Upload", st.just(NullValueNode()))
    schemathesis.graphql.scalar("JSON", st.text(max_size=50).map(_text) | _objects())
    # Of whose types few are said in full.
    schema: Any = schemathesis.graphql.from_path(str(ROOT / "schema.graphql"))  # pyright: ignore[reportUnknownMemberType]
    cases = [each.ok().as_strategy() for each in schema.get_all_operations()]
    return st.one_of(*cases).map(lambda case: str(case.body))


async def test_whatever_is_asked_nothing_unforeseen_comes_of_it(servers: Servers) -> None:
    server = await servers.start(TICKETS_LOGIN_RATE="100000 per minute")
    make = Factory(server, await server.sign_in())
    ids = await ids_of(make)
    with httpx.Client(base_url=server.address, timeout=60, trust_env=False) as http:
        fuzz(server, operations(), Client(http, ids).ask, rounds=ROUNDS)
    assert await server.is_ready()
