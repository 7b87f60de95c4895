"""Templates: what counts as a variable, and that a value is never read as a template."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.templates import VARIABLES, substitute, unknown_variables

values = st.fixed_dictionaries({name: st.text() for name in VARIABLES})
pieces = st.lists(st.sampled_from([f"{{{name}}}" for name in VARIABLES]) | st.text())


@pytest.mark.parametrize(
    ("template", "unknown"),
    [
        ("Hola, soy {assistantName} de {companyName}. Hoy es {today}.", []),
        ("{asistente} y {companyname}", ["{asistente}", "{companyname}"]),
        ("{ companyName } y {company Name}", ["{ companyName }", "{company Name}"]),
        ("{compañía}, {a.b}, {a-b}, {0}", ["{compañía}", "{a.b}", "{a-b}", "{0}"]),
        ("{x} y otra vez {x}", ["{x}"]),
        ("{{companyName}}", []),
        ('Contesta con {"success": true}, [], {} o { }', []),
        ("{companyName", []),
        ("{" * 20_000, []),
    ],
)
def test_only_known_words_in_braces_are_variables(template: str, unknown: list[str]) -> None:
    assert unknown_variables(template) == unknown


@given(pieces=pieces, values=values)
def test_each_variable_becomes_its_value_and_nothing_else_changes(
    pieces: list[str], values: dict[str, str]
) -> None:
    plain = [piece.replace("{", "(") if piece[1:-1] not in values else piece for piece in pieces]
    expected = "".join(values.get(piece[1:-1], piece) for piece in plain)

    assert substitute("".join(plain), values) == expected


def test_a_value_is_never_a_template() -> None:
    values = {"companyName": "{assistantName} \\1 {today}", "assistantName": "Lúmen"}

    rendered = substitute("{companyName}/{assistantName}", values)

    assert rendered == "{assistantName} \\1 {today}/Lúmen"
