"""Subscribers who see the same share one view, and so the bytes."""

from datetime import timedelta

from domain.access import SYSTEM
from domain.feed import Viewpoint
from persistence.tickets import TicketQuery
from tests.examples import NOW


def test_those_who_ask_the_same_at_different_times_share_a_viewpoint() -> None:
    one, later = (
        Viewpoint.of(SYSTEM, TicketQuery(now=now, tag="lamp"))
        for now in (NOW, NOW + timedelta(hours=1))
    )
    other = Viewpoint.of(SYSTEM, TicketQuery(now=NOW, tag="leak"))
    assert {one: "shared"}[later] == "shared"
    assert other != one
