"""Search words: folded, so that accents, case and common endings do not matter.

A document keeps the folded words of its text. A query word finds a document when one of the
document's words starts with the query word's root, which is what the word shares with both its
Spanish and its English stem: `lámparas` and `lampara` both look for `lampara`, `facturas` for
`factur`. A root of under four letters would find too much, so such a word is only freed of its
plural `s`. Nothing but letters and digits survives, hence no text can become an operator.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import filterfalse
from typing import Protocol, cast

import snowballstemmer  # pyright: ignore[reportMissingTypeStubs]  # has none; see _Stemmer

# Beyond these a text has said what it is about; the rest would only make the index larger.
MAX_TERMS = 1_000
MAX_TERM_LENGTH = 40
MAX_QUERY_WORDS = 10

_SHORTEST_ROOT = 4
_SHORTEST_PHONE = 7
_WORD = re.compile(r"[^\W_]+")
_PHONE = re.compile(r"\+?[\d\s().-]+")
_GROUPED_DIGITS = re.compile(r"\d+(?:[\s().-]+\d+)+")


class _Stemmer(Protocol):
    def stemWord(self, word: str, /) -> str: ...  # noqa: N802 -- the library's name


_SPANISH = cast(_Stemmer, snowballstemmer.stemmer("spanish"))  # pyright: ignore[reportUnknownMemberType]
_ENGLISH = cast(_Stemmer, snowballstemmer.stemmer("english"))  # pyright: ignore[reportUnknownMemberType]


def fold(text: str) -> str:
    """`text` without accents, case and compatibility forms: `LÁMPARA` is `lampara`."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(filterfalse(unicodedata.combining, decomposed))
    # Taking a sign apart can bring capitals back: № is No.
    return bare.casefold()


def terms_of(texts: Iterable[str | None]) -> list[str]:
    """The distinct folded words of `texts`, sorted, at most MAX_TERMS, the first ones kept."""
    words: dict[str, None] = {}
    for text in texts:
        folded = fold(text or "")
        for word in (*_WORD.findall(folded), *_joined_digits(folded)):
            words.setdefault(word[:MAX_TERM_LENGTH])
            if len(words) == MAX_TERMS:
                return sorted(words)
    return sorted(words)


def _joined_digits(text: str) -> Iterator[str]:
    """Digits in groups as the one word that a query makes of them: `5512345678`, `2026000001`.

    From each group on, since other digits may stand before what is looked for.
    """
    for run in _GROUPED_DIGITS.findall(text):
        groups = re.findall(r"\d+", run)
        for start in range(len(groups)):
            digits = "".join(groups[start : start + MAX_TERM_LENGTH])
            if len(digits) >= _SHORTEST_PHONE:
                yield digits


def phone_terms(phone: str) -> list[str]:
    """The ways a phone in E.164 is typed from its start: with and without the country code."""
    digits = phone.lstrip("+")
    return [digits, *(digits[skip:] for skip in (1, 2, 3) if len(digits) - skip > _SHORTEST_PHONE)]


def query_words(text: str) -> tuple[str, ...]:
    """The prefixes that a document must all have, at most MAX_QUERY_WORDS.

    A text that looks like a phone number is one word, whatever its spaces.
    """
    folded = fold(text)
    digits = re.sub(r"\D", "", folded)
    if len(digits) >= _SHORTEST_PHONE and _PHONE.fullmatch(folded.strip()):
        return (digits[:MAX_TERM_LENGTH],)
    words = _WORD.findall(folded)[:MAX_QUERY_WORDS]
    return tuple(dict.fromkeys(_root(word[:MAX_TERM_LENGTH]) for word in words))


def _common_start(one: str, other: str) -> str:
    for position, (letter, counterpart) in enumerate(zip(one, other, strict=False)):
        if letter != counterpart:
            return one[:position]
    return min(one, other, key=len)


@lru_cache(maxsize=10_000)
def _root(word: str) -> str:
    if not word.isalpha():
        return word
    # Neither stemmer takes the s off `menus`.
    singular = word.removesuffix("s") if len(word) > _SHORTEST_ROOT else word
    # The English stem of both `delivery` and `deliveries` ends in an i that neither word shares.
    stems = (_SPANISH.stemWord(word), _ENGLISH.stemWord(word).removesuffix("i"))
    root = singular
    for stem in stems:
        root = _common_start(root, fold(stem))
    return root if len(root) >= _SHORTEST_ROOT else singular
