"""Playing the script through the services, at the times that it says."""

from collections.abc import Callable
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from bson import ObjectId

from domain.access import SYSTEM, Actor
from domain.accounts import Accounts
from domain.clock import SetClock
from domain.configuration import ConfigurationSource
from domain.conversations import Conversations
from domain.customers import Customers
from domain.demo.script import (
    Act,
    Assign,
    Contact,
    Escalate,
    Lift,
    Link,
    Move,
    Note,
    Open,
    Rate,
    Resolve,
    Say,
    Script,
    Start,
    TakeOver,
    write_script,
)
from domain.demo.stories import StaffMember, company, stories
from domain.errors import DomainError, ProblemCode
from domain.tickets import NewTicket, Tickets
from persistence.drafts import Drafts
from persistence.models import Agent, ApiKey, TicketSource
from persistence.pages import Window

SEED = 7
# The keys by which customers reach the company without an agent.
BOTS = {TicketSource.ASSISTANT: "Lúmen, asistente virtual", TicketSource.API: "Formulario web"}

Progress = Callable[[str, int, int], None]


class DemoRefused(DomainError):
    """The database is in use, or is another business's."""

    code = ProblemCode.CONFLICT


@dataclass(slots=True)
class _Stage:
    """What the places in the script stand for, as it becomes known."""

    script: Script
    agents: list[Actor] = field(default_factory=list[Actor])
    bots: dict[TicketSource, Actor] = field(default_factory=dict[TicketSource, Actor])
    customers: list[ObjectId] = field(default_factory=list[ObjectId])
    conversations: dict[int, ObjectId] = field(default_factory=dict[int, ObjectId])
    tickets: dict[int, str] = field(default_factory=dict[int, str])

    def customer_of(self, contact: Contact) -> ObjectId | None:
        return None if contact.customer is None else self.customers[contact.customer]

    def actor_of(self, contact: Contact, by: int | None) -> Actor:
        """The agent, or the bot by which the customer of `contact` is in touch."""
        if by is not None:
            return self.agents[by]
        source = TicketSource.API if contact.channel is None else TicketSource.ASSISTANT
        customer = self.customer_of(contact)
        assert customer is not None
        return self.bots[source].speaking_for(customer)


class DemoCompany:
    """Its services all go by `clock` and keep what they write of tickets in `drafts`."""

    def __init__(
        self,
        *,
        tickets: Tickets,
        customers: Customers,
        conversations: Conversations,
        accounts: Accounts,
        configuration: ConfigurationSource,
        drafts: Drafts,
        clock: SetClock,
        time_zone: ZoneInfo,
    ) -> None:
        self._tickets = tickets
        self._customers = customers
        self._conversations = conversations
        self._accounts = accounts
        self._configuration = configuration
        self._drafts = drafts
        self._clock = clock
        self._time_zone = time_zone

    async def found(self, *, seed: int, password: str, progress: Progress) -> None:
        """Makes the company and its last month; all of its agents have the `password`.

        Conversations and tickets are stored at once, last of all. An attempt that is cut short can
        be made again and uses the accounts and customers that are there. `progress` hears what is
        being done, how much of it has been done, and how much there is. Raises DemoRefused.
        """
        script = await self._write_script(seed)
        stage = _Stage(script)
        await self._hire(stage, password, progress)
        for done, customer in enumerate(script.customers, 1):
            self._clock.set(customer.since)
            enrolled = await self._customers.upsert(
                SYSTEM,
                phone=customer.phone,
                name=customer.name,
                email=customer.email,
                language="es",
            )
            stage.customers.append(enrolled.id)
            progress("Enrolling customers", done, len(script.customers))
        acts = script.in_order()
        for done, (at, place, act) in enumerate(acts, 1):
            self._clock.set(at)
            await self._perform(stage, place, act)
            progress("Living through the month", done, len(acts))
        progress("Storing the tickets", 0, 1)
        await self._drafts.store()
        progress("Storing the tickets", 1, 1)

    async def _write_script(self, seed: int) -> Script:
        now = self._clock()
        if await self._tickets.any_ticket():
            raise DemoRefused(
                "This database has tickets, and the demo company wants one without any: name "
                "another TICKETS_DATA_DIR or TICKETS_DATABASE_NAME."
            )
        configuration = await self._configuration.current()
        configured = {category.id for category in configuration.ticket_categories.choices()}
        if missing := stories().categories.keys() - configured:
            raise DemoRefused(
                "The demo company needs categories that are not configured here: "
                f"{', '.join(sorted(missing))}."
            )
        return write_script(
            company(),
            stories(),
            seed=seed,
            now=now,
            time_zone=self._time_zone,
            sla_targets=configuration.sla_targets,
        )

    async def _hire(self, stage: _Stage, password: str, progress: Progress) -> None:
        self._clock.set(min(customer.since for customer in stage.script.customers))
        everybody = Window(100)
        known = (await self._accounts.agents_page(SYSTEM, everybody, active_only=True)).items
        agents = {agent.email: agent for agent in known}
        keys = (await self._accounts.api_keys_page(SYSTEM, everybody)).items
        bots = {api_key.name: api_key for api_key in keys}
        staff = stage.script.company.agents
        for done, member in enumerate(staff, 1):
            agent = await self._hired(member, password, agents.get(member.email))
            stage.agents.append(Actor.agent(agent))
            progress("Hiring agents", done, len(staff))
        for source, name in BOTS.items():
            stage.bots[source] = Actor.bot(bots.get(name) or await self._key_for(name))

    async def _hired(self, member: StaffMember, password: str, known: Agent | None) -> Agent:
        if known is not None:
            return await self._accounts.update_agent(SYSTEM, known.id, password=password)
        return await self._accounts.create_agent(
            SYSTEM, name=member.name, email=member.email, password=password, role=member.role
        )

    async def _key_for(self, name: str) -> ApiKey:
        """Nobody learns its secret: the key is there to have written what the script says."""
        api_key, _ = await self._accounts.create_api_key(SYSTEM, name=name)
        return api_key

    async def _perform(self, stage: _Stage, place: int, act: Act) -> None:
        contact = stage.script.contacts[place]
        match act:
            case Open():
                await self._open(stage, place, contact, act)
            case Start() | Say() | TakeOver():
                await self._talk(stage, place, contact, act)
            case Rate():
                await self._tickets.record_feedback(
                    stage.actor_of(contact, None),
                    stage.tickets[place],
                    rating=act.rating,
                    comment=act.comment,
                )
            case _:
                await self._work(stage, stage.tickets[place], act)

    async def _open(self, stage: _Stage, place: int, contact: Contact, act: Open) -> None:
        draft = contact.ticket
        assert draft is not None
        opened = await self._tickets.create(
            stage.actor_of(contact, act.by),
            NewTicket(
                subject=draft.subject,
                description=draft.description,
                category=draft.category,
                subcategory=draft.subcategory,
                priority=draft.priority,
                tags=draft.tags,
                location=draft.location,
                customer_id=stage.customer_of(contact),
                conversation_id=stage.conversations.get(place),
            ),
            source=draft.source,
        )
        stage.tickets[place] = opened.ticket.ticket_id

    async def _talk(
        self, stage: _Stage, place: int, contact: Contact, act: Start | Say | TakeOver
    ) -> None:
        actor = stage.actor_of(contact, None if isinstance(act, Start) else act.by)
        match act:
            case Start():
                customer, channel = stage.customer_of(contact), contact.channel
                assert customer is not None
                assert channel is not None
                started = await self._customers.start_conversation(
                    actor, customer_id=customer, channel=channel
                )
                stage.conversations[place] = started.id
            case Say():
                await self._conversations.write(
                    actor,
                    stage.conversations[place],
                    act.text.replace("{numero}", stage.tickets.get(place, "")),
                    author=act.author,
                )
            case TakeOver():
                await self._customers.take_over(actor, stage.conversations[place])

    async def _work(
        self,
        stage: _Stage,
        ticket_id: str,
        act: Assign | Note | Move | Escalate | Lift | Resolve | Link,
    ) -> None:
        tickets, by = self._tickets, stage.agents[act.by]
        match act:
            case Assign():
                assignee_id = stage.agents[act.agent].key
                await tickets.assign(by, ticket_id, assignee_id=assignee_id)
            case Note():
                await tickets.add_note(by, ticket_id, act.text, visibility=act.visibility)
            case Move():
                await tickets.change_status(by, ticket_id, act.status, reason=act.reason)
            case Escalate():
                to = None if act.to is None else stage.agents[act.to].key
                await tickets.escalate(by, ticket_id, act.reason, escalate_to=to)
            case Lift():
                await tickets.lift_escalation(by, ticket_id)
            case Resolve():
                await tickets.resolve(by, ticket_id, act.summary)
            case Link():
                await tickets.link(by, ticket_id, stage.tickets[act.other], act.kind)
