"""The work on tickets.

Each method authorises, decides, and asks for one atomic write with its event; each returns the
ticket as it then is.

Every change takes `expected_version`: where the ticket has moved on, it raises Conflict with the
current ticket. Without one, a change is decided upon what is there, and retried when somebody else
was quicker, so that two people who edit different fields both succeed. NotFound means that the
ticket does not exist for the actor.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from bson import ObjectId

from domain import sla
from domain.access import (
    Actor,
    Permission,
    audience_of,
    permission_to_write,
    readable_events,
    readable_notes,
    readable_tickets,
)
from domain.clock import Clock, milliseconds, sort_key
from domain.configuration import Configuration, ConfigurationSource
from domain.customers import Customers
from domain.errors import Conflict, Forbidden, NotFound, ValidationFailed
from domain.idempotency import Idempotency, KeyedRequest
from domain.lifecycle import (
    check_transition,
    is_closing_reason,
    is_duplicate_reason,
    is_reopening,
    needs_reason,
)
from domain.numbers import business_year, counter_name, format_number
from domain.search import phone_terms, query_words, terms_of
from domain.validation import KEY_LENGTH, SUBJECT_LENGTH, TEXT_LENGTH, Checks
from persistence.accounts import AccountStore
from persistence.attachments import AttachmentStore
from persistence.counters import CounterStore
from persistence.database import Database, Transaction
from persistence.documents import evolve
from persistence.errors import Duplicate
from persistence.models import (
    Attachment,
    Customer,
    Escalation,
    Feedback,
    FieldChange,
    Location,
    Note,
    NoteVisibility,
    Resolution,
    SortKeys,
    Ticket,
    TicketEvent,
    TicketEventType,
    TicketFacts,
    TicketLink,
    TicketLinkKind,
    TicketPriority,
    TicketSource,
    TicketStatus,
)
from persistence.pages import Page, Window
from persistence.tickets import DETAILS, TicketOrder, TicketQuery, TicketStore

# They are shown in one list, without pages.
MAX_ATTACHMENTS = 50

# How long its author may take back a public note.
RETRACTION_WINDOW = timedelta(minutes=5)

NOTE_RETRACTED = "note retracted"

# From bad to good.
RATINGS = range(1, 6)

# For "this argument was not given", where None is a value.
UNSET: Final[Any] = object()


@dataclass(frozen=True, slots=True)
class NewTicket:
    """What a caller says of a ticket to be; the customer may be named in any one way."""

    subject: str
    description: str
    category: str
    subcategory: str | None = None
    priority: TicketPriority = TicketPriority.MEDIUM
    tags: Sequence[str] = ()
    location: Location | None = None
    customer_id: ObjectId | None = None
    customer_phone: str | None = None
    conversation_id: ObjectId | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`replayed`: the request had been carried out before, and nothing was done now."""

    ticket: Ticket
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class _Decision:
    """What becomes of a ticket, and what else is written with it."""

    ticket: Ticket
    type: TicketEventType
    reason: str | None = None
    note: Note | None = None
    attachment: Attachment | None = None
    also: Callable[[Transaction], Awaitable[None]] | None = None
    # A change that leaves every field as it was, such as a note, still is one.
    even_if_same: bool = False


@dataclass(slots=True)
class _NumberDraw:
    """A number drawn once, however often its transaction is tried."""

    drawn: list[str] = field(default_factory=list[str])


_Decide = Callable[[Ticket, datetime, Transaction], Awaitable[_Decision]]


class Tickets:
    def __init__(
        self,
        *,
        database: Database,
        store: TicketStore,
        attachments: AttachmentStore,
        customers: Customers,
        accounts: AccountStore,
        counters: CounterStore,
        idempotency: Idempotency,
        configuration: ConfigurationSource,
        clock: Clock,
        time_zone: ZoneInfo,
    ) -> None:
        self._database = database
        self._store = store
        self._attachments = attachments
        self._customers = customers
        self._accounts = accounts
        self._counters = counters
        self._idempotency = idempotency
        self._configuration = configuration
        self._clock = clock
        self._time_zone = time_zone

    # ---- reading ---------------------------------------------------------------------------

    async def find(self, actor: Actor, ticket_id: str) -> Ticket | None:
        """None for a number that is unknown as for one that the actor may not see."""
        return await self._store.find(readable_tickets(actor), ticket_id)

    async def any_ticket(self) -> bool:
        """False on an installation that has never been used."""
        return await self._store.any_ticket()

    async def find_by_keys(self, actor: Actor, keys: Iterable[ObjectId]) -> dict[ObjectId, Ticket]:
        return await self._store.find_by_keys(readable_tickets(actor), keys)

    async def page(
        self,
        actor: Actor,
        query: TicketQuery,
        window: Window,
        *,
        order: TicketOrder,
        descending: bool,
        details: Collection[str] = DETAILS,
    ) -> Page[Ticket]:
        """With those of `persistence.tickets.DETAILS` that are named, and no others."""
        return await self._store.page(
            query,
            readable_tickets(actor),
            window,
            order=order,
            descending=descending,
            details=details,
        )

    async def count(self, actor: Actor, query: TicketQuery) -> int:
        return await self._store.count(query, readable_tickets(actor))

    async def notes_page(
        self, actor: Actor, ticket: Ticket, visibility: NoteVisibility | None, window: Window
    ) -> Page[Note]:
        """`ticket` must be one that the actor may see."""
        return await self._store.notes_page(ticket.id, _wanted_notes(actor, visibility), window)

    async def count_notes(
        self, actor: Actor, ticket: Ticket, visibility: NoteVisibility | None
    ) -> int:
        return await self._store.count_notes(ticket.id, _wanted_notes(actor, visibility))

    async def find_note(self, actor: Actor, key: ObjectId) -> Note | None:
        note = await self._store.find_note(key)
        if note is None or note.retracted_at or note.visibility not in readable_notes(actor):
            return None
        readable = await self._store.find_by_keys(readable_tickets(actor), [note.ticket_key])
        return note if readable else None

    async def events_page(self, actor: Actor, ticket: Ticket, window: Window) -> Page[TicketEvent]:
        """`ticket` must be one that the actor may see."""
        return await self._store.events_page(ticket.id, readable_events(actor), window)

    async def count_events(self, actor: Actor, ticket: Ticket) -> int:
        return await self._store.count_events(ticket.id, readable_events(actor))

    async def status_changes(self, keys: Iterable[ObjectId]) -> dict[ObjectId, list[TicketEvent]]:
        """Of tickets that the caller has already been allowed to see."""
        return await self._store.status_changes(keys)

    async def links_of(
        self, actor: Actor, keys: Sequence[ObjectId]
    ) -> dict[ObjectId, list[tuple[TicketLink, Ticket]]]:
        """Of each ticket its links, each with the ticket at the other end, if the actor sees it."""
        grouped: dict[ObjectId, list[tuple[TicketLink, Ticket]]] = {key: [] for key in keys}
        ends = [
            (near, far, link)
            for link in await self._store.links_of(keys)
            for near, far in ((link.ticket_key, link.other_key), (link.other_key, link.ticket_key))
            if near in grouped
        ]
        readable = await self.find_by_keys(actor, {far for _, far, _ in ends}) if ends else {}
        for near, far, link in ends:
            if far in readable:
                grouped[near].append((link, readable[far]))
        return grouped

    # ---- opening ---------------------------------------------------------------------------

    async def create(
        self,
        actor: Actor,
        new: NewTicket,
        *,
        idempotency_key: str | None = None,
        source: TicketSource | None = None,
        key: ObjectId | None = None,
    ) -> Outcome:
        """Opens a ticket. A bot must name its customer, by its context or by the input.

        `key` is for who has to know the ticket again (imports); `persistence.errors.Duplicate` is
        then raised where the key, or the number that was drawn, is another ticket's.
        Raises ValidationFailed, NotFound (customer, conversation), Forbidden, IdempotencyMismatch.
        """
        actor.require(Permission.CREATE_TICKETS)
        now = self._clock()
        request: KeyedRequest | None = None
        if idempotency_key is not None:
            checks = Checks()
            sent = checks.text("idempotencyKey", idempotency_key, longest=KEY_LENGTH, lines=False)
            checks.done()
            request = KeyedRequest.of(actor, "createTicket", sent, _inputs(new))
            if replay := await self.replay(request):
                return replay
        configuration = await self._configuration.current()
        new = check_new_ticket(new, configuration, Checks())
        customer = await self._customer_for(actor, new)
        minutes = configuration.sla_targets[new.priority]
        ticket_key = key or ObjectId()
        ticket = Ticket(
            id=ticket_key,
            ticket_id="",
            subject=new.subject,
            description=new.description,
            category=new.category,
            subcategory=new.subcategory,
            priority=new.priority,
            tags=list(new.tags),
            location=new.location,
            source=source or _source_of(actor),
            customer_id=customer.id if customer else None,
            conversation_id=new.conversation_id,
            sla=sla.start(now, minutes),
            created_at=now,
            updated_at=now,
            created_by=actor.ref,
            updated_by=actor.ref,
            audience=[],
            terms=[],
            sort=SortKeys(created="", updated="", priority="", due=""),
        )
        draw = _NumberDraw()

        async def write(session: Transaction) -> Ticket:
            if request is not None:
                await self._idempotency.remember(request, ticket_key, now, session=session)
            # Drawn only once nothing can refuse the ticket any more, so that no number is wasted.
            if not draw.drawn:
                draw.drawn.append(await self._next_number(configuration, now))
            numbered = derived(evolve(ticket, ticket_id=draw.drawn[0]), customer)
            event = event_of(actor, None, numbered, type=TicketEventType.CREATED, at=now)
            await self._store.add(numbered, event, session=session)
            return numbered

        while True:
            try:
                return Outcome(await self._database.transaction(write))
            except Duplicate as error:
                repeated = request is not None and error.args == ("idempotency key",)
                if request and repeated and (replay := await self.replay(request)):
                    return replay
                if key is not None:
                    raise
                # An older format could spell the same number; the next one is free.
                draw.drawn.clear()

    async def replay(self, request: KeyedRequest) -> Outcome | None:
        """What the same request did before, where it did. Raises IdempotencyMismatch."""
        key = await self._idempotency.earlier_result(request, self._clock())
        if key is None:
            return None
        # Not scoped: it is the sender's own request, answered as it was the first time.
        found = await self._store.find_unscoped(key)
        return Outcome(found, replayed=True) if found else None

    async def _next_number(self, configuration: Configuration, at: datetime) -> str:
        year = business_year(at, self._time_zone)
        number_format = configuration.ticket_id_format
        value = await self._counters.next(counter_name(number_format, year))
        return format_number(number_format, year, value)

    async def _customer_for(self, actor: Actor, new: NewTicket) -> Customer | None:
        """The one customer that context, id, phone and conversation agree on, if any is named."""
        named: list[Customer] = []
        if actor.customer_id is not None:
            named.append(await self._customers.get_known(actor, actor.customer_id))
        if new.customer_id is not None:
            named.append(
                await self._customers.get_known(actor.naming(new.customer_id), new.customer_id)
            )
        if new.conversation_id is not None:
            conversation = await self._customers.get_conversation(actor, new.conversation_id)
            key = conversation.customer_id
            named.append(await self._customers.get_known(actor.naming(key), key))
        if new.customer_phone is not None:
            named.append(
                await self._customers.find_or_add(actor, new.customer_phone, "customerPhone")
            )
        if len({customer.id for customer in named}) > 1:
            raise ValidationFailed.of(
                "customerId", "the customer, the phone and the conversation are not of one person"
            )
        if not named and actor.is_bot:
            raise ValidationFailed.of(
                "customerId",
                "name the customer: customerId, customerPhone, conversationId or X-Customer-Id",
            )
        return named[0] if named else None

    # ---- working ---------------------------------------------------------------------------

    async def update(
        self,
        actor: Actor,
        ticket_id: str,
        *,
        subject: str = UNSET,
        description: str = UNSET,
        category: str = UNSET,
        subcategory: str | None = UNSET,
        priority: TicketPriority = UNSET,
        tags: Sequence[str] = UNSET,
        location: Location | None = UNSET,
        expected_version: int | None = None,
    ) -> Ticket:
        """Changes the fields that are given and no others; a new priority moves both deadlines.

        Raises ValidationFailed, NotFound, Forbidden, Conflict.
        """
        actor.require(Permission.WORK_TICKETS)
        configuration = await self._configuration.current()
        checks = Checks()
        changes: dict[str, Any] = {}
        if subject is not UNSET:
            changes["subject"] = checks.text(
                "subject", subject, longest=SUBJECT_LENGTH, lines=False
            )
        if description is not UNSET:
            changes["description"] = checks.text("description", description, longest=TEXT_LENGTH)
        if subcategory is not UNSET:
            changes["subcategory"] = checks.optional_text("subcategory", subcategory, longest=100)
        if priority is not UNSET:
            changes["priority"] = priority
        if tags is not UNSET:
            changes["tags"] = checks.tags("tags", tags)
        if location is not UNSET:
            changes["location"] = checks.location("location", location) if location else None
        checks.done()

        async def decide(ticket: Ticket, _now: datetime, _session: Transaction) -> _Decision:
            if category is not UNSET and category != ticket.category:
                category_checks = Checks()
                changes["category"] = _check_category(category_checks, category, configuration)
                category_checks.done()
            new = evolve(ticket, **changes)
            if new.priority is not ticket.priority:
                minutes = configuration.sla_targets[new.priority]
                new = evolve(new, sla=sla.reprioritise(ticket.sla, ticket.created_at, minutes))
            return _Decision(new, TicketEventType.UPDATED)

        return await self._change(actor, ticket_id, expected_version, decide)

    async def change_status(
        self,
        actor: Actor,
        ticket_id: str,
        status: TicketStatus,
        *,
        reason: str | None = None,
        expected_version: int | None = None,
    ) -> Ticket:
        """Moves the ticket along `domain.lifecycle`. Resolving has a method of its own.

        Raises InvalidTransition, ValidationFailed (a missing or unfit reason, a duplicate that is
        not linked), NotFound, Forbidden, Conflict.
        """
        actor.require(Permission.WORK_TICKETS)
        checks = Checks()
        reason = checks.optional_text("reason", reason, longest=1_000)
        checks.done()

        async def decide(ticket: Ticket, now: datetime, session: Transaction) -> _Decision:
            check_transition(ticket.status, status)
            if status is TicketStatus.RESOLVED:
                raise ValidationFailed.of(
                    "status", "resolve a ticket with resolveTicket, which takes the summary"
                )
            if needs_reason(ticket.status, status):
                await self._check_reason(ticket, status, reason, session)
            return _Decision(_moved(ticket, status, now), _type_of_move(ticket, status), reason)

        return await self._change(actor, ticket_id, expected_version, decide)

    async def _check_reason(
        self, ticket: Ticket, status: TicketStatus, reason: str | None, session: Transaction
    ) -> None:
        if reason is None:
            raise ValidationFailed.of("reason", f"say why the ticket becomes {status}")
        if status is not TicketStatus.CLOSED:
            return
        if not is_closing_reason(reason):
            raise ValidationFailed.of(
                "reason",
                "must be duplicate, spam or withdrawn, which details may follow after a colon; "
                "close anything else by resolving it",
            )
        if is_duplicate_reason(reason):
            link = await self._store.find_link(
                ticket.id, None, TicketLinkKind.DUPLICATE_OF, session=session
            )
            if link is None:
                raise ValidationFailed.of(
                    "reason", "first link the ticket as DUPLICATE_OF the other one: linkTickets"
                )

    async def assign(
        self,
        actor: Actor,
        ticket_id: str,
        *,
        assignee_id: ObjectId | None,
        expected_version: int | None = None,
    ) -> Ticket:
        """Gives the ticket to an active agent, or to nobody. A NEW ticket becomes OPEN.

        Who may not reassign anyone's tickets may take one that nobody has and hand on their own.
        Raises ValidationFailed (no such active agent), NotFound, Forbidden, Conflict.
        """
        actor.require(Permission.WORK_TICKETS)

        async def decide(ticket: Ticket, _now: datetime, session: Transaction) -> _Decision:
            if not actor.may(Permission.REASSIGN_TICKETS):
                owns = ticket.assignee_id == actor.key
                takes = ticket.assignee_id is None and assignee_id in (actor.key, None)
                if not owns and not takes:
                    raise Forbidden(
                        "You may take a ticket that nobody has, and hand on your own; "
                        "a supervisor can reassign the others."
                    )
            new = evolve(ticket, assignee_id=assignee_id)
            if assignee_id is not None and assignee_id != ticket.assignee_id:
                await self._check_assignee("assigneeId", assignee_id, session)
                new = _opened(new)
            return _Decision(new, TicketEventType.ASSIGNED)

        return await self._change(actor, ticket_id, expected_version, decide)

    async def _check_assignee(self, path: str, agent_id: ObjectId, session: Transaction) -> None:
        agent = await self._accounts.find_agent(agent_id, session=session)
        if agent is None or not agent.is_active:
            raise ValidationFailed.of(path, "is not the id of an active agent")

    async def add_note(
        self,
        actor: Actor,
        ticket_id: str,
        content: str,
        *,
        visibility: NoteVisibility,
        idempotency_key: str | None = None,
    ) -> Outcome:
        """Adds a note. An agent's first public note ends the first-response clock.

        Raises ValidationFailed, NotFound, Forbidden (a bot's internal note), IdempotencyMismatch.
        """
        actor.require(permission_to_write(visibility))
        checks = Checks()
        text = checks.text("content", content, longest=TEXT_LENGTH)
        key = (
            None
            if idempotency_key is None
            else checks.text("idempotencyKey", idempotency_key, longest=KEY_LENGTH, lines=False)
        )
        checks.done()
        request: KeyedRequest | None = None
        if key is not None:
            inputs = {"ticketId": ticket_id, "content": content, "visibility": visibility.value}
            request = KeyedRequest.of(actor, "addTicketNote", key, inputs)
            if replay := await self.replay(request):
                return replay

        async def decide(ticket: Ticket, now: datetime, session: Transaction) -> _Decision:
            if request is not None:
                await self._idempotency.remember(request, ticket.id, now, session=session)
            note = Note(
                ticket_key=ticket.id,
                position=ticket.version + 1,
                content=text,
                visibility=visibility,
                author=actor.ref,
                created_at=now,
            )
            new = ticket
            if visibility is NoteVisibility.PUBLIC and not actor.is_bot:
                new = _responded(ticket, now)
            return _Decision(new, TicketEventType.NOTE_ADDED, note=note, even_if_same=True)

        try:
            return Outcome(await self._change(actor, ticket_id, None, decide))
        except Duplicate:
            if request is not None and (replay := await self.replay(request)):
                return replay
            raise

    async def retract_note(self, actor: Actor, note_key: ObjectId) -> Ticket:
        """Takes back a public note: its author alone, within RETRACTION_WINDOW, for good.

        Raises NotFound, Forbidden (another's note, an internal one, too late).
        """
        actor.require(Permission.WORK_TICKETS)
        note = await self.find_note(actor, note_key)
        if note is None:
            raise NotFound("note")
        if note.author.key != actor.key or note.visibility is not NoteVisibility.PUBLIC:
            raise Forbidden("Only its author can retract a note, and only a public one.")
        if self._clock() - note.created_at > RETRACTION_WINDOW:
            minutes = RETRACTION_WINDOW.seconds // 60
            raise Forbidden(f"A note can be retracted within {minutes} minutes; add a correction.")
        (ticket,) = (await self.find_by_keys(actor, [note.ticket_key])).values()

        async def decide(ticket: Ticket, now: datetime, session: Transaction) -> _Decision:
            if not await self._store.retract_note(note, now, session=session):
                raise NotFound("note")
            return _Decision(
                ticket, TicketEventType.UPDATED, reason=NOTE_RETRACTED, even_if_same=True
            )

        return await self._change(actor, ticket.ticket_id, None, decide)

    async def attach(
        self, actor: Actor, ticket_id: str, attachment: Attachment, request: KeyedRequest | None
    ) -> Ticket:
        """Adds an attachment whose content is stored: see `domain.attachments`.

        Raises ValidationFailed (too many), NotFound, Forbidden; `persistence.errors.Duplicate`
        where the request has been carried out.
        """
        actor.require(permission_to_write(attachment.visibility))

        async def decide(ticket: Ticket, now: datetime, session: Transaction) -> _Decision:
            if request is not None:
                await self._idempotency.remember(request, ticket.id, now, session=session)
            if await self._attachments.count_of(ticket.id, session=session) >= MAX_ATTACHMENTS:
                raise ValidationFailed.of("ticketId", f"has {MAX_ATTACHMENTS} files, and no room")
            added = evolve(attachment, position=ticket.version + 1, created_at=now)
            return _Decision(
                ticket,
                TicketEventType.ATTACHMENT_ADDED,
                attachment=added,
                also=lambda session: self._attachments.add(added, session=session),
                even_if_same=True,
            )

        return await self._change(actor, ticket_id, None, decide)

    async def resolve(
        self, actor: Actor, ticket_id: str, summary: str, *, expected_version: int | None = None
    ) -> Ticket:
        """Raises InvalidTransition, ValidationFailed, NotFound, Forbidden, Conflict."""
        actor.require(Permission.WORK_TICKETS)
        checks = Checks()
        text = checks.text("summary", summary, longest=TEXT_LENGTH)
        checks.done()

        async def decide(ticket: Ticket, now: datetime, _session: Transaction) -> _Decision:
            check_transition(ticket.status, TicketStatus.RESOLVED)
            resolution = Resolution(summary=text, resolved_by=actor.ref, resolved_at=now)
            new = evolve(_moved(ticket, TicketStatus.RESOLVED, now), resolution=resolution)
            return _Decision(new, TicketEventType.RESOLVED)

        return await self._change(actor, ticket_id, expected_version, decide)

    async def escalate(
        self,
        actor: Actor,
        ticket_id: str,
        reason: str,
        *,
        escalate_to: ObjectId | None = None,
        expected_version: int | None = None,
    ) -> Ticket:
        """Flags the ticket; escalating to an agent also assigns it. Escalating again replaces.

        Raises ValidationFailed (a closed ticket, no such active agent), NotFound, Forbidden,
        Conflict.
        """
        actor.require(Permission.WORK_TICKETS)
        checks = Checks()
        text = checks.text("reason", reason, longest=TEXT_LENGTH)
        checks.done()

        async def decide(ticket: Ticket, now: datetime, session: Transaction) -> _Decision:
            if ticket.status is TicketStatus.CLOSED:
                raise ValidationFailed.of("ticketId", "is closed; reopen it before escalating it")
            escalation = Escalation(
                reason=text,
                escalated_to=escalate_to,
                escalated_by=actor.ref,
                escalated_at=now,
            )
            new = evolve(ticket, escalation=escalation)
            if escalate_to is not None:
                await self._check_assignee("escalateToId", escalate_to, session)
                new = _opened(evolve(new, assignee_id=escalate_to))
            return _Decision(new, TicketEventType.ESCALATED, reason=text)

        return await self._change(actor, ticket_id, expected_version, decide)

    async def lift_escalation(
        self, actor: Actor, ticket_id: str, *, expected_version: int | None = None
    ) -> Ticket:
        """Has no effect where nothing is escalated. Raises NotFound, Forbidden, Conflict."""
        actor.require(Permission.WORK_TICKETS)

        async def decide(ticket: Ticket, _now: datetime, _session: Transaction) -> _Decision:
            return _Decision(evolve(ticket, escalation=None), TicketEventType.ESCALATION_LIFTED)

        return await self._change(actor, ticket_id, expected_version, decide)

    async def record_feedback(
        self, actor: Actor, ticket_id: str, *, rating: int, comment: str | None = None
    ) -> Ticket:
        """Once per ticket, while it is RESOLVED or CLOSED.

        Raises ValidationFailed (rating not 1 to 5, too early, a second time), NotFound, Forbidden.
        """
        actor.require(Permission.RECORD_FEEDBACK)
        checks = Checks()
        if rating not in RATINGS:
            checks.fault("rating", f"must be between {RATINGS[0]} and {RATINGS[-1]}")
        text = checks.optional_text("comment", comment, longest=TEXT_LENGTH)
        checks.done()

        async def decide(ticket: Ticket, now: datetime, _session: Transaction) -> _Decision:
            if ticket.status not in (TicketStatus.RESOLVED, TicketStatus.CLOSED):
                raise ValidationFailed.of("ticketId", "is not resolved yet; ask for feedback then")
            if ticket.feedback is not None:
                raise ValidationFailed.of("ticketId", "has its feedback; it is given once")
            feedback = Feedback(rating=rating, comment=text, given_at=now)
            return _Decision(evolve(ticket, feedback=feedback), TicketEventType.FEEDBACK_GIVEN)

        return await self._change(actor, ticket_id, None, decide)

    async def link(
        self, actor: Actor, ticket_id: str, other_ticket_id: str, kind: TicketLinkKind
    ) -> Ticket:
        """Links two tickets; both ends show it and get an event. Linking again has no effect.

        Raises ValidationFailed (a ticket with itself), NotFound (either), Forbidden.
        """
        actor.require(Permission.WORK_TICKETS)
        if ticket_id == other_ticket_id:
            raise ValidationFailed.of("otherTicketId", "a ticket cannot be linked with itself")

        async def decide(ticket: Ticket, now: datetime, session: Transaction) -> _Decision:
            other = await self._store.find(
                readable_tickets(actor), other_ticket_id, session=session
            )
            if other is None:
                raise NotFound("ticket")
            if await self._find_link(ticket, other, kind, session):
                return _Decision(ticket, TicketEventType.LINKED)
            link = TicketLink(
                ticket_key=ticket.id,
                other_key=other.id,
                ends=[ticket.id, other.id],
                kind=kind,
                created_by=actor.ref,
                created_at=now,
            )

            async def write_other_end(session: Transaction) -> None:
                await self._store.add_link(link, session=session)
                await self._write(
                    actor,
                    other,
                    _Decision(other, TicketEventType.LINKED, even_if_same=True),
                    now,
                    session,
                )

            return _Decision(
                ticket, TicketEventType.LINKED, also=write_other_end, even_if_same=True
            )

        return await self._change(actor, ticket_id, None, decide)

    async def _find_link(
        self, ticket: Ticket, other: Ticket, kind: TicketLinkKind, session: Transaction
    ) -> TicketLink | None:
        found = await self._store.find_link(ticket.id, other.id, kind, session=session)
        if found is None and kind is TicketLinkKind.RELATED:
            # The one kind that reads the same from both ends.
            found = await self._store.find_link(other.id, ticket.id, kind, session=session)
        return found

    async def customer_wrote(
        self, actor: Actor, conversation_id: ObjectId, now: datetime, session: Transaction
    ) -> None:
        """A customer's message takes the conversation's waiting and resolved tickets up again.

        In the transaction of the message, so that neither happens without the other.
        """
        for ticket in await self._store.find_of_conversation(conversation_id, session=session):
            if ticket.status in (TicketStatus.PENDING_CUSTOMER, TicketStatus.RESOLVED):
                moved = _moved(ticket, TicketStatus.IN_PROGRESS, now)
                move = _Decision(moved, _type_of_move(ticket, TicketStatus.IN_PROGRESS))
                await self._write(actor, ticket, move, now, session)

    async def customer_changed(self, customer: Customer, session: Transaction) -> None:
        """Makes the customer's tickets findable by the new name, in the same transaction."""
        for ticket in await self._store.find_of_customer(customer.id, session=session):
            terms = derived(ticket, customer).terms
            await self._store.set_terms(ticket.id, terms, session=session)

    # ---- writing ---------------------------------------------------------------------------

    async def _change(
        self, actor: Actor, ticket_id: str, expected_version: int | None, decide: _Decide
    ) -> Ticket:
        async def attempt(session: Transaction) -> Ticket:
            ticket = await self._store.find(readable_tickets(actor), ticket_id, session=session)
            if ticket is None:
                raise NotFound("ticket")
            if expected_version is not None and expected_version != ticket.version:
                raise await self._conflict(ticket, expected_version)
            now = max(self._clock(), ticket.updated_at)
            return await self._write(
                actor, ticket, await decide(ticket, now, session), now, session
            )

        while True:
            try:
                return await self._database.transaction(attempt)
            except _Overtaken:
                continue

    async def _write(
        self, actor: Actor, old: Ticket, decision: _Decision, now: datetime, session: Transaction
    ) -> Ticket:
        if decision.ticket == old and not decision.even_if_same:
            return old
        new = evolve(decision.ticket, version=old.version + 1, updated_at=now, updated_by=actor.ref)
        customer = None
        if (new.subject, new.description, new.tags) != (old.subject, old.description, old.tags):
            customer = await self._customers.of_ticket(new, session=session)
            new = derived(new, customer)
        else:
            new = derived(new, None, terms=old.terms)
        event = event_of(
            actor,
            old,
            new,
            type=decision.type,
            at=now,
            reason=decision.reason,
            added=decision.note or decision.attachment,
        )
        if not await self._store.change(old, new, event, session=session):
            raise _Overtaken
        if decision.note is not None:
            await self._store.add_note(decision.note, session=session)
        if decision.also is not None:
            await decision.also(session)
        return new

    async def _conflict(self, ticket: Ticket, expected_version: int) -> Conflict:
        events = await self._store.events_since(ticket.id, expected_version)
        fields = dict.fromkeys(change.field for event in events for change in event.changes)
        return Conflict(
            f"The ticket has changed since version {expected_version}: it is at version "
            f"{ticket.version}. Read it again and decide anew.",
            current_version=ticket.version,
            changed_fields=list(fields),
            ticket=ticket,
        )


class _Overtaken(Exception):
    """Somebody wrote the ticket between our reading and our writing."""


def ticket_query(now: datetime, search: str | None = None, **asked: Any) -> TicketQuery:
    """A query as of `now`; `search` is a person's text, of which every word must match."""
    return TicketQuery(now=now, words=query_words(search or ""), **asked)


def check_new_ticket(new: NewTicket, configuration: Configuration, checks: Checks) -> NewTicket:
    """`new` as it is to be kept; raises ValidationFailed with its faults and those in `checks`."""
    checked = NewTicket(
        subject=checks.text("subject", new.subject, longest=SUBJECT_LENGTH, lines=False),
        description=checks.text("description", new.description, longest=TEXT_LENGTH),
        category=_check_category(checks, new.category, configuration),
        subcategory=checks.optional_text("subcategory", new.subcategory, longest=100),
        priority=new.priority,
        tags=checks.tags("tags", new.tags),
        location=checks.location("location", new.location) if new.location else None,
        customer_id=new.customer_id,
        customer_phone=new.customer_phone,
        conversation_id=new.conversation_id,
    )
    checks.done()
    return checked


def _inputs(new: NewTicket) -> dict[str, Any]:
    return {
        name: value.model_dump() if isinstance(value, Location) else value
        for name in NewTicket.__dataclass_fields__
        if (value := getattr(new, name)) is not None
    }


def _source_of(actor: Actor) -> TicketSource:
    if actor.is_assistant:
        return TicketSource.ASSISTANT
    return TicketSource.API if actor.is_bot else TicketSource.AGENT


def _wanted_notes(actor: Actor, visibility: NoteVisibility | None) -> tuple[NoteVisibility, ...]:
    allowed = readable_notes(actor)
    return allowed if visibility is None else tuple(each for each in allowed if each is visibility)


def _check_category(checks: Checks, category: str, configuration: Configuration) -> str:
    choices = [choice.id for choice in configuration.ticket_categories.choices()]
    if category not in choices:
        checks.fault("category", f"must be one of {', '.join(choices)}")
    return category


def _opened(ticket: Ticket) -> Ticket:
    if ticket.status is not TicketStatus.NEW:
        return ticket
    return evolve(ticket, status=TicketStatus.OPEN)


def _responded(ticket: Ticket, now: datetime) -> Ticket:
    if sla.first_response(ticket.sla).completed_at is not None:
        return ticket
    return evolve(
        ticket,
        sla=sla.respond(ticket.sla, ticket.created_at, now),
        first_response_seconds=int((now - ticket.created_at).total_seconds()),
    )


def _moved(ticket: Ticket, status: TicketStatus, now: datetime) -> Ticket:
    """`ticket` in its new state, with what that does to its clocks."""
    clocks = ticket.sla
    if ticket.status is TicketStatus.PENDING_CUSTOMER:
        clocks = sla.resume(clocks, ticket.created_at, now)
    if is_reopening(ticket.status, status):
        reopened = sla.reopen(clocks, ticket.created_at, now)
        return evolve(ticket, status=status, sla=reopened, resolution=None, resolution_seconds=None)
    if status is TicketStatus.PENDING_CUSTOMER:
        clocks = sla.pause(clocks, ticket.created_at, now)
    elif status in (TicketStatus.RESOLVED, TicketStatus.CLOSED):
        clocks = sla.resolve(clocks, ticket.created_at, now)
    new = evolve(ticket, status=status, sla=clocks)
    if status is TicketStatus.RESOLVED:
        clock = sla.read_clock(clocks, sla.resolution(clocks), ticket.created_at, now)
        new = evolve(new, resolution_seconds=int(clock.elapsed.total_seconds()))
    return new


def _type_of_move(ticket: Ticket, status: TicketStatus) -> TicketEventType:
    if status is TicketStatus.CLOSED:
        return TicketEventType.CLOSED
    if is_reopening(ticket.status, status):
        return TicketEventType.REOPENED
    return TicketEventType.STATUS_CHANGED


def derived(ticket: Ticket, customer: Customer | None, *, terms: list[str] | None = None) -> Ticket:
    """`ticket` with the fields that exist to be queried, as the others have become."""
    if terms is None:
        texts = [ticket.ticket_id, ticket.subject, *ticket.tags, ticket.description]
        is_known = customer and customer.erased_at is None
        names = [customer.name, *phone_terms(customer.phone)] if customer and is_known else []
        terms = terms_of([*names, *texts])
    escalated_to = ticket.escalation.escalated_to if ticket.escalation else None
    rank = list(TicketPriority).index(ticket.priority)
    return evolve(
        ticket,
        audience=audience_of(ticket.assignee_id, escalated_to),
        terms=terms,
        sort=SortKeys(
            created=sort_key(ticket.created_at, ticket.id),
            updated=sort_key(ticket.updated_at, ticket.id),
            priority=f"{rank}{milliseconds(ticket.created_at):013x}{ticket.id}",
            due=sort_key(sla.resolution(ticket.sla).due_at, ticket.id),
        ),
    )


# Field names in events are those of the API, since clients read them.
ANNOUNCED: dict[str, str] = {
    "subject": "subject",
    "description": "description",
    "category": "category",
    "subcategory": "subcategory",
    "priority": "priority",
    "status": "status",
    "tags": "tags",
    "location": "location",
    "assignee_id": "assigneeId",
    "escalation": "escalation",
    "resolution": "resolution",
    "feedback": "feedback",
}


def event_of(
    actor: Actor,
    old: Ticket | None,
    new: Ticket,
    *,
    type: TicketEventType,
    at: datetime,
    reason: str | None = None,
    added: Note | Attachment | None = None,
) -> TicketEvent:
    changes: list[FieldChange] = []
    for name, announced in ANNOUNCED.items():
        before = announced_value(getattr(old, name)) if old else None
        after = announced_value(getattr(new, name))
        # Of a new ticket only its first status is a change; the rest is the ticket itself.
        if before != after and (old is not None or name == "status"):
            changes.append(FieldChange(field=announced, old=before, new=after))
    return TicketEvent(
        type=type,
        ticket_key=new.id,
        ticket_id=new.ticket_id,
        version=new.version,
        actor=actor.ref,
        occurred_at=at,
        changes=changes,
        reason=reason,
        note_key=added.id if isinstance(added, Note) else None,
        attachment_key=added.id if isinstance(added, Attachment) else None,
        note_visibility=added.visibility if added else None,
        before=facts_of(old) if old else None,
        after=facts_of(new),
    )


def announced_value(value: Any) -> Any:
    """A field's value as clients read it in an event: plain JSON values."""
    match value:
        case ObjectId():
            return str(value)
        case Location():
            return value.model_dump()
        case Escalation():
            to = str(value.escalated_to) if value.escalated_to else None
            return {"reason": value.reason, "escalatedToId": to}
        case Resolution():
            return {"summary": value.summary}
        case Feedback():
            return {"rating": value.rating, "comment": value.comment}
        case _:
            return value


def facts_of(ticket: Ticket) -> TicketFacts:
    """What is remembered of `ticket` as it is, for filters and scopes to be asked of later."""
    return TicketFacts(
        status=ticket.status,
        priority=ticket.priority,
        category=ticket.category,
        tags=ticket.tags,
        source=ticket.source,
        customer_id=ticket.customer_id,
        conversation_id=ticket.conversation_id,
        assignee_id=ticket.assignee_id,
        escalated=ticket.escalation is not None,
        audience=ticket.audience,
        sla_targets=ticket.sla.targets,
        created_at=ticket.created_at,
        updated_at=ticket.updated_at,
    )
