"""The demonstration before it is played: believable, and the same again from the same seed."""

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from domain.configuration import default_configuration
from domain.demo.script import (
    CONVERSATIONS,
    CUSTOMERS,
    FATES,
    PERIOD,
    Contact,
    Open,
    Script,
    write_script,
)
from domain.demo.stories import Words, company, stories
from domain.validation import Checks
from persistence.models import TicketPriority

NOW = datetime(2026, 6, 1, 18, 30, tzinfo=UTC)


def script(seed: int = 7, now: datetime = NOW) -> Script:
    return write_script(
        company(),
        stories(),
        seed=seed,
        now=now,
        time_zone=ZoneInfo("America/Mexico_City"),
        sla_targets=default_configuration().sla_targets,
    )


def tickets(script: Script) -> list[Contact]:
    return [contact for contact in script.contacts if contact.ticket is not None]


@pytest.mark.parametrize("seed", range(8))
def test_every_seed_makes_a_company_of_the_promised_size(seed: int) -> None:
    played = script(seed)
    assert len(played.customers) == CUSTOMERS == len({each.phone for each in played.customers})
    assert sum(each.channel is not None for each in played.contacts) == CONVERSATIONS
    assert Counter(each.fate for each in tickets(played)) == FATES
    assert {each.customer for each in played.contacts} >= set(range(CUSTOMERS))


@pytest.mark.parametrize("seed", range(8))
def test_no_two_tickets_are_alike(seed: int) -> None:
    drafts = [each.ticket for each in tickets(script(seed)) if each.ticket]
    assert len({draft.subject for draft in drafts}) == len(drafts)
    assert len({draft.description for draft in drafts}) == len(drafts)


@pytest.mark.parametrize("seed", range(8))
def test_everything_happens_in_the_last_days_and_in_order(seed: int) -> None:
    played = script(seed)
    times = [at for at, _, _ in played.in_order()]
    assert times == sorted(times)
    assert times[0] >= NOW - PERIOD - timedelta(days=1)
    assert times[-1] <= NOW
    for contact in played.contacts:
        assert all(a <= b for (a, _), (b, _) in itertools.pairwise(sorted_acts(contact)))


def sorted_acts(contact: Contact) -> list[tuple[timedelta, Any]]:
    return sorted(contact.acts, key=lambda each: each[0])


def test_the_same_seed_tells_the_same_story() -> None:
    assert script(3) == script(3)
    assert script(3) != script(4)


def test_at_another_time_the_same_happens() -> None:
    later = script(now=NOW + timedelta(days=100, hours=7))
    assert told(later) == told(script())


def told(script: Script) -> list[Any]:
    return [
        (each.customer, each.channel, each.fate, each.ticket, [type(act) for _, act in each.acts])
        for each in script.contacts
    ]


def test_every_word_is_one_that_can_be_filled_in() -> None:
    """Every template there is, not only those that a seed draws."""
    usual = {"nombre", "agente", "cuando", "cuadrilla", "folio", "numero"}
    usual |= {"calle", "colonia", "ciudad", "referencia"}
    for story in stories().stories:
        words = dict.fromkeys(usual | story.varies.keys(), "x")
        for template in [*texts_of(story), *texts_of(stories().categories[story.category])]:
            template.format_map(words)
    for talk in texts_of(company().talk):
        talk.format_map(dict.fromkeys(usual, "x"))
    for question in company().questions:
        for turn in question.turns:
            turn.format_map(dict.fromkeys(usual, "x"))


def texts_of(words: Words) -> list[str]:
    return texts_in(words.model_dump())


def texts_in(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(cast("dict[str, object]", value).values())
    if isinstance(value, list | tuple):
        return [text for each in cast("list[object]", value) for text in texts_in(each)]
    return []


def test_stories_are_of_the_configured_categories() -> None:
    configured = {each.id for each in default_configuration().ticket_categories.choices()}
    assert stories().categories.keys() == configured
    assert {story.category for story in stories().stories} == configured


def test_phones_can_be_stored_and_are_nobodys() -> None:
    """No subscriber's number in Mexico begins with 0."""
    for customer in script().customers:
        checks = Checks()
        assert checks.phone("phone", customer.phone, "MX") == customer.phone
        checks.done()
        (place,) = [place for place in company().places if place.city == customer.home.city]
        assert customer.phone.removeprefix("+52" + place.dialling_code).startswith("0")


def test_addresses_lead_to_nobody() -> None:
    assert all(agent.email.endswith(".example") for agent in company().agents)
    emails = [customer.email for customer in script().customers if customer.email]
    assert emails
    assert all(email.endswith("@example.com") for email in emails)


def test_every_priority_is_drawn() -> None:
    drawn = Counter(each.ticket.priority for each in tickets(script()) if each.ticket)
    assert set(drawn) == set(TicketPriority)


def test_numbers_can_rise_with_time() -> None:
    opened = [at for at, _, act in script().in_order() if isinstance(act, Open)]
    assert len(set(opened)) == len(opened)
