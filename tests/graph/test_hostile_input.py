"""What nobody means well with: a coded refusal each, nothing stored, the server none the worse."""

import json
from collections.abc import AsyncGenerator, Iterator
from typing import Any, cast

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLNamedType,
    get_named_type,
    is_required_input_field,
)

from domain.errors import ProblemCode
from domain.known_accounts import digest
from graph.nodes import encode_cursor
from graph.schema import schema_types
from persistence.database import Database, connected
from tests.client import Answer, Api, Data, mutation_document
from tests.factories import Bot, Factory, Person
from tests.graph.visibility import MUTATIONS, Target
from tests.servers import Server, Servers

SCHEMA = schema_types()
CODES = frozenset(ProblemCode)
VIEWER = "{ viewer { name } }"


@pytest.fixture(autouse=True, scope="module")
async def _healthy_after(server: Server) -> AsyncGenerator[None]:
    yield
    assert await server.is_ready()


@pytest.fixture(scope="module")
async def database(server: Server) -> AsyncGenerator[Database]:
    """What the server stores in."""
    environment = server.environment
    uri, name = environment["TICKETS_MONGODB_URI"], environment["TICKETS_DATABASE_NAME"]
    async with connected(uri, name) as database:
        yield database


def refused(answer: Answer) -> list[Data]:
    """The errors of an answer that is nothing but refusals."""
    assert answer.status in (200, 400, 413), answer.text
    assert answer.errors, answer.text
    assert not answer.data or not any(answer.data.values()), answer.text
    assert set(answer.codes) <= CODES, answer.text
    return answer.errors


# ---- documents -----------------------------------------------------------------------------

CYCLE = "{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }"


@pytest.mark.parametrize(
    "document",
    [
        "",
        " ",
        "#",
        "{",
        "}",
        "{ viewer { name }",
        "{ unheardOf }",
        "{ viewer { unheardOf } }",
        "{ viewer }",
        "{ viewer { name { length } } }",
        "{ tickets(unheardOf: 1) { totalCount } }",
        '{ tickets(first: "many") { totalCount } }',
        "{ tickets(filter: {status: UNHEARD_OF}) { totalCount } }",
        "{ ticket { ticketId } }",
        "query($id: String!) { ticket(ticketId: $id) { ticketId } }",
        "query($id: Int) { ticket(ticketId: $id) { ticketId } }",
        "query { viewer { name } } query { viewer { name } }",
        "fragment A on Viewer { name }",
        "{ ...Missing }",
        CYCLE,
        "subscription { unheardOf }",
        "mutation { unheardOf }",
        "{ viewer @unheardOf { name } }",
        "type Query { a: Int }",
        '{ ticket(ticketId: "\\uD800") { ticketId } }',
        '{ ticket(ticketId: "\\uDC00\\uD800") { ticketId } }',
        '{ ticket(ticketId: "\\u{110000}") { ticketId } }',
        '{ ticket(ticketId: "a\nb") { ticketId } }',
        "{ tickets(first: 99999999999999999999) { totalCount } }",
        "{ tickets(first: 1e400) { totalCount } }",
        "{ viewer \x00 { name } }",
        "{ a" * 1_900 + " }" * 1_900,
        "{ ticket(ticketId: " + "[" * 1_900 + "]" * 1_900 + ") { id } }",
        "query($a: " + "[" * 1_900 + "Int" + "]" * 1_900 + ") { viewer { name } }",
    ],
    ids=lambda document: document[:50] or "nothing",
)
async def test_a_document_that_means_nothing_is_refused(document: str, admin: Api) -> None:
    for error in refused(await admin.execute(document)):
        assert error["extensions"]["code"] == "VALIDATION"


def nested(depth: int) -> str:
    """A query of that many levels."""
    fields = [name for _ in range(depth) for name in ("tickets", "nodes", "customer")][: depth - 1]
    return "{ " + " { ".join([*fields, "__typename"]) + " }" * depth


BOMB = "".join(f"fragment F{n} on Viewer {{ ...F{n + 1} ...F{n + 1} }} " for n in range(100))
LIMITS = {
    "depth": [nested(50), nested(16)],
    "aliases": [
        "{ " + " ".join(f"a{n}: __typename" for n in range(1_000)) + " }",
        "{ viewer { " + " ".join(f"a{n}: name" for n in range(51)) + " } }",
        "{ viewer { ...F0 } } "
        + "".join(f"fragment F{n} on Viewer {{ ...F{n + 1} ...F{n + 1} }} " for n in range(10))
        + "fragment F10 on Viewer { a: name }",
    ],
    "tokens": ["{ viewer { " + "name " * 4_000 + "} }"],
    "cost": [
        nested(9).replace("tickets", "tickets(first: 100)"),
        "query($n: Int) " + nested(9).replace("tickets", "tickets(first: $n)"),
    ],
}


@pytest.mark.parametrize(
    ("name", "document"),
    [(name, document) for name, documents in LIMITS.items() for document in documents],
    ids=lambda value: value[:40],
)
async def test_an_operation_beyond_a_limit_is_told_which_and_how_large_it_is(
    name: str, document: str, anonymous: Api
) -> None:
    (error,) = refused(await anonymous.execute(document))

    limit = {"depth": 15, "aliases": 50, "tokens": 4_000, "cost": 20_000}[name]
    assert error["extensions"]["code"] == "VALIDATION"
    assert error["extensions"]["limit"]["name"] == name
    assert error["extensions"]["limit"]["value"] == limit
    assert f"{limit:,}" in error["message"]


async def test_fragments_that_multiply_cost_nothing_to_refuse(anonymous: Api) -> None:
    refused(await anonymous.execute("{ viewer { ...F0 } } " + BOMB))
    refused(await anonymous.execute("{ viewer { ...F0 } } " + BOMB + "fragment F100 on Viewer {a}"))


async def test_the_schema_cannot_be_asked_for_without_end(anonymous: Api) -> None:
    deep = "{ __schema { types { " + "fields { type { " * 6 + "name" + " } }" * 6 + " } } }"

    refused(await anonymous.execute(deep))


# ---- bodies --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"1",
        b'"{ viewer { name } }"',
        b"[]",
        b"{}",
        b'{"query": null}',
        b'{"query": 1}',
        b'{"query": ["{ viewer { name } }"]}',
        b'{"query": "{ viewer { name } }", "variables": []}',
        b'{"query": "{ viewer { name } }", "variables": "{}"}',
        b'{"query": "{ viewer { name } }", "operationName": 1}',
        b'{"query": "{ viewer { name } }", "extensions": []}',
        b'{"query": "{ viewer { name } }", "operationName": "Other"}',
        b'[{"query": "{ viewer { name } }"}, {"query": "{ viewer { name } }"}]',
        b'{"query": "{ viewer { name } }", "variables": {"a": NaN}}',
        b'{"query": "query($a: String) { viewer { name } }", "variables": {"a": "\\ud800"}}',
        b'{"query": "{ viewer { name } }", "variables": {"a": "\xed\xa0\x80"}}',
        b'{"query": "{ viewer { name } }\xff"}',
        b"\xff\xfe{\x00}\x00",
        b'{"query": "{ viewer { name } }", "variables": {"a": '
        + b"[" * 50_000
        + b"]" * 50_000
        + b"}}",
    ],
    ids=lambda body: body[:60].decode(errors="replace") or "nothing",
)
async def test_a_body_that_is_no_request_is_refused(body: bytes, admin: Api) -> None:
    for error in refused(await admin.post(body)):
        assert error["extensions"]["code"] == "VALIDATION"


async def test_a_body_of_five_megabytes_is_refused_unread(admin: Api) -> None:
    body = json.dumps({"query": VIEWER, "variables": {"a": "a" * 5_000_000}}).encode()

    async def without_length() -> AsyncGenerator[bytes]:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    for content in (body, without_length()):
        response = await admin.http.post(
            "/graphql",
            content=content,
            headers={**admin.headers, "Content-Type": "application/json"},
        )
        assert response.status_code == 413
        (error,) = response.json()["errors"]
        assert error["extensions"]["code"] == "VALIDATION"
        assert error["extensions"]["limit"] == {"name": "body", "value": 1_000_000}


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"]
)
async def test_another_content_type_is_refused(content_type: str, admin: Api) -> None:
    body = json.dumps({"query": VIEWER})

    refused(await admin.post(body, headers={"Content-Type": content_type}))


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_another_method_is_refused(method: str, admin: Api) -> None:
    response = await admin.http.request(method, "/graphql", headers=admin.headers)

    assert response.status_code == 405


async def test_nothing_is_changed_by_a_get(admin: Api, make: Factory) -> None:
    phone = make.phone()
    document = f'mutation {{ upsertCustomer(input: {{phone: "{phone}"}}) {{ __typename }} }}'

    response = await admin.http.get(
        "/graphql",
        params={"query": document},
        headers={**admin.headers, "Accept": "application/json"},
    )

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "VALIDATION"
    found = await admin.query("query($p: String!) { customer(phone: $p) { id } }", {"p": phone})
    assert found == {"customer": None}


# ---- sizes and cursors ---------------------------------------------------------------------

TICKETS = """
query($first: Int, $after: String, $last: Int, $before: String, $orderBy: TicketOrder) {
  tickets(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy) {
    nodes { ticketId } pageInfo { endCursor } } }"""


@pytest.mark.parametrize("size", [101, 0, -1, -(2**31), 2**31 - 1])
@pytest.mark.parametrize("name", ["first", "last"])
async def test_a_page_has_one_to_a_hundred_items(name: str, size: int, admin: Api) -> None:
    (error,) = refused(await admin.execute(TICKETS, {name: size}))

    assert error["extensions"]["code"] == "VALIDATION"
    assert error["extensions"]["fields"][0]["path"] == name


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "LUX-2026-000001",
        "dGlja2V0cw",
        "dGlja2V0cy9jcmVhdGVkOnM6",
        "Y3VzdG9tZXJzOnM6eA",
        '{"$gt": ""}',
        "\x00",
        "🎫",
        "a" * 100_000,
    ],
    ids=lambda cursor: cursor[:30] or "nothing",
)
@pytest.mark.parametrize("name", ["after", "before"])
async def test_a_forged_cursor_is_refused(name: str, cursor: str, admin: Api) -> None:
    (error,) = refused(await admin.execute(TICKETS, {name: cursor}))

    assert error["extensions"]["code"] == "VALIDATION"
    assert error["extensions"]["fields"][0]["path"] == name


async def test_a_cursor_belongs_to_one_list_and_one_order(make: Factory, admin: Api) -> None:
    customer = await make.customer()
    await make.ticket(customerId=customer["id"])
    by_priority = {"orderBy": {"field": "PRIORITY"}}
    cursors = [
        (await admin.query(TICKETS, {"first": 1} | by_priority))["tickets"]["pageInfo"],
        (await admin.query("{ customers(first: 1) { pageInfo { endCursor } } }"))["customers"][
            "pageInfo"
        ],
        (
            await admin.query(
                """query($phone: String!) { customer(phone: $phone) {
                    tickets { pageInfo { endCursor } } } }""",
                {"phone": customer["phone"]},
            )
        )["customer"]["tickets"]["pageInfo"],
    ]

    for cursor in cursors:
        (error,) = refused(await admin.execute(TICKETS, {"after": cursor["endCursor"]}))
        assert error["extensions"]["fields"][0]["path"] == "after"


async def test_a_cursor_shows_nothing_that_is_hidden(
    make: Factory, agent: Person, colleague: Person
) -> None:
    """It holds no more than a place in an order: whatever stands in it, the list is theirs."""
    hidden = await make.assigned_ticket(colleague)
    beginning = encode_cursor("tickets/created", "~")

    page = await agent.api.execute(TICKETS, {"after": beginning, "first": 100})

    assert not page.errors
    assert hidden["ticketId"] not in page.text


# ---- every text of every mutation ----------------------------------------------------------


def texts_in(of_type: Any) -> Iterator[tuple[str, ...]]:
    """The ways to each text in an input: names of fields, and `[]` for an item of a list."""
    item = ("[]",) if str(of_type).startswith("[") else ()
    named = named_type(of_type)
    if isinstance(named, GraphQLInputObjectType):
        for name, each in named.fields.items():
            yield from ((*item, name, *rest) for rest in texts_in(type_of(each)))
    elif named.name in ("String", "ID"):
        yield item


def type_of(each: Any) -> Any:
    """Of an argument or of a field of an input; untyped, since types nest in wrappers."""
    return each.type


def named_type(of_type: Any) -> GraphQLNamedType:
    return cast(GraphQLNamedType, get_named_type(of_type))


def with_text(of_type: Any, given: Any, way: tuple[str, ...], value: Any) -> Any:
    """`given`, or what is required, with `value` at the end of `way`."""
    if not way:
        return value
    if way[0] == "[]":
        while not str(of_type).startswith("["):
            of_type = of_type.of_type
        return [with_text(of_type.of_type, given[0] if given else None, way[1:], value)]
    named = cast(GraphQLInputObjectType, named_type(of_type))
    filled = dict(given or required_of(named))
    inner = type_of(named.fields[way[0]])
    return filled | {way[0]: with_text(inner, filled.get(way[0]), way[1:], value)}


def required_of(of_type: GraphQLInputObjectType) -> Data:
    """Something for each field that there must be."""
    examples: Data = {"Int": 1, "Boolean": True}
    return {
        name: examples.get(named_type(type_of(each)).name, "x")
        for name, each in of_type.fields.items()
        if is_required_input_field(each)
    }


def texts_of_mutations() -> Iterator[tuple[str, tuple[str, ...]]]:
    assert SCHEMA.mutation_type
    for name, each in SCHEMA.mutation_type.fields.items():
        for key, argument in each.args.items():
            yield from ((name, (key, *way)) for way in texts_in(type_of(argument)))


TEXTS = list(texts_of_mutations())


@pytest.fixture(scope="module")
async def targets(make: Factory, bot: Bot) -> dict[str, str]:
    """Of each kind of target one that is there."""
    customer = await make.customer()
    conversation = await make.conversation(customer)
    ticket = await make.ticket(customerId=customer["id"])
    resolved = await make.resolved_ticket()
    noted = await bot.api.speaking_for(customer["id"]).succeed(
        "addTicketNote", ticketId=ticket["ticketId"], content="x", visibility="PUBLIC"
    )
    return {
        "ticket": ticket["ticketId"],
        "resolved ticket": resolved["ticketId"],
        "note": noted["ticket"]["notes"]["nodes"][0]["id"],
        "customer": customer["id"],
        "phone": customer["phone"],
        "conversation": conversation["id"],
        "agent": (await make.account())["id"],
        "api key": (await make.bot()).id,
    }


async def call_with(
    api: Api, name: str, way: tuple[str, ...], value: Any, targets: dict[str, str]
) -> Answer:
    """Calls the mutation with what the matrix passes, and `value` at the end of `way`."""
    assert SCHEMA.mutation_type
    given: Data = {
        key: targets[each.kind] if isinstance(each, Target) else each
        for key, each in MUTATIONS[name].arguments.items()
    }
    document, has_input = mutation_document(name, "ticketId")
    arguments = {"input": given} if has_input else given
    of_type = type_of(SCHEMA.mutation_type.fields[name].args[way[0]])
    inner = with_text(of_type, arguments.get(way[0]), way[1:], value)
    variables = {**arguments, way[0]: inner}
    return await api.execute(document, variables)


def outcome(answer: Answer, name: str) -> str | None:
    """The code of the refusal, None for success."""
    if answer.errors:
        (code,) = set(answer.codes)
        return code
    assert answer.data is not None
    return answer.data[name].get("code")


async def stored_with(database: Database, mark: str) -> list[Data]:
    """Every document that holds `mark` anywhere."""
    return [
        {"collection": name, **document}
        for name in await database.native.list_collection_names()
        async for document in database.named_collection(name).find({})
        if mark in repr(document)
    ]


async def test_nothing_but_text_is_taken_for_text(admin: Api, targets: dict[str, str]) -> None:
    for name, way in TEXTS:
        answer = await call_with(admin, name, way, {"$where": "sleep(1000)"}, targets)
        assert (name, way, outcome(answer, name)) == (name, way, "VALIDATION")


@pytest.mark.parametrize("beside", ["\x00", "x" * 60_000], ids=["NUL", "length"])
async def test_a_text_that_cannot_be_stored_is_refused(
    beside: str, admin: Api, make: Factory, targets: dict[str, str], database: Database
) -> None:
    mark = make.word()
    for name, way in TEXTS:
        answer = await call_with(admin, name, way, mark + beside, targets)
        # What is wrong with a call of a tool is told to the model.
        assert outcome(answer, name) in CODES or name == "executeToolCalls", (name, way)

    assert await stored_with(database, mark) == []


async def test_an_operator_in_a_text_is_a_text(
    admin: Api, targets: dict[str, str], make: Factory, database: Database
) -> None:
    mark = make.word()
    for name, way in TEXTS:
        answer = await call_with(admin, name, way, f'{{"$where": "{mark}"}} $[]', targets)
        assert outcome(answer, name) in {*CODES, None}, (name, way, answer.text)

    stored = await stored_with(database, mark)
    assert stored
    for document in stored:
        assert not any(key.startswith("$") for key in keys_of(document)), document


def keys_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in cast(Data, value).items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in cast(list[Any], value):
            yield from keys_of(inner)


async def test_a_note_of_one_character_too_many_is_refused(make: Factory, admin: Api) -> None:
    ticket_id = (await make.ticket())["ticketId"]

    problem = await admin.problem("addTicketNote", ticketId=ticket_id, content="x" * 10_001)
    longest = await admin.succeed("addTicketNote", ticketId=ticket_id, content="x" * 10_000)

    assert problem["fields"] == [
        {"path": "content", "message": "must have at most 10000 characters, has 10001"}
    ]
    assert longest["ticket"]["version"] == 2


# ---- failures of our own -------------------------------------------------------------------


async def test_what_was_not_foreseen_is_masked_and_logged_under_a_reference(
    server: Server, admin: Api, database: Database
) -> None:
    """A document that no code of ours wrote stands for every mistake of ours."""
    tickets = database.named_collection("tickets")
    broken: Data = {"ticket_id": "BROKEN-1", "subject": "secret of the store", "audience": []}
    await tickets.insert_one(broken)
    try:
        asked = await admin.execute('{ ticket(ticketId: "BROKEN-1") { sla { __typename } } }')
        changed = await admin.execute(
            mutation_document("resolveTicket", "ticketId")[0],
            {"input": {"ticketId": "BROKEN-1", "summary": "x"}},
        )
    finally:
        await tickets.delete_one({"_id": broken["_id"]})

    for answer in (asked, changed):
        (error,) = answer.errors
        reference = error["extensions"]["reference"]
        assert error["extensions"] == {"code": "INTERNAL", "reference": reference}
        assert error["message"] == (
            f"Something went wrong on our side. Quote the reference {reference}."
        )
        assert reference in server.log(2_000)


async def test_a_failure_before_the_operation_is_masked_too(
    server: Server, anonymous: Api, database: Database
) -> None:
    keys = database.named_collection("api_keys")
    broken: Data = {"secret_hash": digest("tk_broken"), "expires_at": "secret of the store"}
    await keys.insert_one(broken)
    try:
        answer = await anonymous.execute(VIEWER, headers={"Authorization": "Bearer tk_broken"})
    finally:
        await keys.delete_one({"_id": broken["_id"]})

    assert answer.status == 500
    assert answer.codes == ["INTERNAL"]
    reference = answer.errors[0]["extensions"]["reference"]
    assert reference == answer.headers["X-Request-Id"]
    assert "secret" not in answer.text
    assert reference in server.log(2_000)


# ---- a server that says less ---------------------------------------------------------------


async def test_settings_bound_what_is_answered(servers: Servers) -> None:
    server = await servers.start(
        TICKETS_INTROSPECTION="false",
        TICKETS_MAX_QUERY_DEPTH="5",
        TICKETS_MAX_ALIASES="10",
        TICKETS_MAX_TOKENS="200",
        TICKETS_MAX_COST="100",
        TICKETS_MAX_BODY_BYTES="5000",
    )
    api = await server.sign_in()

    for document in (
        "{ __schema { types { name } } }",
        '{ __type(name: "Ticket") { name } }',
        "{ ...Hidden } fragment Hidden on Query { __schema { types { name } } }",
        "{ ... on Query { __schema { types { name } } } }",
        "{ ... { ... @include(if: true) { __schema { types { name } } } } }",
    ):
        (error,) = refused(await api.execute(document))
        assert error["extensions"]["code"] == "FORBIDDEN"
    assert await api.query("{ __typename }") == {"__typename": "Query"}

    for name, document in (
        ("depth", nested(6).replace("tickets", "tickets(first: 1)")),
        ("aliases", "{ " + " ".join(f"a{n}: __typename" for n in range(11)) + " }"),
        ("tokens", "{ " + "__typename " * 200 + "}"),
        ("cost", "{ tickets(first: 99) { nodes { notes(first: 2) { totalCount } } } }"),
    ):
        (error,) = refused(await api.execute(document))
        assert error["extensions"]["limit"]["name"] == name
    too_large = await api.post(json.dumps({"query": VIEWER + " " * 5_000}))
    assert refused(too_large)[0]["extensions"]["limit"] == {"name": "body", "value": 5_000}
