"""The time, as something that a test can set."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    return _to_millisecond(datetime.now(UTC))


def to_utc(at: datetime) -> datetime:
    """The aware instant `at` in UTC and to the millisecond, which is what the database keeps."""
    return _to_millisecond(at.astimezone(UTC))


def _to_millisecond(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def sort_key(at: datetime, key: object) -> str:
    """A string that sorts by instant and, within one millisecond, by key."""
    return f"{milliseconds(at):013x}{key}"


def milliseconds(at: datetime) -> int:
    """Since 1970, negative before; instants before then sort as 1970."""
    return max((at - _EPOCH) // timedelta(milliseconds=1), 0)


class SetClock:
    """Tells the time to which it was last set: a clock for the past, and for tests."""

    def __init__(self, at: datetime) -> None:
        self._at = to_utc(at)

    def set(self, at: datetime) -> None:
        self._at = to_utc(at)

    def __call__(self) -> datetime:
        return self._at
