"""Other systems' exports, read without a database."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.configuration import default_configuration
from domain.errors import ValidationFailed
from domain.imports import (
    Field,
    ImportedTicket,
    ImportRefused,
    Row,
    RowReader,
    decode,
    guess_mapping,
    map_columns,
    read_table,
)
from persistence.models import TicketPriority, TicketStatus

NOW = datetime(2026, 6, 1, tzinfo=UTC)
WHOLE = {field: (field.value,) for field in Field}


def reader(*, source: str = "test", date_format: str | None = None) -> RowReader:
    return RowReader(
        WHOLE,
        default_configuration(),
        source=source,
        time_zone=ZoneInfo("America/Mexico_City"),
        phone_region="MX",
        now=NOW,
        date_format=date_format,
    )


def row(line: int = 2, /, **cells: str) -> Row:
    """With every field's column; what is not given is empty."""
    filled = {"subject": "Sin luz", "description": "No enciende la lámpara."} | cells
    return Row(line, {field.value: filled.get(field.value, "") for field in Field})


def read(**cells: str) -> ImportedTicket:
    return reader().read(row(**cells))


def faults(**cells: str) -> str:
    with pytest.raises(ValidationFailed) as refused:
        read(**cells)
    return refused.value.message


# ---- the file ----------------------------------------------------------------------------------


def test_a_byte_order_mark_is_no_part_of_the_first_header() -> None:
    assert read_table(decode("\ufeffasunto\nSin luz\n".encode(), "utf-8")).headers == ("asunto",)


def test_another_encoding_is_refused_with_the_line_and_what_to_do() -> None:
    content = "asunto\nSin luz\nLámpara\n".encode("cp1252")
    with pytest.raises(ImportRefused, match=r"line 3 .*0xE1.*--encoding cp1252"):
        decode(content, "utf-8")
    assert "Lámpara" in decode(content, "cp1252")


def test_an_encoding_that_there_is_not_is_refused() -> None:
    with pytest.raises(ImportRefused, match="no encoding named utf-99"):
        decode(b"x", "utf-99")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_guessed_from_the_headers(delimiter: str) -> None:
    text = delimiter.join(["asunto", "descripción"]) + "\n" + delimiter.join(["a", "b, c; d|e"])
    table = read_table(text.replace("b, c; d|e", '"b, c; d|e"'))
    assert table.headers == ("asunto", "descripción")
    assert table.rows[0].cells["descripción"] == "b, c; d|e"


@pytest.mark.parametrize("name", ["tab", "\\t", "\t"])
def test_a_tab_can_be_typed(name: str) -> None:
    assert read_table("a\tb\n1\t2\n", name).headers == ("a", "b")


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n"])
def test_what_cannot_delimit_is_refused(delimiter: str) -> None:
    with pytest.raises(ImportRefused, match="delimiter"):
        read_table("a,b\n", delimiter)


@pytest.mark.parametrize("text", ["", "\n", " , \n"])
def test_a_file_without_headers_is_refused(text: str) -> None:
    with pytest.raises(ImportRefused, match="headers"):
        read_table(text)


def test_rows_know_where_they_begin_though_cells_have_lines_of_their_own() -> None:
    table = read_table('subject,body\none,"first\nsecond"\n\n  ,\ntwo,x\n')
    assert [(each.line, each.cells["subject"]) for each in table.rows] == [(2, "one"), (6, "two")]
    assert table.rows[0].cells["body"] == "first\nsecond"


def test_a_row_of_another_width_is_bad_and_the_others_are_not() -> None:
    table = read_table("a,b\n1,2\n1,2,3\n1\n3,4\n")
    assert [each.line for each in table.rows] == [2, 5]
    assert [(each.line, each.reason) for each in table.unreadable] == [
        (3, "has 3 columns where the header has 2"),
        (4, "has 1 columns where the header has 2"),
    ]


def test_a_quote_that_is_never_closed_swallows_no_row_unseen() -> None:
    table = read_table('a,b\n1,2\n"3,4\n5,6\n')
    assert [each.line for each in table.rows] == [2]
    assert [each.line for each in table.unreadable] == [3]


def test_a_cell_too_large_to_read_is_bad_and_the_next_row_is_not() -> None:
    table = read_table(f"a,b\n{'x' * 200_000},2\n3,4\n")
    assert [each.line for each in table.unreadable] == [2]
    assert [each.line for each in table.rows] == [3]


def test_headers_that_are_empty_or_repeated_are_told_apart() -> None:
    assert read_table("a,,a\n1,2,3\n").headers == ("a", "#2", "a#3")


# ---- its columns -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Subject", Field.SUBJECT),
        ("ASUNTO", Field.SUBJECT),
        ("Título", Field.SUBJECT),
        ("body", Field.DESCRIPTION),
        ("Descripción", Field.DESCRIPTION),
        ("Prioridad", Field.PRIORITY),
        ("queue", Field.CATEGORY),
        ("Type", Field.CATEGORY),
        ("Categoría", Field.CATEGORY),
        ("Estatus", Field.STATUS),
        ("Labels", Field.TAGS),
        ("Fecha de creación", Field.CREATED_AT),
        ("createdAt", Field.CREATED_AT),
        ("Created at", Field.CREATED_AT),
        ("Teléfono", Field.CUSTOMER_PHONE),
        ("Requester Name", Field.CUSTOMER_NAME),
        ("Correo electrónico", Field.CUSTOMER_EMAIL),
        ("External ID", Field.ID),
        ("ticketID", Field.ID),
        ("Idioma", Field.LANGUAGE),
        ("Respuesta", Field.ANSWER),
        ("Resolved at", Field.ANSWERED_AT),
    ],
)
def test_usual_headers_are_known(header: str, field: Field) -> None:
    assert guess_mapping([header]) == {field: (header,)}


def test_columns_of_tags_go_together() -> None:
    assert guess_mapping(["tag_1", "other", "tag_2", "Etiqueta 3"]) == {
        Field.TAGS: ("tag_1", "tag_2", "Etiqueta 3")
    }


def test_the_type_is_the_subcategory_where_something_else_is_the_category() -> None:
    assert guess_mapping(["type", "queue"]) == {
        Field.CATEGORY: ("queue",),
        Field.SUBCATEGORY: ("type",),
    }


def test_what_is_said_goes_before_what_is_guessed() -> None:
    mapping = map_columns(["subject", "body", "queue"], ["subject=body", "description=subject"])
    assert mapping == {
        Field.SUBJECT: ("body",),
        Field.DESCRIPTION: ("subject",),
        Field.CATEGORY: ("queue",),
    }


def test_a_field_can_be_left_out() -> None:
    assert Field.PRIORITY not in map_columns(["subject", "priority"], ["priority="])


def test_tags_can_be_said_several_times() -> None:
    mapping = map_columns(["subject", "a", "b"], ["tags=a", "tags=b"])
    assert mapping[Field.TAGS] == ("a", "b")


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("asunto=subject", "the fields are id, subject"),
        ("subject=nothing", "the columns are subject, body"),
        ("subject", "No column is known"),
    ],
)
def test_a_mapping_of_what_is_not_there_is_refused(said: str, answer: str) -> None:
    only = ["subject", "body"] if "=" in said else ["x"]
    with pytest.raises(ImportRefused, match=answer):
        map_columns(only, [said])


# ---- its rows ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "priority"),
    [
        ("low", TicketPriority.LOW),
        ("Baja", TicketPriority.LOW),
        ("medium", TicketPriority.MEDIUM),
        ("MEDIA", TicketPriority.MEDIUM),
        ("", TicketPriority.MEDIUM),
        ("High", TicketPriority.HIGH),
        ("alta", TicketPriority.HIGH),
        ("urgent", TicketPriority.URGENT),
        ("Urgente", TicketPriority.URGENT),
        ("Crítica", TicketPriority.URGENT),
        ("critical", TicketPriority.URGENT),
    ],
)
def test_priorities_are_understood(said: str, priority: TicketPriority) -> None:
    ticket = read(priority=said)
    assert ticket.ticket.priority is priority
    assert not ticket.changes


def test_an_unknown_priority_becomes_the_default_and_is_told() -> None:
    ticket = read(priority="whenever")
    assert ticket.ticket.priority is TicketPriority.MEDIUM
    assert ticket.changes == ("priority 'whenever' is not known: MEDIUM",)


@pytest.mark.parametrize("said", ["light_malfunction", "Falla de luminaria", "LIGHT MALFUNCTION"])
def test_a_category_is_known_by_its_id_and_by_its_labels(said: str) -> None:
    ticket = read(category=said)
    assert ticket.ticket.category == "light_malfunction"
    assert not ticket.changes


def test_an_unknown_category_is_kept_as_the_subcategory() -> None:
    ticket = read(category="Technical Support")
    assert (ticket.ticket.category, ticket.ticket.subcategory) == ("other", "Technical Support")
    assert ticket.changes == ("category 'Technical Support' is not configured: other",)


def test_an_unknown_category_beside_a_subcategory_is_kept_as_a_tag() -> None:
    ticket = read(category="Technical Support", subcategory="Incident", tags="red, lenta").ticket
    assert (ticket.category, ticket.subcategory) == ("other", "Incident")
    assert list(ticket.tags) == ["red", "lenta", "technical support"]


def test_a_missing_subject_is_taken_from_the_description() -> None:
    ticket = read(subject="", description="La lámpara\nde la esquina no enciende. " * 5)
    assert ticket.ticket.subject.startswith("La lámpara de la esquina no enciende.")
    assert ticket.ticket.subject.endswith("…")
    assert len(ticket.ticket.subject) <= 80
    assert ticket.changes == ("no subject: it is the beginning of the description",)


def test_a_missing_description_is_the_subject() -> None:
    assert read(description="").ticket.description == "Sin luz"


def test_a_subject_that_is_too_long_is_kept_whole_in_the_description() -> None:
    long = "palabra " * 40
    ticket = read(subject=long).ticket
    assert len(ticket.subject) <= 200
    assert ticket.description == f"{long.strip()}\n\nNo enciende la lámpara."


def test_a_subject_without_any_space_is_cut_too() -> None:
    assert len(read(subject="x" * 300).ticket.subject) == 200


def test_a_row_that_says_nothing_is_bad() -> None:
    assert "subject: must not be empty" in faults(subject="", description="")


def test_every_fault_of_a_row_is_told_at_once() -> None:
    told = faults(
        description="x" * 10_001,
        customer_phone="none",
        customer_email="none",
        created_at="yesterday",
        tags="x" * 41,
    )
    for field in ("description", "customer_phone", "customer_email", "created_at", "tags[0]"):
        assert f"{field}: " in told


@pytest.mark.parametrize("field", ["description", "customer_name", "answer"])
def test_a_character_that_cannot_be_stored_is_bad(field: str) -> None:
    assert f"{field}: has a character" in faults(
        **{field: "a\0b", "customer_phone": "55 1234 5678"}
    )


def test_a_customer_is_known_by_the_phone() -> None:
    ticket = read(
        customer_phone="55 1234 5678", customer_name="Ana", customer_email="ANA@example.com"
    )
    assert ticket.customer is not None
    assert ticket.customer.phone == "+525512345678"
    assert (ticket.customer.name, ticket.customer.email) == ("Ana", "ana@example.com")
    assert ticket.remark is None


def test_a_customer_without_a_phone_is_kept_in_a_remark() -> None:
    ticket = read(customer_name="Ana", customer_email="ana@example.com")
    assert ticket.customer is None
    assert ticket.remark == "Customer: Ana, ana@example.com"


def test_the_language_is_the_customers_and_else_a_tag() -> None:
    spoken = read(language="es", customer_phone="55 1234 5678")
    assert spoken.customer is not None
    assert (spoken.customer.language, list(spoken.ticket.tags)) == ("es", [])
    assert list(read(language="es").ticket.tags) == ["es"]


@pytest.mark.parametrize(
    ("status", "answer", "becomes"),
    [
        ("", "", TicketStatus.NEW),
        ("", "Listo.", TicketStatus.RESOLVED),
        ("abierto", "Ya vamos.", TicketStatus.OPEN),
        ("En proceso", "", TicketStatus.IN_PROGRESS),
        ("pending", "", TicketStatus.PENDING_CUSTOMER),
        ("On-hold", "", TicketStatus.WAITING_INTERNAL),
        ("Solved", "", TicketStatus.RESOLVED),
        ("Cerrado", "Listo.", TicketStatus.CLOSED),
        ("ausente", "Listo.", TicketStatus.RESOLVED),
    ],
)
def test_the_state_is_what_the_row_says_and_else_what_the_answer_says(
    status: str, answer: str, becomes: TicketStatus
) -> None:
    assert read(status=status, answer=answer).status is becomes


def at(*args: Any) -> datetime:
    return datetime(*args, tzinfo=ZoneInfo("America/Mexico_City"))


@pytest.mark.parametrize(
    ("said", "instant"),
    [
        ("2024-03-05T10:20:30Z", datetime(2024, 3, 5, 10, 20, 30, tzinfo=UTC)),
        ("2024-03-05 10:20", at(2024, 3, 5, 10, 20)),
        ("2024-03-05", at(2024, 3, 5)),
        ("5/3/2024", at(2024, 3, 5)),
        ("05-03-2024 18:30", at(2024, 3, 5, 18, 30)),
        ("05.03.2024 18:30:15", at(2024, 3, 5, 18, 30, 15)),
    ],
)
def test_dates_are_understood_in_the_time_zone_of_the_business(
    said: str, instant: datetime
) -> None:
    assert read(created_at=said).created_at == instant


def test_a_date_format_that_is_said_is_the_only_one() -> None:
    american = reader(date_format="%m/%d/%Y %I:%M %p")
    assert american.read(row(created_at="12/25/2024 3:30 PM")).created_at == at(
        2024, 12, 25, 15, 30
    )
    with pytest.raises(ValidationFailed, match="--date-format"):
        american.read(row(created_at="2024-12-25"))


@pytest.mark.parametrize(
    ("cells", "answer"),
    [
        ({"created_at": "12/25/2024"}, "not a date that is understood"),
        ({"created_at": "2026-06-02"}, "is in the future"),
        ({"created_at": "1969-12-31T00:00Z"}, "is too early"),
        ({"created_at": "2024-03-05", "answered_at": "2024-03-04"}, "answered_at: .* too early"),
    ],
)
def test_dates_that_cannot_be_are_bad(cells: dict[str, str], answer: str) -> None:
    with pytest.raises(ValidationFailed, match=answer):
        reader().read(row(**cells))


# ---- which ticket it is ------------------------------------------------------------------------


def test_the_same_id_is_the_same_ticket_whatever_else_has_changed() -> None:
    assert read(id="42", subject="a").key == read(id="42", subject="b").key


def test_an_id_of_another_system_is_another_ticket() -> None:
    theirs = reader(source="theirs").read(row(id="42"))
    assert theirs.key != read(id="42").key


def test_without_an_id_the_same_row_is_the_same_ticket() -> None:
    assert read(subject="a").key == reader().read(row(9, subject="a")).key
    assert read(subject="a").key != read(subject="b").key
