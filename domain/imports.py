"""Exports of other systems: from the text of a CSV file to tickets that have a past.

Nothing here asks a database. A file is read into a table, its columns are mapped to fields, and
each row is read into an `ImportedTicket`, or refused with everything that is wrong with it.
"""

import csv
import hashlib
import io
import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from bson import ObjectId

from domain.clock import to_utc
from domain.configuration import FALLBACK_CATEGORY, Configuration
from domain.errors import DomainError, ProblemCode
from domain.search import fold
from domain.tickets import NewTicket, check_new_ticket
from domain.validation import NAME_LENGTH, SUBJECT_LENGTH, TAG_LENGTH, TEXT_LENGTH, Checks
from persistence.models import TicketPriority, TicketStatus


class ImportRefused(DomainError):
    """The file or its mapping cannot be used at all; the message says what to do."""

    code = ProblemCode.VALIDATION


# ---- the file ----------------------------------------------------------------------------------

_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, slots=True)
class Row:
    """`line`: where it begins in the file, from 1. `cells` are by header."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is left out; `cells` is empty where the row could not be read at all."""

    line: int
    reason: str
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    headers: tuple[str, ...]
    rows: list[Row]
    unreadable: list[BadRow]


def decode(content: bytes, encoding: str) -> str:
    """Raises ImportRefused where `content` is of another encoding, or there is none of that name.

    A byte order mark is no part of the text.
    """
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        raise ImportRefused(f"There is no encoding named {encoding}.") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ImportRefused(
            f"The file is not {encoding}: line {line} has the byte 0x{content[error.start]:02X} "
            "where none can be. Name its encoding: --encoding cp1252 (Excel), latin-1, utf-16 …"
        ) from None


def read_table(text: str, delimiter: str | None = None) -> Table:
    """The first line holds the headers; blank lines are no rows. Guesses a missing `delimiter`.

    Raises ImportRefused for a file without headers.
    """
    if delimiter is not None:
        delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter, delimiter)
        if len(delimiter) != 1 or delimiter in '"\r\n':
            raise ImportRefused("A delimiter is one character, or tab.")
    else:
        delimiter = max(_DELIMITERS, key=lambda each: len(_first_record(text, each)))
    first = _first_record(text, delimiter)
    if not any(header.strip() for header in first):
        raise ImportRefused("The file has no line of headers.")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    headers = _distinct(first)
    table = Table(headers, [], [])
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return table
        except csv.Error as error:
            table.unreadable.append(BadRow(line, f"cannot be read: {error}", {}))
            continue
        if line == 1 or not any(cell.strip() for cell in record):
            continue
        cells = dict(zip(headers, record, strict=False))
        if len(record) == len(headers):
            table.rows.append(Row(line, cells))
        else:
            reason = f"has {len(record)} columns where the header has {len(headers)}"
            table.unreadable.append(BadRow(line, reason, cells))


def _first_record(text: str, delimiter: str) -> list[str]:
    try:
        for record in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            return record
    except csv.Error:
        pass
    return []


def _distinct(headers: Sequence[str]) -> tuple[str, ...]:
    """Trimmed; an empty one and one that is there twice are told by their position."""
    names: list[str] = []
    for position, header in enumerate((header.strip() for header in headers), 1):
        names.append(header if header and header not in names else f"{header}#{position}")
    return tuple(names)


# ---- its columns -------------------------------------------------------------------------------


class Field(StrEnum):
    """What a column can hold, as `--map FIELD=COLUMN` names it."""

    ID = "id"
    SUBJECT = "subject"
    DESCRIPTION = "description"
    CATEGORY = "category"
    SUBCATEGORY = "subcategory"
    PRIORITY = "priority"
    STATUS = "status"
    TAGS = "tags"
    ANSWER = "answer"
    CREATED_AT = "created_at"
    ANSWERED_AT = "answered_at"
    CUSTOMER_PHONE = "customer_phone"
    CUSTOMER_NAME = "customer_name"
    CUSTOMER_EMAIL = "customer_email"
    LANGUAGE = "language"


# Each field with its columns; all but TAGS have one.
ColumnMapping = Mapping[Field, tuple[str, ...]]

# What columns are usually called, likeliest first, as `_folded` writes it. A column serves the
# first field that wants it: `type` is the category where nothing else is, else the subcategory.
_USUAL_HEADERS: Mapping[Field, str] = {
    Field.ID: "id external_id id_externo ticket_id ticket_number issue_key issue_id case_number "
    "case_id folio number numero key",
    Field.SUBJECT: "subject asunto title titulo summary resumen issue",
    Field.DESCRIPTION: "description descripcion body message mensaje details detalle detalles "
    "content contenido text texto",
    Field.CATEGORY: "category categoria queue cola department departamento area group grupo topic "
    "tema type tipo ticket_type issue_type",
    Field.SUBCATEGORY: "subcategory sub_category subcategoria subtype type tipo ticket_type "
    "issue_type",
    Field.PRIORITY: "priority prioridad severity severidad urgency urgencia",
    Field.STATUS: "status estado estatus state ticket_status",
    Field.ANSWER: "answer respuesta resolution resolucion solution solucion reply",
    Field.CREATED_AT: "created_at created created_on created_date creation_date date_created "
    "creado fecha_de_creacion fecha_creacion fecha opened_at opened date submitted_at timestamp",
    Field.ANSWERED_AT: "answered_at resolved_at resolved solved_at resolution_date closed_at "
    "closed fecha_de_resolucion fecha_resolucion fecha_de_cierre fecha_cierre",
    Field.CUSTOMER_PHONE: "customer_phone phone phone_number telefono celular movil mobile "
    "whatsapp tel requester_phone contact_phone",
    Field.CUSTOMER_NAME: "customer_name customer cliente nombre_del_cliente requester_name "
    "requester solicitante reporter contact_name contact contacto name nombre",
    Field.CUSTOMER_EMAIL: "customer_email email e_mail mail correo correo_electronico "
    "requester_email contact_email from",
    Field.LANGUAGE: "language idioma lang locale",
}
_TAG_HEADER = re.compile(r"(tags?|etiquetas?|labels?)(_?\d+)?")


def guess_mapping(headers: Sequence[str]) -> ColumnMapping:
    by_name: dict[str, str] = {}
    for header in headers:
        by_name.setdefault(_folded(header), header)
    mapping: dict[Field, tuple[str, ...]] = {}
    for field, usual in _USUAL_HEADERS.items():
        for name in usual.split():
            if name in by_name:
                mapping[field] = (by_name.pop(name),)
                break
    tags = tuple(header for header in headers if _TAG_HEADER.fullmatch(_folded(header)))
    return {**mapping, Field.TAGS: tags} if tags else mapping


def map_columns(headers: Sequence[str], said: Sequence[str]) -> ColumnMapping:
    """What is guessed, but for what is said: `FIELD=COLUMN`, or `FIELD=` for none.

    TAGS may be said several times. Raises ImportRefused for a field or a column that is not there,
    and where nothing says what a ticket is about.
    """
    chosen: dict[Field, tuple[str, ...]] = {}
    for each in said:
        name, _, column = each.partition("=")
        if name not in set(Field):
            raise ImportRefused(f"--map {each}: the fields are {', '.join(Field)}.")
        if column and column not in headers:
            raise ImportRefused(f"--map {each}: the columns are {', '.join(headers)}.")
        field, columns = Field(name), (column,) if column else ()
        chosen[field] = (*chosen.get(field, ()), *columns) if field is Field.TAGS else columns
    taken = {column for columns in chosen.values() for column in columns}
    guessed = guess_mapping([header for header in headers if header not in taken])
    mapping = {field: columns for field, columns in {**guessed, **chosen}.items() if columns}
    if Field.SUBJECT not in mapping and Field.DESCRIPTION not in mapping:
        raise ImportRefused(
            "No column is known to say what a ticket is about; name one with --map subject=COLUMN "
            f"or --map description=COLUMN. The columns are {', '.join(headers)}."
        )
    return mapping


# ---- its rows ----------------------------------------------------------------------------------

_PRIORITIES: Mapping[TicketPriority, str] = {
    TicketPriority.LOW: "low lowest minor trivial baja bajo p4",
    TicketPriority.MEDIUM: "medium normal moderate media medio p3",
    TicketPriority.HIGH: "high major important alta alto importante p2",
    TicketPriority.URGENT: "urgent critical highest blocker emergency urgente critica critico p1",
}
_STATUSES: Mapping[TicketStatus, str] = {
    TicketStatus.NEW: "new nuevo nueva",
    TicketStatus.OPEN: "open opened abierto abierta to_do todo reopened reabierto",
    TicketStatus.IN_PROGRESS: "in_progress en_progreso en_proceso en_curso assigned asignado",
    TicketStatus.PENDING_CUSTOMER: "pending_customer pending pendiente waiting_on_customer "
    "waiting_for_customer awaiting_reply esperando_al_cliente en_espera_del_cliente",
    TicketStatus.WAITING_INTERNAL: "waiting_internal on_hold hold waiting_on_third_party en_espera "
    "detenido",
    TicketStatus.RESOLVED: "resolved solved done fixed resuelto resuelta solucionado solucionada",
    TicketStatus.CLOSED: "closed cerrado cerrada",
}
_PRIORITY_OF = {name: priority for priority, names in _PRIORITIES.items() for name in names.split()}
_STATUS_OF = {name: status for status, names in _STATUSES.items() for name in names.split()}

_DERIVED_SUBJECT_LENGTH = 80
_TAG_SEPARATORS = re.compile(r"[,;|]")
_TIMES = ("", " %H:%M", " %H:%M:%S")
_DAY_FIRST = tuple(f"%d{sep}%m{sep}%Y{time}" for sep in "/-." for time in _TIMES)
_FIRST_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ImportedCustomer:
    """`phone` in E.164."""

    phone: str
    name: str | None
    email: str | None
    language: str | None


@dataclass(frozen=True, slots=True)
class ImportedTicket:
    """A row as a ticket with its past.

    `key` is the same whenever the row is read. `answer` is the resolution of a ticket that has
    ended, and otherwise a public note; `remark` becomes an internal one. `changes` says what was
    changed to make the row fit.
    """

    line: int
    key: ObjectId
    ticket: NewTicket
    customer: ImportedCustomer | None
    created_at: datetime | None
    status: TicketStatus
    answer: str | None
    answered_at: datetime | None
    remark: str | None
    changes: tuple[str, ...]


class RowReader:
    """`source` names the system that the file is from: its ids are unique there alone.

    Dates without an offset are of `time_zone`, those without a year first are day first, unless
    `date_format` (as of `strptime`) says how they are written.
    """

    def __init__(
        self,
        mapping: ColumnMapping,
        configuration: Configuration,
        *,
        source: str,
        time_zone: ZoneInfo,
        phone_region: str,
        now: datetime,
        date_format: str | None = None,
    ) -> None:
        self._mapping = mapping
        self._configuration = configuration
        self._source = source
        self._time_zone = time_zone
        self._phone_region = phone_region
        self._now = now
        self._date_format = date_format
        self._categories = {
            _folded(name): category.id
            for category in configuration.ticket_categories.choices()
            for name in (category.id, category.label, category.label_en)
            if name
        }

    def read(self, row: Row) -> ImportedTicket:
        """Raises ValidationFailed with every fault of the row."""
        checks = Checks()
        changes: list[str] = []
        subject, description = self._texts(row, changes)
        category, subcategory, category_tags = self._category(row, changes)
        customer = self._customer(row, checks)
        language = self._cell(row, Field.LANGUAGE) if customer is None else None
        status = self._status(row, changes)
        created_at = self._instant(row, Field.CREATED_AT, checks, not_before=_FIRST_INSTANT)
        answered_at = self._instant(
            row, Field.ANSWERED_AT, checks, not_before=created_at or _FIRST_INSTANT
        )
        answer = checks.optional_text(
            Field.ANSWER, self._cell(row, Field.ANSWER), longest=TEXT_LENGTH
        )
        ticket = NewTicket(
            subject=subject,
            description=description,
            category=category,
            subcategory=subcategory,
            priority=self._priority(row, changes),
            tags=[*self._tags(row), *category_tags, *([language] if language else [])],
        )
        ticket = check_new_ticket(ticket, self._configuration, checks)
        return ImportedTicket(
            line=row.line,
            key=self._key(row),
            ticket=ticket,
            customer=customer,
            created_at=created_at,
            status=status or (TicketStatus.RESOLVED if answer else TicketStatus.NEW),
            answer=answer,
            answered_at=answered_at,
            remark=self._remark(row) if customer is None else None,
            changes=tuple(changes),
        )

    def _cell(self, row: Row, field: Field) -> str | None:
        """Trimmed; None where the field has no column or the cell nothing in it."""
        (column,) = self._mapping.get(field, (None,))
        return row.cells[column].strip() or None if column else None

    def _key(self, row: Row) -> ObjectId:
        """From the row's id, or from everything in it."""
        known_as = self._cell(row, Field.ID)
        identity = [self._source, known_as] if known_as else [self._source, *row.cells.items()]
        digest = hashlib.sha256(json.dumps(identity).encode()).digest()
        return ObjectId(digest[:12])

    def _texts(self, row: Row, changes: list[str]) -> tuple[str, str]:
        """Of subject and description one can stand for the other, and nothing is lost."""
        subject = " ".join((self._cell(row, Field.SUBJECT) or "").split())
        description = self._cell(row, Field.DESCRIPTION) or ""
        if not description and subject:
            changes.append("no description: it is the subject")
            description = subject
        if not subject and description:
            changes.append("no subject: it is the beginning of the description")
            subject = _shortened(description, _DERIVED_SUBJECT_LENGTH)
        if len(subject) > SUBJECT_LENGTH:
            changes.append("subject too long: it is whole in the description")
            description = f"{subject}\n\n{description}"
            subject = _shortened(subject, SUBJECT_LENGTH)
        return subject, description

    def _category(self, row: Row, changes: list[str]) -> tuple[str, str | None, tuple[str, ...]]:
        """The category, the subcategory, and as a tag what has no room in either."""
        said, subcategory = self._cell(row, Field.CATEGORY), self._cell(row, Field.SUBCATEGORY)
        if said is None:
            return FALLBACK_CATEGORY, subcategory, ()
        if known := self._categories.get(_folded(said)):
            return known, subcategory, ()
        changes.append(f"category {said!r} is not configured: {FALLBACK_CATEGORY}")
        if subcategory is None:
            return FALLBACK_CATEGORY, said, ()
        return FALLBACK_CATEGORY, subcategory, (_shortened(said, TAG_LENGTH),)

    def _priority(self, row: Row, changes: list[str]) -> TicketPriority:
        said = self._cell(row, Field.PRIORITY)
        if said is None:
            return TicketPriority.MEDIUM
        known = _PRIORITY_OF.get(_folded(said))
        if known is None:
            changes.append(f"priority {said!r} is not known: {TicketPriority.MEDIUM}")
        return known or TicketPriority.MEDIUM

    def _status(self, row: Row, changes: list[str]) -> TicketStatus | None:
        said = self._cell(row, Field.STATUS)
        if said is None:
            return None
        known = _STATUS_OF.get(_folded(said))
        if known is None:
            changes.append(f"status {said!r} is not known: as without one")
        return known

    def _tags(self, row: Row) -> list[str]:
        cells = [row.cells[column] for column in self._mapping.get(Field.TAGS, ())]
        tags = (tag.strip() for cell in cells for tag in _TAG_SEPARATORS.split(cell))
        return [tag for tag in tags if tag]

    def _customer(self, row: Row, checks: Checks) -> ImportedCustomer | None:
        phone = self._cell(row, Field.CUSTOMER_PHONE)
        if phone is None:
            return None
        email = self._cell(row, Field.CUSTOMER_EMAIL)
        return ImportedCustomer(
            phone=checks.phone(Field.CUSTOMER_PHONE, phone, self._phone_region),
            name=checks.optional_text(
                Field.CUSTOMER_NAME,
                self._cell(row, Field.CUSTOMER_NAME),
                longest=NAME_LENGTH,
                lines=False,
            ),
            email=checks.email(Field.CUSTOMER_EMAIL, email) if email else None,
            language=checks.optional_text(
                Field.LANGUAGE, self._cell(row, Field.LANGUAGE), longest=35, lines=False
            ),
        )

    def _remark(self, row: Row) -> str | None:
        """Who it was, where there is no phone by which customers are known."""
        fields = (Field.CUSTOMER_NAME, Field.CUSTOMER_EMAIL)
        said = [cell for field in fields if (cell := self._cell(row, field))]
        return f"Customer: {', '.join(said)}" if said else None

    def _instant(
        self, row: Row, field: Field, checks: Checks, *, not_before: datetime
    ) -> datetime | None:
        said = self._cell(row, field)
        if said is None:
            return None
        at = self._parsed(said)
        if at is None:
            checks.fault(field, f"{said!r} is not a date that is understood; see --date-format")
        elif at > self._now:
            checks.fault(field, f"{said!r} is in the future")
        elif at < not_before:
            checks.fault(field, f"{said!r} is too early")
        return at

    def _parsed(self, said: str) -> datetime | None:
        for date_format in [self._date_format] if self._date_format else [None, *_DAY_FIRST]:
            try:
                at = (
                    datetime.strptime(said, date_format)  # noqa: DTZ007 - below
                    if date_format
                    else datetime.fromisoformat(said)
                )
                return to_utc(at if at.tzinfo else at.replace(tzinfo=self._time_zone))
            except (ValueError, OverflowError):
                continue
        return None


def _shortened(text: str, longest: int) -> str:
    """At most `longest` characters, ending after a word where one ends in time."""
    if len(text) <= longest:
        return " ".join(text.split())
    shorter = textwrap.shorten(text, longest, placeholder="…")
    return shorter if len(shorter) > 1 else text[: longest - 1] + "…"


def _folded(text: str) -> str:
    """A name as it is looked up: `Fecha de creación`, `FECHA_DE_CREACION`, `fechaDeCreacion`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[^a-z0-9]+", "_", fold(words)).strip("_")
