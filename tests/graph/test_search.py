"""Search: words are found whatever their accents, case and endings, and are nothing but words."""

from typing import Any

import pytest

from tests.client import Api
from tests.factories import Factory


async def found(api: Api, search: str, **filter: Any) -> list[str]:
    """The subjects that a search finds, oldest first."""
    document = """query($search: String, $filter: TicketFilter) {
        tickets(search: $search, filter: $filter, orderBy: {field: CREATED_AT, direction: ASC}) {
          totalCount nodes { subject } } }"""
    page = (await api.query(document, {"search": search, "filter": filter}))["tickets"]
    assert page["totalCount"] == len(page["nodes"])
    return [node["subject"] for node in page["nodes"]]


@pytest.fixture(scope="module")
async def tag(make: Factory) -> str:
    """Of the tickets that the tests of words look in."""
    tag = make.word()
    for subject, description in (
        ("Las LÁMPARAS de la calle", "Parpadean de noche"),
        ("Instalación de paneles", "Pide una cotización para su techo"),
        ("Broken deliveries", "Two boxes were dropped"),
        ("Año nuevo", "El niño rompió el farol n.º 7, ¿quién paga?"),
    ):
        await make.ticket(subject=subject, description=description, tags=[tag])
    return tag


LAMPS, PANELS, BOXES, YEAR = (
    "Las LÁMPARAS de la calle",
    "Instalación de paneles",
    "Broken deliveries",
    "Año nuevo",
)


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("lampara", [LAMPS]),
        ("Lámpara", [LAMPS]),
        ("LAMPARAS", [LAMPS]),
        ("lamp", [LAMPS]),
        ("calles", [LAMPS]),
        ("lampara calle", [LAMPS]),
        ("calle lampara noche", [LAMPS]),
        ("lampara techo", []),
        ("instalaciones panel", [PANELS]),
        ("cotizaciones", [PANELS]),
        ("delivery", [BOXES]),
        ("box dropped", [BOXES]),
        ("ano", [YEAR]),
        ("niño", [YEAR]),
        ("nino FAROL", [YEAR]),
        ("ampara", []),
        ("lamparita", []),
        ("", [LAMPS, PANELS, BOXES, YEAR]),
        ("  ", [LAMPS, PANELS, BOXES, YEAR]),
    ],
)
async def test_every_word_is_found_as_a_beginning(
    search: str, expected: list[str], tag: str, admin: Api
) -> None:
    assert await found(admin, search, tag=tag) == expected


@pytest.mark.parametrize(
    "search", ["lamp.*", "^lamp", "l[aá]mparas", "lamp|box", '{"$gt": ""}', "lamp$"]
)
async def test_a_pattern_is_searched_for_as_words(search: str, tag: str, admin: Api) -> None:
    assert set(await found(admin, search, tag=tag)) <= {LAMPS}


async def test_a_ticket_is_found_by_its_number_and_by_its_tags(make: Factory, admin: Api) -> None:
    tag = make.word()
    ticket = await make.ticket(subject="numbered", tags=[tag])

    assert await found(admin, ticket["ticketId"]) == ["numbered"]
    assert await found(admin, ticket["ticketId"].lower()) == ["numbered"]
    assert await found(admin, f"{tag} numbered") == ["numbered"]


async def test_a_ticket_is_found_by_its_customers_phone_as_people_type_it(
    make: Factory, admin: Api
) -> None:
    customer = await make.customer()
    await make.ticket(subject="phoned", customerId=customer["id"])
    national = customer["phone"].removeprefix("+52")

    for typed in (
        customer["phone"],
        national,
        f"{national[:2]} {national[2:6]} {national[6:]}",
        f"({national[:2]}) {national[2:6]}-{national[6:]}",
    ):
        assert await found(admin, typed) == ["phoned"], typed


async def test_a_ticket_is_found_by_its_customers_name_and_not_by_the_one_they_had(
    make: Factory, admin: Api
) -> None:
    before, after = make.word(), make.word()
    customer = await make.customer(name=f"Peña {before}")
    await make.ticket(subject="named", customerId=customer["id"])
    assert await found(admin, f"pena {before}") == ["named"]

    await admin.succeed("upsertCustomer", phone=customer["phone"], name=f"Muñoz {after}")

    assert await found(admin, f"munoz {after}") == ["named"]
    assert await found(admin, before) == []


async def test_a_changed_ticket_is_found_by_what_it_says_now_and_still_by_its_customer(
    make: Factory, admin: Api
) -> None:
    before, after, name = make.word(), make.word(), make.word()
    customer = await make.customer(name=name)
    ticket = await make.ticket(subject=before, customerId=customer["id"])

    await admin.succeed("updateTicket", ticketId=ticket["ticketId"], subject=after)

    assert await found(admin, f"{name} {after}") == [after]
    assert await found(admin, before) == []


async def test_customers_are_found_by_name_address_and_phone(make: Factory, admin: Api) -> None:
    mark = make.word()
    customer = await make.customer(name=f"Íñigo {mark}", email=f"{mark}@example.com")
    document = "query($search: String) { customers(search: $search) { totalCount nodes { id } } }"

    for search in (f"inigo {mark}", f"{mark}@example.com", customer["phone"]):
        page = (await admin.query(document, {"search": search}))["customers"]
        assert page == {"totalCount": 1, "nodes": [{"id": customer["id"]}]}, search
    missing = (await admin.query(document, {"search": f"{mark} nobody"}))["customers"]
    assert missing["totalCount"] == 0
