"""The subscriptions: what happens to tickets, their figures and the configuration, live."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Annotated, cast

import strawberry

from domain import feed as domain
from domain.live_statistics import LiveFigures, Span
from domain.statistics import MAX_DAYS
from graph.configuration import Configuration
from graph.context import Context, Info
from graph.events import (
    TicketAssigned,
    TicketAttachmentAdded,
    TicketClosed,
    TicketCreated,
    TicketEscalated,
    TicketEscalationLifted,
    TicketEvent,
    TicketFeedbackGiven,
    TicketLinked,
    TicketNoteAdded,
    TicketReopened,
    TicketResolved,
    TicketStatusChanged,
    TicketUpdated,
    event_from_model,
)
from graph.sharing import Relay, Shared
from graph.statistics import TicketStatistics
from graph.tickets import Ticket, TicketFilter, query_from


@strawberry.type(
    description="Something may have gone by unseen, so read your lists again. The feed goes on "
    "after it, or, where you read more slowly than events come, ends with it; `reason` says which."
)
class FeedResyncRequired:
    cursor: str = strawberry.field(description="Where the feed goes on: pass it as `after`.")
    reason: str = strawberry.field(description="Why, and what to do, for developers.")


TicketFeedItem = Annotated[
    TicketCreated
    | TicketUpdated
    | TicketStatusChanged
    | TicketAssigned
    | TicketNoteAdded
    | TicketEscalated
    | TicketEscalationLifted
    | TicketResolved
    | TicketReopened
    | TicketClosed
    | TicketFeedbackGiven
    | TicketLinked
    | TicketAttachmentAdded
    | FeedResyncRequired,
    strawberry.union(
        "TicketFeedItem", description="What happened to a ticket, or that something was missed."
    ),
]

_Filter = Annotated[
    TicketFilter | None, strawberry.argument(description="Only tickets that meet it.")
]


@strawberry.type
class FeedQueries:
    @strawberry.field(
        description="Where the feed is now. Read it in one query with a list and pass it as "
        "`after` to `ticketEvents`: nothing goes by between the two. What the list shows already "
        "may be told again; `version` says so."
    )
    async def feed_cursor(self, info: Info) -> str:
        # In its turn, as everything else: beside a failure at once graphql-core awaits nothing.
        # For anyone signed in, which asking for the actor makes sure of.
        _ = info.context.actor
        return info.context.services.feed.cursor_now()


@strawberry.type
class FeedSubscriptions:
    @strawberry.subscription(
        description="What happens to the tickets that the viewer may see: every committed event, "
        "in order, once. A ticket that comes into the viewer's sight or goes out of it, enters or "
        "leaves the list. At most as many as the viewer reads: who lags by a thousand events gets "
        "a FeedResyncRequired and the end."
    )
    async def ticket_events(
        self,
        info: Info,
        filter: _Filter = None,
        after: Annotated[
            str | None,
            strawberry.argument(
                description="The `cursor` of the last item received: every event since follows, "
                "none lost, none twice. Where the log does not reach back so far, one "
                "FeedResyncRequired, then live events. Without it, from now on."
            ),
        ] = None,
    ) -> AsyncGenerator[TicketFeedItem, None]:
        stream = info.context.stream
        items = info.context.services.feed.follow(
            stream.watch,
            query_from(info, filter),
            stream.last_event_id or after,
            outlet=_outlet(stream.relay) if stream.relay is not None else None,
        )
        return cast("AsyncGenerator[TicketFeedItem]", _ticket_events(items))

    @strawberry.subscription(
        description="Figures about the tickets that the viewer may see: as they are now, then anew "
        "as events change them, at most once a second. Not for bots."
    )
    async def ticket_statistics(
        self,
        info: Info,
        filter: _Filter = None,
        time_zone: Annotated[
            str | None,
            strawberry.argument(
                description="An IANA name, as in America/Mexico_City, for where days begin; the "
                "business's own where it is left out."
            ),
        ] = None,
        days: Annotated[
            int | None,
            strawberry.argument(description=f"How many days `perDay` covers, 1 to {MAX_DAYS}."),
        ] = 30,
    ) -> AsyncGenerator[TicketStatistics, None]:
        span = Span(days=30 if days is None else days, time_zone=time_zone)
        figures = info.context.services.live_statistics.follow(
            info.context.stream.watch, query_from(info, filter), span
        )
        return cast("AsyncGenerator[TicketStatistics]", _ticket_statistics(figures))

    @strawberry.subscription(
        description="The configuration, as far as the viewer may read it, after each change of it."
    )
    async def configuration_changed(self, info: Info) -> AsyncGenerator[Configuration, None]:
        return cast("AsyncGenerator[Configuration]", _configuration_changed(info.context))


async def _ticket_events(items: AsyncGenerator[domain.FeedItem]) -> AsyncGenerator[Shared]:
    async with aclosing(items):
        async for item in items:
            yield _shared(item)


def _outlet(relay: Relay) -> domain.Outlet:
    return domain.Outlet(relay.selection, lambda event: relay.render(_shared(event)), relay.hand)


def _shared(item: domain.FeedItem) -> Shared:
    return Shared(item, item.viewer, partial(_feed_item, item), item.cursor)


def _feed_item(item: domain.FeedItem) -> TicketEvent | FeedResyncRequired:
    if isinstance(item, domain.ResyncRequired):
        return FeedResyncRequired(cursor=item.cursor, reason=item.reason)
    return event_from_model(
        item.event,
        item.viewer,
        cursor=item.cursor,
        list_change=item.list_change,
        ticket=Ticket.from_model(item.ticket) if item.ticket else None,
        is_withheld=item.is_withheld,
    )


async def _ticket_statistics(
    figures: AsyncGenerator[LiveFigures],
) -> AsyncGenerator[Shared]:
    async with aclosing(figures):
        async for each in figures:
            make = partial(TicketStatistics.from_domain, each.statistics)
            yield Shared(each, each.viewer, make)


async def _configuration_changed(context: Context) -> AsyncGenerator[Shared]:
    signal = context.services.configuration_signal
    count = signal.count
    while True:
        count = await signal.after(count)
        viewer = (await context.stream.watch.identity()).actor
        make = partial(Configuration.from_model, await context.configuration())
        yield Shared(("configuration", count, viewer.role), viewer, make)
