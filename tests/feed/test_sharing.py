"""Subscribers who see the same share one view, and so the bytes."""

from contextlib import AsyncExitStack
from datetime import timedelta

from domain.access import SYSTEM
from domain.feed import Viewpoint
from persistence.tickets import TicketQuery
from tests.client import Api
from tests.examples import NOW
from tests.factories import Factory
from tests.feed.socket import EVENTS, Subscription, connected
from tests.graph.test_metrics import measured, value
from tests.servers import Server

SUBSCRIBERS, EVENTS_TOLD = 20, 5
BRIEF = "subscription { ticketEvents { ... on TicketEvent { ticketId version } } }"


def test_those_who_ask_the_same_at_different_times_share_a_viewpoint() -> None:
    one, later = (
        Viewpoint.of(SYSTEM, TicketQuery(now=now, tag="lamp"))
        for now in (NOW, NOW + timedelta(hours=1))
    )
    other = Viewpoint.of(SYSTEM, TicketQuery(now=NOW, tag="leak"))
    assert {one: "shared"}[later] == "shared"
    assert other != one


async def test_an_event_is_rendered_once_for_all_who_are_told_the_same(
    server: Server, admin: Api, make: Factory
) -> None:
    """Once for each selection and viewpoint, not for each subscriber."""
    supervisor = await make.person("SUPERVISOR")

    async def renderings() -> float:
        return value(await measured(server), "tickets_subscription_renderings_total")

    async with AsyncExitStack() as stack:

        async def follow(api: Api, document: str) -> Subscription:
            socket = await stack.enter_async_context(connected(server, api.credential))
            events = await socket.subscribe(document)
            await socket.until_served()
            return events

        streams = [(admin, EVENTS), (admin, BRIEF), (supervisor.api, BRIEF)]
        following = [await follow(*each) for each in streams for _ in range(SUBSCRIBERS)]
        before = await renderings()
        for _ in range(EVENTS_TOLD):
            ticket_id = (await make.ticket())["ticketId"]
            for events in following:
                while (await events.event())["ticketId"] != ticket_id:
                    pass
        rendered = await renderings() - before
    # Who comes late on a slow machine has it rendered once more.
    assert len(streams) * EVENTS_TOLD <= rendered < len(following) * EVENTS_TOLD / 4
