"""Ticket numbers: prefix, year where configured, and a sequence that only rises."""

from datetime import datetime
from zoneinfo import ZoneInfo

from domain.configuration import TicketIdFormat


def counter_name(number_format: TicketIdFormat, year: int) -> str:
    """The sequence that numbers of this format draw from: one per prefix, and year if shown."""
    parts = [number_format.prefix, *([str(year)] if number_format.include_year else [])]
    return "tickets:" + ":".join(parts)


def format_number(number_format: TicketIdFormat, year: int, value: int) -> str:
    """`LUX-2026-000001`; a value longer than the padding makes the number longer."""
    parts = [
        number_format.prefix,
        *([str(year)] if number_format.include_year else []),
        str(value).zfill(number_format.pad_length),
    ]
    return number_format.separator.join(parts)


def business_year(at: datetime, time_zone: ZoneInfo) -> int:
    """The year on the wall of the business when the instant `at` passes."""
    return at.astimezone(time_zone).year
