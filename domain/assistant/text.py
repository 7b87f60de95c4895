"""Texts that a model wrote, made fit to be kept."""

import unicodedata

_LINE_BREAKS_AND_TABS = frozenset("\n\r\t")


def cut_at_word(text: str, longest: int) -> str:
    """`text`, or as many whole words of it as fit with an ellipsis; `longest` in characters."""
    if len(text) <= longest:
        return text
    head = text[: longest - 1]
    if not text[longest - 1].isspace():
        # A single word that is longer than all the room is cut after all.
        head = head.rpartition(" ")[0] or head
    return head.rstrip() + "…"


def storable(text: str) -> str:
    """`text` without the control characters and surrogates that a message may not have."""
    return "".join(
        letter
        for letter in text
        if letter in _LINE_BREAKS_AND_TABS or unicodedata.category(letter) not in ("Cc", "Cs")
    )
