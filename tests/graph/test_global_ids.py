"""`node(id)`: everything that is a Node is found again by its id, by whoever may see it."""

import pytest
from graphql import GraphQLInterfaceType

from graph.schema import schema_types
from tests.client import Api
from tests.factories import Factory, Person

NODE = "query($id: ID!) { node(id: $id) { __typename id } }"
# No ticket has a file yet, so there is none to find.
WITHOUT_INSTANCES = {"Attachment"}


@pytest.fixture(scope="module")
async def ids(make: Factory, admin: Api, agent: Person) -> dict[str, str]:
    """One of each type."""
    conversation = await make.conversation()
    ticket = await make.ticket(conversationId=conversation["id"])
    noted = await admin.succeed("addTicketNote", ticketId=ticket["ticketId"], content="x")
    said = await admin.succeed("recordMessage", conversationId=conversation["id"], text="x")
    return {
        "Ticket": ticket["id"],
        "Customer": ticket["customer"]["id"],
        "Conversation": conversation["id"],
        "Agent": agent.id,
        "Note": noted["ticket"]["notes"]["nodes"][0]["id"],
        "Message": said["message"]["id"],
    }


async def test_every_node_is_found_by_its_id(ids: dict[str, str], admin: Api) -> None:
    schema = schema_types()
    node = schema.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    types = {implementation.name for implementation in schema.get_possible_types(node)}

    assert ids.keys() == types - WITHOUT_INSTANCES
    assert len(set(ids.values())) == len(ids)
    for type_name, id_ in ids.items():
        found = await admin.query(NODE, {"id": id_})
        assert found["node"] == {"__typename": type_name, "id": id_}


@pytest.mark.parametrize("id_", ["", "x", "VGlja2V0", "VGlja2V0OjEyMw", "🎫", "a" * 10_000])
async def test_what_is_no_id_finds_nothing(id_: str, admin: Api) -> None:
    assert (await admin.query(NODE, {"id": id_}))["node"] is None
