"""Checks of what callers send: every fault of an input is collected, then it is refused whole."""

import re
from collections.abc import Sequence

import phonenumbers

from domain.errors import FieldError, ValidationFailed
from persistence.models import Location

SUBJECT_LENGTH = 200
TEXT_LENGTH = 10_000
NAME_LENGTH = 200
MAX_TAGS = 20
TAG_LENGTH = 40
KEY_LENGTH = 200
PASSWORD_LENGTH = (10, 200)

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
# Control characters (Cc), NUL among them, and surrogates (Cs), which no encoding can store.
_UNSTORABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UNSTORABLE_IN_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class Checks:
    """Collects faults under the paths that the client wrote; `done` raises them together."""

    def __init__(self) -> None:
        self._faults: list[FieldError] = []

    def fault(self, path: str, message: str) -> None:
        self._faults.append(FieldError(path, message))

    def done(self) -> None:
        """Raises ValidationFailed where anything was wrong."""
        if self._faults:
            raise ValidationFailed(self._faults)

    def text(self, path: str, value: str, *, longest: int, lines: bool = True) -> str:
        """`value` trimmed; 1 to `longest` characters, without control characters."""
        if not self._is_printable(path, value, lines=lines):
            return ""
        text = value.strip()
        if not text:
            self.fault(path, "must not be empty")
        elif len(text) > longest:
            self.fault(path, f"must have at most {longest} characters, has {len(text)}")
        return text

    def optional_text(
        self, path: str, value: str | None, *, longest: int, lines: bool = True
    ) -> str | None:
        """As `text`, where nothing and only spaces mean None."""
        if value is None or not value.strip():
            return None
        return self.text(path, value, longest=longest, lines=lines)

    def tags(self, path: str, values: Sequence[str]) -> list[str]:
        """Folded to lower case, without repetition, in the order given."""
        tags = dict.fromkeys(
            self.text(f"{path}[{index}]", value, longest=TAG_LENGTH, lines=False).lower()
            for index, value in enumerate(values)
        )
        if len(tags) > MAX_TAGS:
            self.fault(path, f"must be at most {MAX_TAGS}, are {len(tags)}")
        return list(tags)

    def location(self, path: str, location: Location) -> Location | None:
        """None where nothing is said of the place; coordinates in degrees, both or neither."""
        latitude, longitude = location.latitude, location.longitude
        if (latitude is None) != (longitude is None):
            self.fault(path, "latitude and longitude go together")
        for name, value, bound in (("latitude", latitude, 90), ("longitude", longitude, 180)):
            if value is not None and not -bound <= value <= bound:
                self.fault(f"{path}.{name}", f"must be between -{bound} and {bound} degrees")
        checked = Location(
            address=self.optional_text(f"{path}.address", location.address, longest=500),
            reference=self.optional_text(f"{path}.reference", location.reference, longest=500),
            latitude=latitude,
            longitude=longitude,
        )
        return None if checked == Location() else checked

    def email(self, path: str, value: str) -> str:
        """Trimmed and folded to lower case."""
        email = self.text(path, value, longest=254, lines=False).lower()
        if email and not _EMAIL.fullmatch(email):
            self.fault(path, "is not an e-mail address")
        return email

    def password(self, path: str, value: str) -> str:
        shortest, longest = PASSWORD_LENGTH
        if not shortest <= len(value) <= longest:
            self.fault(path, f"must have {shortest} to {longest} characters")
        self._is_printable(path, value, lines=False)
        return value

    def phone(self, path: str, value: str, region: str) -> str:
        """In E.164; a number without a country code is taken to be of `region` (ISO 3166-1)."""
        if not self._is_printable(path, value, lines=False):
            return ""
        try:
            number = phonenumbers.parse(value, region)
        except phonenumbers.NumberParseException:
            self.fault(path, "is not a phone number; write it like +52 55 1234 5678")
            return ""
        if not phonenumbers.is_possible_number(number):
            self.fault(path, "is not a possible phone number; write it like +52 55 1234 5678")
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    def _is_printable(self, path: str, value: str, *, lines: bool) -> bool:
        found = (_UNSTORABLE_IN_LINES if lines else _UNSTORABLE).search(value)
        if found is not None:
            self.fault(path, f"has a character that cannot be stored at position {found.start()}")
        return found is None
