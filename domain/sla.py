"""The clocks of a ticket: what was promised, how long it took, and when a clock stood still.

All arithmetic is on UTC instants, so a change to or from daylight saving moves nothing. The
first-response clock runs until it is answered. The resolution clock stands still while the ticket
waits for its customer and between its resolution and its reopening; each such interval is kept,
which is how the clock explains itself:

    elapsed = (completed, or paused since, or now) - created - every closed interval
    due     = created + target + every closed interval
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.configuration import SlaMinutes
from persistence.documents import evolve
from persistence.models import PauseInterval, Sla, SlaState, SlaTarget, SlaTargetKind

# The share of a target after which it is at risk.
AT_RISK_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Clock:
    """A target as it reads at one instant. Past its due time, `remaining` is negative."""

    state: SlaState
    due_at: datetime
    completed_at: datetime | None
    elapsed: timedelta
    remaining: timedelta


def start(created_at: datetime, minutes: SlaMinutes) -> Sla:
    return _with_minutes(Sla(targets=[]), created_at, minutes)


def reprioritise(sla: Sla, created_at: datetime, minutes: SlaMinutes) -> Sla:
    """Both deadlines anew from `created_at`; what has been completed or paused stays so."""
    return _with_minutes(sla, created_at, minutes)


def pause(sla: Sla, created_at: datetime, at: datetime) -> Sla:
    """Stops the resolution clock; without effect where it stands or has ended."""
    if _open_pause(sla) is not None or resolution(sla).completed_at is not None:
        return sla
    return _refreshed(evolve(sla, pauses=[*sla.pauses, PauseInterval(start=at)]), created_at)


def resume(sla: Sla, created_at: datetime, at: datetime) -> Sla:
    """Starts the resolution clock again; without effect where it runs."""
    interval = _open_pause(sla)
    if interval is None:
        return sla
    pauses = [*sla.pauses[:-1], PauseInterval(start=interval.start, end=max(at, interval.start))]
    return _refreshed(evolve(sla, pauses=pauses), created_at)


def respond(sla: Sla, created_at: datetime, at: datetime) -> Sla:
    """Ends the first-response clock; without effect where it has ended."""
    return _complete(sla, SlaTargetKind.FIRST_RESPONSE, created_at, at)


def resolve(sla: Sla, created_at: datetime, at: datetime) -> Sla:
    """Ends both clocks: after a resolution nobody waits for a first response any more."""
    responded = respond(sla, created_at, at)
    return _complete(resume(responded, created_at, at), SlaTargetKind.RESOLUTION, created_at, at)


def reopen(sla: Sla, created_at: datetime, at: datetime) -> Sla:
    """Restarts the resolution clock where it stopped."""
    completed_at = resolution(sla).completed_at
    if completed_at is None:
        return sla
    running = evolve(resolution(sla), completed_at=None, met=None)
    pauses = [*sla.pauses, PauseInterval(start=completed_at, end=max(at, completed_at))]
    return _refreshed(
        evolve(sla, targets=[first_response(sla), running], pauses=pauses), created_at
    )


def first_response(sla: Sla) -> SlaTarget:
    return sla.targets[0]


def resolution(sla: Sla) -> SlaTarget:
    return sla.targets[1]


def state_of(*, met: bool | None, paused: bool, overdue: bool, at_risk: bool) -> SlaState:
    """By the facts of a target: `met` once it has ended, and how it stands until then."""
    if met is not None:
        return SlaState.MET if met else SlaState.MISSED
    if paused:
        return SlaState.PAUSED
    if overdue:
        return SlaState.BREACHED
    return SlaState.AT_RISK if at_risk else SlaState.PENDING


def target_state(target: SlaTarget, now: datetime) -> SlaState:
    """As `persistence.tickets` asks of the database when a list is filtered by it."""
    return state_of(
        met=target.met,
        paused=target.paused,
        overdue=now > target.due_at,
        at_risk=now >= target.at_risk_at,
    )


def read_clock(sla: Sla, target: SlaTarget, created_at: datetime, now: datetime) -> Clock:
    """How `target` of `sla` reads at `now`."""
    stood_still, paused_since = timedelta(), None
    if target.kind is SlaTargetKind.RESOLUTION:
        stood_still = _closed_pauses(sla)
        interval = _open_pause(sla)
        paused_since = interval.start if interval else None
    stopped_at = target.completed_at or paused_since or max(now, created_at)
    elapsed = stopped_at - created_at - stood_still
    promised = timedelta(minutes=target.minutes)
    # A clock that stands still would be due later with each moment that it stands.
    shift = max(now - paused_since, timedelta()) if paused_since else timedelta()
    return Clock(
        state=target_state(target, now),
        due_at=target.due_at + shift,
        completed_at=target.completed_at,
        elapsed=elapsed,
        remaining=promised - elapsed,
    )


def _with_minutes(sla: Sla, created_at: datetime, minutes: SlaMinutes) -> Sla:
    promised = {
        SlaTargetKind.FIRST_RESPONSE: minutes.first_response_minutes,
        SlaTargetKind.RESOLUTION: minutes.resolution_minutes,
    }
    known = {target.kind: target for target in sla.targets}
    targets = [
        evolve(known[kind], minutes=value)
        if kind in known
        else SlaTarget(kind=kind, minutes=value, due_at=created_at, at_risk_at=created_at)
        for kind, value in promised.items()
    ]
    return _refreshed(evolve(sla, targets=targets), created_at)


def _complete(sla: Sla, kind: SlaTargetKind, created_at: datetime, at: datetime) -> Sla:
    targets = [
        evolve(target, completed_at=max(at, created_at))
        if target.kind is kind and target.completed_at is None
        else target
        for target in sla.targets
    ]
    return _refreshed(evolve(sla, targets=targets), created_at)


def _refreshed(sla: Sla, created_at: datetime) -> Sla:
    """`sla` with what queries read of each target computed anew."""
    paused = _open_pause(sla)
    targets: list[SlaTarget] = []
    for target in sla.targets:
        is_resolution = target.kind is SlaTargetKind.RESOLUTION
        shift = _closed_pauses(sla) if is_resolution else timedelta()
        promised = timedelta(minutes=target.minutes)
        due_at = created_at + promised + shift
        completed_at = target.completed_at
        targets.append(
            evolve(
                target,
                due_at=due_at,
                at_risk_at=created_at + promised * AT_RISK_SHARE + shift,
                met=None if completed_at is None else completed_at <= due_at,
                paused=(
                    is_resolution
                    and completed_at is None
                    and paused is not None
                    and paused.start <= due_at
                ),
            )
        )
    return evolve(sla, targets=targets)


def _open_pause(sla: Sla) -> PauseInterval | None:
    return sla.pauses[-1] if sla.pauses and sla.pauses[-1].end is None else None


def _closed_pauses(sla: Sla) -> timedelta:
    return sum(
        (interval.end - interval.start for interval in sla.pauses if interval.end is not None),
        timedelta(),
    )
