"""The time, as something that a test can set."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Now in UTC, to the millisecond, which is what the database keeps."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def sort_key(at: datetime, key: object) -> str:
    """A string that sorts by instant and, within one millisecond, by key."""
    return f"{milliseconds(at):013x}{key}"


def milliseconds(at: datetime) -> int:
    """Since 1970, negative before; instants before then sort as 1970."""
    return max(int(at.timestamp() * 1000), 0)
