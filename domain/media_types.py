"""What a file is, found from its content alone: its name and what a client calls it may lie."""

import codecs
import re
from typing import Final

PLAIN_TEXT: Final = "text/plain"

# What a content of each type begins with, and where.
_SIGNATURES: Final[dict[str, tuple[tuple[int, bytes], ...]]] = {
    "image/png": ((0, b"\x89PNG\r\n\x1a\n"),),
    "image/jpeg": ((0, b"\xff\xd8\xff"),),
    "image/gif": ((0, b"GIF8"),),
    "image/webp": ((0, b"RIFF"), (8, b"WEBP")),
    "application/pdf": ((0, b"%PDF-"),),
}
KNOWN_TYPES: Final = (*_SIGNATURES, PLAIN_TEXT)

# No text has these, and nearly every other format does: control characters but for tabs, lines
# and pages.
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")


class MediaType:
    """Found while the content goes by, chunk by chunk."""

    def __init__(self) -> None:
        self._beginning = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_text = True

    def feed(self, chunk: bytes) -> None:
        if len(self._beginning) < 16:  # noqa: PLR2004 -- more than any signature needs
            self._beginning += chunk[:16]
        self._read_text(chunk)

    def found(self) -> str | None:
        """Once all has gone by; None for what is not known."""
        for name, parts in _SIGNATURES.items():
            if all(self._beginning[at:].startswith(sign) for at, sign in parts):
                return name
        self._read_text(b"", final=True)
        return PLAIN_TEXT if self._is_text else None

    def _read_text(self, chunk: bytes, *, final: bool = False) -> None:
        if not self._is_text:
            return
        try:
            text = self._decoder.decode(chunk, final)
        except UnicodeDecodeError:
            self._is_text = False
        else:
            self._is_text = _NO_TEXT.search(text) is None
