"""The clocks of a ticket against a model that counts, second by second, while a clock runs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import sla
from domain.clock import to_utc
from domain.configuration import SlaMinutes
from persistence.models import Sla, SlaState, SlaTarget, SlaTargetKind

DAY = timedelta(days=1)
# When a wall clock skips an hour, or goes back one, or half an hour.
CLOCK_CHANGES = [
    (ZoneInfo("Europe/Madrid"), datetime(2026, 3, 29, 1, tzinfo=UTC)),
    (ZoneInfo("Europe/London"), datetime(2026, 10, 25, 1, tzinfo=UTC)),
    (ZoneInfo("America/New_York"), datetime(2026, 11, 1, 6, tzinfo=UTC)),
    (ZoneInfo("America/Tijuana"), datetime(2026, 3, 8, 10, tzinfo=UTC)),
    (ZoneInfo("Australia/Lord_Howe"), datetime(2026, 4, 4, 15, tzinfo=UTC)),
]


@dataclass
class CountingClock:
    """One target's clock, as somebody with a stopwatch would keep it."""

    minutes: int
    seconds: float = 0.0
    stopped: bool = False
    done: bool = False

    def pass_time(self, seconds: float) -> None:
        if not self.stopped and not self.done:
            self.seconds += seconds

    @property
    def state(self) -> SlaState:
        within = self.seconds <= self.minutes * 60
        if self.done:
            return SlaState.MET if within else SlaState.MISSED
        if not within:
            return SlaState.BREACHED
        if self.stopped:
            return SlaState.PAUSED
        at_risk = self.seconds >= self.minutes * 60 * 0.75
        return SlaState.AT_RISK if at_risk else SlaState.PENDING


@dataclass
class Model:
    response: CountingClock
    resolution: CountingClock

    def pass_time(self, seconds: float) -> None:
        self.response.pass_time(seconds)
        self.resolution.pass_time(seconds)

    def respond(self) -> None:
        self.response.done = True

    def pause(self) -> None:
        self.resolution.stopped = not self.resolution.done

    def resume(self) -> None:
        self.resolution.stopped = False

    def resolve(self) -> None:
        self.response.done = self.resolution.done = True
        self.resolution.stopped = False

    def reopen(self) -> None:
        self.resolution.done = False


@dataclass
class Ticket:
    """What the domain keeps of the clocks, and when it does something to them."""

    created_at: datetime
    minutes: SlaMinutes
    clocks: Sla = field(init=False)
    now: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.created_at
        self.clocks = sla.start(self.created_at, self.minutes)

    def do(self, change: Callable[[Sla, datetime, datetime], Sla]) -> None:
        self.clocks = change(self.clocks, self.created_at, self.now)

    def read(self, target: SlaTarget) -> sla.Clock:
        return sla.read_clock(self.clocks, target, self.created_at, self.now)


CHANGES: dict[str, Callable[[Sla, datetime, datetime], Sla]] = {
    "respond": sla.respond,
    "pause": sla.pause,
    "resume": sla.resume,
    "resolve": sla.resolve,
    "reopen": sla.reopen,
}

minutes = (
    st.tuples(st.integers(1, 24 * 60), st.integers(1, 8 * 24 * 60))
    .map(sorted)
    .map(lambda both: SlaMinutes(first_response_minutes=both[0], resolution_minutes=both[1]))
)
# Times that pass between two changes: none, moments, and what a target is measured in.
passing = st.one_of(
    st.just(timedelta()),
    st.timedeltas(timedelta(milliseconds=1), timedelta(seconds=2)),
    st.timedeltas(timedelta(), 3 * DAY),
    st.integers(1, 2 * 24 * 60).map(lambda value: timedelta(minutes=value)),
).map(lambda value: timedelta(milliseconds=value // timedelta(milliseconds=1)))
steps = st.lists(st.tuples(passing, st.sampled_from(sorted(CHANGES)) | minutes), max_size=15)


@st.composite
def instants(draw: st.DrawFn) -> datetime:
    """Within a day of a change of wall clocks, read off that wall as it comes in."""
    zone, change = draw(st.sampled_from(CLOCK_CHANGES))
    return to_utc((change + draw(st.timedeltas(-DAY, DAY))).astimezone(zone))


def check(ticket: Ticket, model: Model) -> None:
    for target, counted in zip(
        ticket.clocks.targets, (model.response, model.resolution), strict=True
    ):
        clock = ticket.read(target)
        assert clock.elapsed.total_seconds() == pytest.approx(counted.seconds, abs=1e-6)
        assert clock.elapsed + clock.remaining == timedelta(minutes=counted.minutes)
        assert clock.due_at - (clock.completed_at or ticket.now) == clock.remaining
        assert clock.state is counted.state
        assert (clock.completed_at is not None) is counted.done


@given(created_at=instants(), promised=minutes, steps=steps)
def test_any_history_reads_as_a_stopwatch_would(
    created_at: datetime, promised: SlaMinutes, steps: list[tuple[timedelta, str | SlaMinutes]]
) -> None:
    ticket = Ticket(created_at, promised)
    model = Model(
        CountingClock(promised.first_response_minutes), CountingClock(promised.resolution_minutes)
    )
    for passed, change in steps:
        ticket.now += passed
        model.pass_time(passed.total_seconds())
        check(ticket, model)
        if isinstance(change, SlaMinutes):
            ticket.clocks = sla.reprioritise(ticket.clocks, created_at, change)
            model.response.minutes = change.first_response_minutes
            model.resolution.minutes = change.resolution_minutes
        else:
            ticket.do(CHANGES[change])
            getattr(model, change)()
        check(ticket, model)


@given(created_at=instants(), promised=minutes, steps=steps)
def test_the_pauses_explain_the_resolution_clock(
    created_at: datetime, promised: SlaMinutes, steps: list[tuple[timedelta, str | SlaMinutes]]
) -> None:
    ticket = Ticket(created_at, promised)
    for passed, change in steps:
        ticket.now += passed
        if isinstance(change, str):
            ticket.do(CHANGES[change])
    pauses = ticket.clocks.pauses
    assert all(pause.end is not None for pause in pauses[:-1])
    assert all(earlier.end <= later.start for earlier, later in pairwise(pauses) if earlier.end)
    completed_at = sla.resolution(ticket.clocks).completed_at
    stood_still = sum(
        ((pause.end or ticket.now) - pause.start for pause in pauses), start=timedelta()
    )
    clock = ticket.read(sla.resolution(ticket.clocks))
    assert clock.elapsed == (completed_at or ticket.now) - created_at - stood_still


@given(created_at=instants(), promised=minutes, change=minutes)
def test_a_new_priority_is_measured_from_the_creation(
    created_at: datetime, promised: SlaMinutes, change: SlaMinutes
) -> None:
    assert sla.reprioritise(sla.start(created_at, promised), created_at, change) == sla.start(
        created_at, change
    )


@pytest.mark.parametrize(("zone", "change"), CLOCK_CHANGES)
def test_a_day_has_24_hours_on_the_day_that_wall_clocks_change(
    zone: ZoneInfo, change: datetime
) -> None:
    noon_after = change.astimezone(zone).replace(hour=12, minute=0)
    noon_before = noon_after - DAY
    day = to_utc(noon_after) - to_utc(noon_before)
    assert day != DAY
    ticket = Ticket(
        to_utc(noon_before),
        SlaMinutes(first_response_minutes=24 * 60, resolution_minutes=24 * 60),
    )
    ticket.now = to_utc(noon_after)
    clock = ticket.read(sla.resolution(ticket.clocks))
    assert clock.elapsed == day
    assert clock.due_at - ticket.created_at == DAY


@pytest.mark.parametrize(
    ("after", "state"),
    [
        (timedelta(), SlaState.PENDING),
        (timedelta(minutes=45, milliseconds=-1), SlaState.PENDING),
        (timedelta(minutes=45), SlaState.AT_RISK),
        (timedelta(minutes=60), SlaState.AT_RISK),
        (timedelta(minutes=60, milliseconds=1), SlaState.BREACHED),
    ],
)
def test_a_target_is_at_risk_from_three_quarters_and_broken_past_its_end(
    after: timedelta, state: SlaState
) -> None:
    ticket = Ticket(
        datetime(2026, 1, 1, tzinfo=UTC),
        SlaMinutes(first_response_minutes=60, resolution_minutes=60),
    )
    ticket.now += after
    for target in ticket.clocks.targets:
        assert ticket.read(target).state is state
    ticket.do(sla.resolve)
    kept = SlaState.MISSED if state is SlaState.BREACHED else SlaState.MET
    assert [ticket.read(target).state for target in ticket.clocks.targets] == [kept, kept]


def test_the_targets_are_named() -> None:
    clocks = sla.start(
        datetime(2026, 1, 1, tzinfo=UTC),
        SlaMinutes(first_response_minutes=15, resolution_minutes=240),
    )
    assert sla.first_response(clocks).kind is SlaTargetKind.FIRST_RESPONSE
    assert sla.resolution(clocks).kind is SlaTargetKind.RESOLUTION
