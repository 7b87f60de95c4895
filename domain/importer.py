"""Bringing in what was read from another system's export."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from bson import ObjectId

from domain.access import SYSTEM
from domain.clock import SetClock, utc_now
from domain.customers import Customers
from domain.errors import ValidationFailed
from domain.imports import (
    BadRow,
    ImportedCustomer,
    ImportedTicket,
    RowReader,
    Table,
)
from domain.tickets import Tickets
from persistence.drafts import Drafts
from persistence.errors import Duplicate
from persistence.models import NoteVisibility, TicketSource, TicketStatus

# Tickets that are stored in one transaction: it takes a fraction of a second, for which it holds up
# a server that uses the same database.
BATCH = 50

# The states through which a ticket that was opened comes to where it is; resolving is one of them.
_WAYS: dict[TicketStatus, tuple[TicketStatus, ...]] = {
    TicketStatus.NEW: (),
    TicketStatus.OPEN: (TicketStatus.OPEN,),
    TicketStatus.IN_PROGRESS: (TicketStatus.IN_PROGRESS,),
    TicketStatus.PENDING_CUSTOMER: (TicketStatus.OPEN, TicketStatus.PENDING_CUSTOMER),
    TicketStatus.WAITING_INTERNAL: (TicketStatus.IN_PROGRESS, TicketStatus.WAITING_INTERNAL),
    TicketStatus.RESOLVED: (TicketStatus.RESOLVED,),
    TicketStatus.CLOSED: (TicketStatus.RESOLVED, TicketStatus.CLOSED),
}
# What is said of a ticket that ended elsewhere without anybody saying how.
NO_SUMMARY = "Resolved before it was imported."


@dataclass(frozen=True, slots=True)
class Review:
    """What an import would do: `new` would come in, `known` came in before, `bad` cannot."""

    new: list[ImportedTicket]
    known: int
    bad: list[BadRow]


class Importer:
    """Its services go by `clock` and keep tickets in `drafts`.

    A row's key is its ticket's, for good: what has come in once does not come in again, also when
    the import was cut short, and whoever else imports the same at the same time.
    """

    def __init__(
        self, *, tickets: Tickets, customers: Customers, drafts: Drafts, clock: SetClock
    ) -> None:
        self._tickets = tickets
        self._customers = customers
        self._drafts = drafts
        self._clock = clock
        self._customer_ids: dict[str, ObjectId] = {}

    async def review(self, table: Table, reader: RowReader) -> Review:
        """Reads every row, and changes nothing."""
        bad = list(table.unreadable)
        good: dict[ObjectId, ImportedTicket] = {}
        for row in table.rows:
            try:
                ticket = reader.read(row)
            except ValidationFailed as error:
                bad.append(BadRow(row.line, error.message, row.cells))
                continue
            first = good.setdefault(ticket.key, ticket)
            if first is not ticket:
                bad.append(BadRow(row.line, f"repeats line {first.line}", row.cells))
        known = await self._known(good.values())
        new = [ticket for ticket in good.values() if ticket.key not in known]
        return Review(new, len(known), sorted(bad, key=lambda each: each.line))

    async def bring_in(
        self, imported: Sequence[ImportedTicket], progress: Callable[[int], None]
    ) -> None:
        """Stores each with its customer and its past. `progress` hears how many are in.

        Raises ValidationFailed where the configuration has changed since they were read.
        """
        for start in range(0, len(imported), BATCH):
            batch = imported[start : start + BATCH]
            await self._store(batch)
            progress(start + len(batch))

    async def _store(self, batch: Sequence[ImportedTicket]) -> None:
        """All of the batch, or nothing; again where somebody else was quicker with some of it."""
        while True:
            known = await self._known(batch)
            for imported in batch:
                if imported.key not in known:
                    await self._live(imported)
            try:
                await self._drafts.store()
            except Duplicate:
                self._drafts.discard()
            else:
                return

    async def _known(self, imported: Iterable[ImportedTicket]) -> set[ObjectId]:
        keys = [each.key for each in imported]
        return set(await self._tickets.find_by_keys(SYSTEM, keys))

    async def _live(self, imported: ImportedTicket) -> None:
        """From its opening to the state in which it comes."""
        opened_at = imported.created_at or utc_now()
        self._clock.set(opened_at)
        customer_id = await self._customer(imported.customer) if imported.customer else None
        opened = await self._tickets.create(
            SYSTEM,
            replace(imported.ticket, customer_id=customer_id),
            source=TicketSource.API,
            key=imported.key,
        )
        number = opened.ticket.ticket_id
        if imported.remark:
            await self._note(number, imported.remark, NoteVisibility.INTERNAL)
        self._clock.set(imported.answered_at or opened_at)
        way = _WAYS[imported.status]
        if imported.answer and TicketStatus.RESOLVED not in way:
            await self._note(number, imported.answer, NoteVisibility.PUBLIC)
        for status in way:
            if status is TicketStatus.RESOLVED:
                await self._tickets.resolve(SYSTEM, number, imported.answer or NO_SUMMARY)
            else:
                await self._tickets.change_status(SYSTEM, number, status)

    async def _note(self, number: str, text: str, visibility: NoteVisibility) -> None:
        await self._tickets.add_note(SYSTEM, number, text, visibility=visibility)

    async def _customer(self, named: ImportedCustomer) -> ObjectId:
        """Who is known already keeps the details that are known."""
        if known := self._customer_ids.get(named.phone):
            return known
        customer = await self._customers.find_by_phone(SYSTEM, named.phone)
        if customer is None:
            customer = await self._customers.upsert(
                SYSTEM,
                phone=named.phone,
                name=named.name,
                email=named.email,
                language=named.language,
            )
        self._customer_ids[named.phone] = customer.id
        return customer.id
