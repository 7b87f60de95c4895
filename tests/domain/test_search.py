"""Search words: what a person types finds what another person wrote."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.search import (
    MAX_QUERY_WORDS,
    MAX_TERM_LENGTH,
    MAX_TERMS,
    fold,
    phone_terms,
    query_words,
    terms_of,
)

LETTERS = "abcdefghijklmnopqrstuvwxyzáéíóúüñçâêôàèãõ"
words = st.text(LETTERS, min_size=1, max_size=30)
nouns = st.from_regex(r"([bcdfglmnprst][aeiou][nrl]?){2,5}", fullmatch=True)
texts = st.text(max_size=200)


def finds(query: str, *texts: str) -> bool:
    """As the database decides: each word of the query begins a word of the texts."""
    terms = terms_of(texts)
    return all(any(term.startswith(word) for term in terms) for word in query_words(query))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("lampara", "Dos lámparas apagadas"),
        ("lámparas", "una lampara"),
        ("LÁMPARAS", "lampara"),
        ("lamp", "lámparas"),
        ("facturas", "La facturación de mayo"),
        ("factura", "facturas"),
        ("luces", "las luces"),
        ("menús", "el menú"),
        ("instalaciones", "instalación solar"),
        ("deliveries", "late delivery"),
        ("delivery", "two deliveries"),
        ("broken lamps", "lamp that is broken"),
        ("niño", "el niño"),
        ("niño", "el nino"),
        ("LUX-2026-000001", "LUX-2026-000001"),
        ("2026-000001", "LUX-2026-000001"),
        ("ﬁrma", "firma"),
        ("STRASSE", "straße"),
        ("no 5", "№ 5"),
        ("55 1234 5678", "call 55-1234-5678 or 2026-11-22"),
        ("2026-11-22", "call 55-1234-5678 or 2026-11-22"),
    ],
)
def test_finds(query: str, text: str) -> None:
    assert finds(query, text)


@pytest.mark.parametrize(
    ("query", "text"), [("lampara rota", "lampara"), ("ampara", "lampara"), ("luz", "lucha")]
)
def test_does_not_find(query: str, text: str) -> None:
    assert not finds(query, text)


@given(texts)
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(texts)
def test_case_and_composition_do_not_matter(text: str) -> None:
    for form in ("NFC", "NFD"):
        assert fold(unicodedata.normalize(form, text)) == fold(text)
    assert fold(fold(text).upper()) == fold(text)


@given(words)
def test_accents_do_not_matter(word: str) -> None:
    bare = "".join(
        letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter)
    )
    assert terms_of([bare]) == terms_of([word])
    assert query_words(bare) == query_words(word) == query_words(word.upper())


@given(texts)
def test_a_text_finds_itself(text: str) -> None:
    assert finds(text, text)


@given(nouns)
def test_a_noun_finds_its_plural_and_its_plural_finds_it(noun: str) -> None:
    plural = noun + ("s" if noun[-1] in "aeiou" else "es")
    assert finds(noun, plural)
    assert finds(plural, noun)


@given(st.lists(words, min_size=1, max_size=MAX_QUERY_WORDS))
def test_the_order_of_words_does_not_matter(written: list[str]) -> None:
    assert finds(" ".join(reversed(written)), " ".join(written))


@given(st.lists(words, min_size=1, max_size=30), st.integers(1, 30))
def test_more_words_never_find_more(written: list[str], kept: int) -> None:
    text = " ".join(written[:kept])
    if finds(" ".join(written), text):
        assert all(finds(word, text) for word in written[:MAX_QUERY_WORDS])


@given(texts)
def test_nothing_but_letters_and_digits_reaches_the_database(text: str) -> None:
    for word in (*query_words(text), *terms_of([text])):
        assert word.isalnum()
        assert len(word) <= MAX_TERM_LENGTH
    assert len(query_words(text)) <= MAX_QUERY_WORDS


@pytest.mark.parametrize(
    "text", ["$where", '{"$ne": null}', ".*", "a|b", "^(a+)+$", "\x00", "a\x00b", "\ud800", "$"]
)
def test_an_operator_is_only_its_letters(text: str) -> None:
    assert all(word.isalnum() and "$" not in word for word in query_words(text))


def test_a_long_text_is_known_by_its_first_words() -> None:
    written = [f"w{number:04}" for number in reversed(range(MAX_TERMS + 500))]
    assert terms_of([" ".join(written * 2)]) == sorted(written[:MAX_TERMS])


@pytest.mark.parametrize(
    "typed",
    [
        "+52 55 1234 5678",
        "5512345678",
        "55 1234 5678",
        "(55) 1234-5678",
        "525512345678",
        "\uff15\uff15 1234 5678",
    ],
)
def test_a_phone_is_found_as_people_write_it(typed: str) -> None:
    terms = terms_of(phone_terms("+525512345678"))
    (word,) = query_words(typed)
    assert any(term.startswith(word) for term in terms)


@given(st.from_regex(r"\+[1-9][0-9]{9,14}", fullmatch=True))
def test_every_phone_finds_itself(phone: str) -> None:
    terms = terms_of(phone_terms(phone))
    for typed in (phone, phone[1:], phone[2:], phone[:9]):
        assert all(any(term.startswith(word) for term in terms) for word in query_words(typed))
