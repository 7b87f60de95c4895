"""What happens in the demonstration, and when: all of it, before anything is written.

The same seed and instant give the same script; at another instant the same happens, moved to end
there. Every draw comes from one generator in one order, so another draw changes all that follow it.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from random import Random
from typing import TypeVar
from zoneinfo import ZoneInfo

from domain.configuration import SlaTargets
from domain.demo.stories import (
    Category,
    Company,
    Junk,
    Outcome,
    Place,
    Stories,
    Story,
    Texts,
)
from domain.search import fold
from persistence.models import (
    ConversationChannel,
    Location,
    MessageAuthor,
    NoteVisibility,
    Role,
    TicketLinkKind,
    TicketPriority,
    TicketSource,
    TicketStatus,
)

T = TypeVar("T")

CUSTOMERS = 80
CONVERSATIONS = 120
# Of the conversations, those that need no ticket.
QUESTIONS = 20
RELATED, FOLLOW_UPS = 6, 4
# What neighbours report of one and the same thing.
REPEATED_CATEGORY = "light_malfunction"
PERIOD = timedelta(days=30)
NEVER = datetime.min.replace(tzinfo=UTC)


class Fate(Enum):
    """What has become of a ticket by now."""

    NEW = auto()
    OPEN = auto()
    IN_PROGRESS = auto()
    PENDING = auto()
    WAITING = auto()
    RESOLVED = auto()
    CLOSED = auto()
    REOPENED = auto()
    WITHDRAWN = auto()
    DUPLICATE = auto()
    JUNK = auto()


FATES: Mapping[Fate, int] = {
    Fate.NEW: 7,
    Fate.OPEN: 9,
    Fate.IN_PROGRESS: 20,
    Fate.PENDING: 12,
    Fate.WAITING: 8,
    Fate.RESOLVED: 24,
    Fate.CLOSED: 100,
    Fate.REOPENED: 10,
    Fate.WITHDRAWN: 3,
    Fate.DUPLICATE: 4,
    Fate.JUNK: 3,
}
TICKETS = sum(FATES.values())

# Their clocks still run, so their age decides how those read.
UNDER_WAY = (Fate.NEW, Fate.OPEN, Fate.IN_PROGRESS, Fate.PENDING, Fate.WAITING)
CHANNELS: Mapping[ConversationChannel, int] = {
    ConversationChannel.WHATSAPP: 6,
    ConversationChannel.WEB: 3,
    ConversationChannel.EMAIL: 1,
}
RATINGS: Mapping[int, int] = {5: 11, 4: 5, 3: 2, 2: 1, 1: 1}
# How much of a promised time has passed: taken in turn, so that every state of a clock is there.
SHARES = ((0.1, 0.45), (0.3, 0.65), (0.78, 0.94), (0.15, 0.6), (1.05, 1.5), (0.2, 0.55))

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


# ---- what can happen: agents and contacts are named by their place in the script ---------------


@dataclass(frozen=True, slots=True)
class Start:
    """The conversation."""


@dataclass(frozen=True, slots=True)
class Say:
    author: MessageAuthor
    text: str
    by: int | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """The ticket; by an agent, or by the bot of the conversation or form."""

    by: int | None


@dataclass(frozen=True, slots=True)
class TakeOver:
    by: int


@dataclass(frozen=True, slots=True)
class Assign:
    by: int
    agent: int


@dataclass(frozen=True, slots=True)
class Note:
    by: int
    text: str
    visibility: NoteVisibility


@dataclass(frozen=True, slots=True)
class Move:
    by: int
    status: TicketStatus
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Escalate:
    by: int
    to: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Lift:
    by: int


@dataclass(frozen=True, slots=True)
class Resolve:
    by: int
    summary: str


@dataclass(frozen=True, slots=True)
class Rate:
    rating: int
    comment: str | None


@dataclass(frozen=True, slots=True)
class Link:
    by: int
    other: int
    kind: TicketLinkKind


Act = Start | Say | Open | TakeOver | Assign | Note | Move | Escalate | Lift | Resolve | Rate | Link


# ---- to whom and about what --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Home:
    street: str
    number: int
    neighbourhood: str
    city: str
    landmark: str
    latitude: float
    longitude: float

    @property
    def door(self) -> str:
        return f"{self.street} {self.number}"


@dataclass(frozen=True, slots=True)
class Customer:
    name: str
    given_name: str
    phone: str
    email: str | None
    since: datetime
    home: Home


@dataclass(frozen=True, slots=True)
class Draft:
    """A ticket as it is opened."""

    subject: str
    description: str
    category: str
    subcategory: str | None
    priority: TicketPriority
    tags: Texts
    location: Location | None
    source: TicketSource


@dataclass(slots=True)
class Contact:
    """A customer about one matter: in a conversation, about a ticket, or both.

    What happens, happens so long after the matter began. A text may say `{numero}` for the ticket's
    number, which is not known before it is opened.
    """

    customer: int | None
    channel: ConversationChannel | None = None
    ticket: Draft | None = None
    fate: Fate | None = None
    began: datetime = NEVER
    acts: list[tuple[timedelta, Act]] = field(default_factory=list[tuple[timedelta, Act]])


@dataclass(frozen=True, slots=True)
class Script:
    company: Company
    customers: Sequence[Customer]
    contacts: Sequence[Contact]

    def in_order(self) -> list[tuple[datetime, int, Act]]:
        """Every act, with its time and the place of its contact."""
        acts = [
            (contact.began + after, place, act)
            for place, contact in enumerate(self.contacts)
            for after, act in contact.acts
        ]
        return sorted(acts, key=lambda each: each[0])


# ---- writing it --------------------------------------------------------------------------------


@dataclass(slots=True)
class _Tale:
    """A contact while it is told: its words, who works on it, and how far in time it has come."""

    contact: Contact
    home: Home
    story: Story
    category: Category
    words: Mapping[str, str]
    subject: str
    report: str
    outcome: Outcome
    agent: int
    supervisor: int
    at: timedelta = timedelta()
    in_progress: bool = False
    # How long ago it began, give or take a day.
    age: timedelta = timedelta()

    def then(self, act: Act, *, after: timedelta = timedelta()) -> None:
        self.at += after
        self.contact.acts.append((self.at, act))

    def move(
        self, status: TicketStatus, reason: str | None = None, *, after: timedelta = timedelta()
    ) -> None:
        self.then(Move(self.agent, status, reason), after=after)
        self.in_progress = status is TicketStatus.IN_PROGRESS


def write_script(
    company: Company,
    stories: Stories,
    *,
    seed: int,
    now: datetime,
    time_zone: ZoneInfo,
    sla_targets: SlaTargets,
) -> Script:
    """The company's last PERIOD before `now`; by day in `time_zone`, with those promises kept."""
    writer = _Writer(
        company, stories, seed=seed, now=now, time_zone=time_zone, sla_targets=sla_targets
    )
    return writer.write()


class _Writer:
    def __init__(
        self,
        company: Company,
        stories: Stories,
        *,
        seed: int,
        now: datetime,
        time_zone: ZoneInfo,
        sla_targets: SlaTargets,
    ) -> None:
        self._company = company
        self._stories = stories
        self._random = Random(seed)  # noqa: S311 - it keeps no secret
        self._now = now
        self._time_zone = time_zone
        self._sla_targets = sla_targets
        roles = [agent.role for agent in company.agents]
        self._supervisors = [i for i, role in enumerate(roles) if role is Role.SUPERVISOR]
        self._agents = [i for i, role in enumerate(roles) if role is Role.AGENT]
        self._shares = itertools.cycle(SHARES)
        self._customers: list[Customer] = []
        self._tales: list[_Tale] = []
        self._told: set[str] = set()

    def write(self) -> Script:
        self._customers = self._draw_customers()
        # Everybody has been in touch once; some, again.
        again = self._random.sample(range(CUSTOMERS), CONVERSATIONS - CUSTOMERS)
        talkers = [*range(CUSTOMERS), *again]
        self._random.shuffle(talkers)
        askers, talkers = talkers[:QUESTIONS], talkers[QUESTIONS:]
        for fate, category in self._draw_fates():
            if talkers:
                self._tell(fate, category, talkers.pop(), self._draw_channel())
            else:
                self._tell(fate, category, self._random.randrange(CUSTOMERS), None)
        questions = [self._ask(customer) for customer in askers]
        self._report_again()
        junk = [self._receive(junk) for junk in self._stories.junk[: FATES[Fate.JUNK]]]
        contacts = [*(tale.contact for tale in self._tales), *questions, *junk]
        self._link_tales()
        return Script(self._company, self._customers, contacts)

    # ---- one matter each -----------------------------------------------------------------------

    def _tell(
        self, fate: Fate, category: str, customer: int, channel: ConversationChannel | None
    ) -> None:
        """One ticket from its opening to its fate."""
        story = self._pick([s for s in self._stories.stories if s.category == category])
        tale = self._tale_of(customer, channel, fate, story, self._customers[customer].home)
        draft = self._open(tale)
        opened = tale.at
        promised = self._sla_targets[draft.priority]
        response = promised.first_response_minutes * MINUTE
        resolution = promised.resolution_minutes * MINUTE
        if fate in UNDER_WAY:
            share = self._random.uniform(*next(self._shares))
            tale.age = opened + self._live(tale, fate, response * share, resolution * share)
            tale.contact.began = self._now - tale.age
        else:
            on_time = self._chance(0.8)
            share = self._random.uniform(*((0.15, 0.9) if on_time else (1.05, 1.5)))
            self._finish(tale, fate, response * share, resolution * share)
            recent = fate is Fate.RESOLVED
            tale.age = self._draw_age(tale.at, back=3 * DAY if recent else PERIOD)
            tale.contact.began = self._by_daylight(tale.age, tale.at)

    def _ask(self, customer: int) -> Contact:
        """A conversation in which the assistant knows the answer."""
        asker = self._customers[customer]
        words = {"nombre": asker.given_name, **_words_of(asker.home)}
        contact = Contact(customer, self._draw_channel(), acts=[(timedelta(), Start())])
        at = timedelta()
        for turn, text in enumerate(self._pick(self._company.questions).turns):
            author = MessageAuthor.ASSISTANT if turn % 2 else MessageAuthor.CUSTOMER
            contact.acts.append((at, Say(author, _filled(text, words))))
            at += self._between(0.2, 1.5, MINUTE)
        contact.began = self._by_daylight(self._draw_age(at), at)
        return contact

    def _report_again(self) -> None:
        """Neighbours report what somebody else has reported."""
        closed = [
            (place, tale)
            for place, tale in enumerate(self._tales)
            if tale.contact.fate is Fate.CLOSED and tale.story.category == REPEATED_CATEGORY
        ]
        for place, first in self._random.sample(closed, FATES[Fate.DUPLICATE]):
            neighbour = self._pick([i for i in range(CUSTOMERS) if i != first.contact.customer])
            tale = self._tale_of(neighbour, None, Fate.DUPLICATE, first.story, first.home)
            self._open(tale)
            link = Link(tale.supervisor, place, TicketLinkKind.DUPLICATE_OF)
            tale.then(link, after=self._between(10, 90, MINUTE))
            reason = "duplicate: es la misma luminaria, la reportó antes otra persona"
            tale.then(Move(tale.supervisor, TicketStatus.CLOSED, reason), after=MINUTE)
            tale.contact.began = first.contact.began + self._between(1, 12, HOUR)

    def _receive(self, junk: Junk) -> Contact:
        """What came by e-mail and is nobody's matter."""
        agent = self._pick(self._agents)
        draft = Draft(
            junk.subject, junk.report, "other", None, TicketPriority.LOW, (), None,
            TicketSource.AGENT,
        )  # fmt: skip
        closed_after = self._between(5, 120, MINUTE)
        acts: list[tuple[timedelta, Act]] = [
            (timedelta(), Open(agent)),
            (closed_after, Move(agent, TicketStatus.CLOSED, "spam")),
        ]
        return Contact(
            None,
            ticket=draft,
            fate=Fate.JUNK,
            began=self._by_daylight(self._draw_age(closed_after), closed_after),
            acts=acts,
        )

    def _link_tales(self) -> None:
        """Some are about the same place, some come after another of the same customer."""

        def pairs(alike: Callable[[_Tale, _Tale], bool]) -> list[tuple[_Tale, int]]:
            return [
                (later, place)
                for later in self._tales
                for place, earlier in enumerate(self._tales)
                if alike(later, earlier) and earlier.age > later.age + 2 * DAY > 4 * DAY
            ]

        near = pairs(lambda a, b: a.home.city == b.home.city and a.story is b.story)
        same = pairs(lambda a, b: a.contact.customer == b.contact.customer)
        for kind, found, count in (
            (TicketLinkKind.RELATED, near, RELATED),
            (TicketLinkKind.FOLLOW_UP_OF, same, FOLLOW_UPS),
        ):
            for later, place in self._random.sample(found, min(count, len(found))):
                at = self._between(30, 600, MINUTE)
                later.contact.acts.append((at, Link(later.supervisor, place, kind)))

    # ---- what happens in it --------------------------------------------------------------------

    def _open(self, tale: _Tale) -> Draft:
        """The ticket; in a conversation, after what the customer says there."""
        detail = self._words(tale, tale.story.details)
        by: int | None = None
        if tale.contact.channel is not None:
            source = TicketSource.ASSISTANT
            greeting = self._pick(self._company.talk.greetings)
            tale.then(Start())
            tale.then(Say(MessageAuthor.CUSTOMER, f"{greeting} {tale.report}"))
            ask = Say(MessageAuthor.ASSISTANT, self._words(tale, tale.story.asks))
            tale.then(ask, after=self._between(2, 6, SECOND))
            tale.then(Say(MessageAuthor.CUSTOMER, detail), after=self._between(0.5, 4, MINUTE))
        elif self._chance(0.65):
            source, by = TicketSource.AGENT, tale.agent
        else:
            source = TicketSource.API
        tale.then(Open(by), after=self._between(2, 6, SECOND))
        if tale.contact.channel is not None:
            confirmation = self._words(tale, self._company.talk.confirmations)
            said = Say(MessageAuthor.ASSISTANT, confirmation)
            tale.contact.acts.append((tale.at + SECOND, said))
        tale.contact.ticket = Draft(
            subject=tale.subject,
            description=f"{tale.report}\n\n{detail}",
            category=tale.story.category,
            subcategory=tale.story.subcategory,
            priority=self._pick(tale.story.priorities),
            tags=tale.story.tags,
            location=_location_of(tale.home) if tale.story.located else None,
            source=source,
        )
        return tale.contact.ticket

    def _live(
        self, tale: _Tale, fate: Fate, response: timedelta, resolution: timedelta
    ) -> timedelta:
        """What has happened in a ticket that is under way, and how long ago it was opened.

        `response` and `resolution`: how much of each promised time has passed.
        """
        opened = tale.at
        if fate is Fate.NEW:
            return response
        if fate is Fate.OPEN:
            self._assign(tale, response)
            return response
        self._respond(tale, min(response, resolution / 2))
        stood_still = self._work(tale, resolution - (tale.at - opened), fate)
        if fate is Fate.PENDING:
            return tale.at - opened + self._between(1, 40, HOUR)
        return resolution + stood_still

    def _finish(self, tale: _Tale, fate: Fate, response: timedelta, resolution: timedelta) -> None:
        """From the opening to the end, after so much working time."""
        opened = tale.at
        if fate is Fate.WITHDRAWN:
            self._assign(tale, response)
            reason = self._words(tale, self._company.talk.withdrawals)
            tale.move(TicketStatus.CLOSED, reason, after=self._between(1, 5, HOUR))
            return
        self._respond(tale, min(response, resolution / 2))
        began = tale.at
        span = resolution - (began - opened)
        stood_still = self._work(tale, span, fate)
        tale.at = began + span + stood_still
        self._resolve(tale)
        if fate is Fate.REOPENED:
            self._reopen(tale)
            tale.outcome = self._pick([o for o in tale.story.outcomes if o is not tale.outcome])
            tale.at += span / 4
            self._resolve(tale)
        if self._chance(0.55):
            tale.then(self._draw_rating(), after=self._between(0.5, 18, HOUR))
        if fate is not Fate.RESOLVED:
            reason = self._words(tale, self._company.talk.closing_reasons)
            tale.move(TicketStatus.CLOSED, reason, after=self._between(20, 60, HOUR))

    def _assign(self, tale: _Tale, response: timedelta) -> None:
        """By a supervisor, or the agent takes it."""
        by = tale.supervisor if self._chance(0.6) else tale.agent
        tale.then(Assign(by, tale.agent), after=response * self._random.uniform(0.3, 0.7))

    def _respond(self, tale: _Tale, response: timedelta) -> None:
        opened = tale.at
        self._assign(tale, response)
        tale.at = opened + response
        if tale.contact.channel is not None:
            introduction = self._words(tale, self._company.talk.introductions)
            tale.then(TakeOver(tale.agent))
            tale.then(Say(MessageAuthor.AGENT, introduction, tale.agent), after=20 * SECOND)
        reply = self._pick(tale.category.replies)
        self._note(tale, reply, NoteVisibility.PUBLIC, after=20 * SECOND)

    def _work(self, tale: _Tale, span: timedelta, fate: Fate) -> timedelta:
        """What is done in part of `span`; gives how long the clock stood still meanwhile."""

        def a_while() -> timedelta:
            return span * self._random.uniform(0.03, 0.13)

        stood_still = timedelta()
        if fate in (Fate.IN_PROGRESS, Fate.WAITING) or self._chance(0.6):
            tale.move(TicketStatus.IN_PROGRESS, after=span * 0.02)
        if self._chance(0.55):
            self._note(tale, tale.outcome.finding, NoteVisibility.INTERNAL, after=a_while())
        if fate is Fate.PENDING or self._chance(0.25):
            exchange = self._pick(tale.category.exchanges)
            self._note(tale, exchange.question, NoteVisibility.PUBLIC, after=a_while())
            tale.move(TicketStatus.PENDING_CUSTOMER, after=SECOND)
            if fate is Fate.PENDING:
                return stood_still
            stood_still = self._between(1, 26, HOUR)
            tale.at += stood_still
            self._answer(tale, exchange.answer)
        escalated = self._chance(0.3 if fate in UNDER_WAY else 0.08)
        if escalated:
            self._escalate(tale, after=a_while())
        if fate is Fate.WAITING or (tale.in_progress and self._chance(0.15)):
            reason = self._words(tale, tale.category.delays)
            tale.move(TicketStatus.WAITING_INTERNAL, reason, after=a_while())
            if fate is Fate.WAITING:
                return stood_still
            tale.move(TicketStatus.IN_PROGRESS, after=2 * a_while())
        if escalated and fate not in UNDER_WAY:
            lifting = self._words(tale, self._company.talk.liftings)
            tale.then(Note(tale.supervisor, lifting, NoteVisibility.INTERNAL), after=a_while())
            tale.then(Lift(tale.supervisor), after=SECOND)
        return stood_still

    def _answer(self, tale: _Tale, answer: str) -> None:
        """The customer does, upon which the work goes on."""
        if tale.contact.channel is None:
            answered = self._words(tale, self._company.talk.phone_answers)
            tale.move(TicketStatus.IN_PROGRESS, answered)
            return
        tale.then(Say(MessageAuthor.CUSTOMER, _filled(answer, tale.words)))
        tale.in_progress = True

    def _escalate(self, tale: _Tale, *, after: timedelta) -> None:
        reason = self._words(tale, tale.category.escalations)
        to = tale.supervisor if self._chance(0.6) else None
        tale.then(Escalate(tale.agent, to, reason), after=after)
        if to is not None:
            # From then on it is theirs, and whose it was does not see it any more.
            tale.agent = to

    def _resolve(self, tale: _Tale) -> None:
        tale.then(Resolve(tale.agent, _filled(tale.outcome.resolution, tale.words)))
        if tale.contact.channel is not None:
            farewell = self._words(tale, self._company.talk.farewells)
            tale.then(Say(MessageAuthor.AGENT, farewell, tale.agent), after=MINUTE)

    def _reopen(self, tale: _Tale) -> None:
        tale.at += self._between(10, 60, HOUR)
        if tale.contact.channel is not None:
            again = self._words(tale, self._company.talk.reopenings)
            tale.then(Say(MessageAuthor.CUSTOMER, again))
            return
        tale.move(TicketStatus.IN_PROGRESS, self._words(tale, self._company.talk.reopening_reasons))

    def _note(
        self, tale: _Tale, text: str, visibility: NoteVisibility, *, after: timedelta
    ) -> None:
        tale.then(Note(tale.agent, _filled(text, tale.words), visibility), after=after)

    # ---- draws ---------------------------------------------------------------------------------

    def _draw_customers(self) -> list[Customer]:
        people = self._company.people
        numbers = self._random.sample(range(10**5), CUSTOMERS)
        customers: dict[str, Customer] = {}
        while len(customers) < CUSTOMERS:
            given_name = self._pick(people.given_names)
            surname, other = self._random.sample(people.surnames, 2)
            place = self._pick(self._company.places)
            number = numbers[len(customers)]
            # No subscriber's number begins with 0, so these are nobody's.
            local = f"{number:0{10 - len(place.dialling_code)}d}"
            mailbox = fold(f"{given_name}.{surname}").replace(" ", ".")
            name = f"{given_name} {surname} {other}"
            customers[name] = Customer(
                name=name,
                given_name=given_name,
                phone=f"+52{place.dialling_code}{local}",
                email=f"{mailbox}@example.com" if self._chance(0.6) else None,
                since=self._now - PERIOD - self._between(1, 500, DAY),
                home=self._draw_home(place),
            )
        return list(customers.values())

    def _draw_home(self, place: Place) -> Home:
        neighbourhood = self._pick(place.neighbourhoods)
        return Home(
            street=self._pick(neighbourhood.streets),
            number=self._random.randint(12, 1890),
            neighbourhood=neighbourhood.name,
            city=place.city,
            landmark=self._pick(self._company.talk.landmarks),
            latitude=round(neighbourhood.latitude + self._random.uniform(-0.005, 0.005), 6),
            longitude=round(neighbourhood.longitude + self._random.uniform(-0.005, 0.005), 6),
        )

    def _draw_fates(self) -> list[tuple[Fate, str]]:
        """Each with a category, as often as each is due; without those told in their own way."""
        own_way = (Fate.DUPLICATE, Fate.JUNK)
        fates = [fate for fate in FATES if fate not in own_way for _ in range(FATES[fate])]
        self._random.shuffle(fates)
        categories = self._stories.categories
        weights = [category.weight for category in categories.values()]
        drawn = self._random.sample(list(categories), counts=weights, k=len(fates))
        return list(zip(fates, drawn, strict=True))

    def _draw_channel(self) -> ConversationChannel:
        (channel,) = self._random.choices(list(CHANNELS), list(CHANNELS.values()))
        return channel

    def _tale_of(
        self,
        customer: int,
        channel: ConversationChannel | None,
        fate: Fate,
        story: Story,
        home: Home,
    ) -> _Tale:
        """With a subject and a report that no other has. Kept among the tales."""
        agent = self._pick(self._agents)
        while True:
            words = {
                "nombre": self._customers[customer].given_name,
                "agente": self._company.agents[agent].name,
                "cuando": self._pick(self._company.talk.moments),
                "cuadrilla": f"cuadrilla {self._random.randint(1, 6)}",
                "folio": str(self._random.randint(1_200, 98_999)),
                "numero": "{numero}",
                **_words_of(home),
                **{name: self._pick(values) for name, values in story.varies.items()},
            }
            subject = _filled(self._pick(story.subjects), words)
            report = _filled(self._pick(story.reports), words)
            if not {subject, report} & self._told:
                break
            home = replace(home, number=home.number + 2)
        self._told |= {subject, report}
        tale = _Tale(
            contact=Contact(customer, channel, fate=fate),
            home=home,
            story=story,
            category=self._stories.categories[story.category],
            words=words,
            subject=subject,
            report=report,
            outcome=self._pick(story.outcomes),
            agent=agent,
            supervisor=self._pick(self._supervisors),
        )
        self._tales.append(tale)
        return tale

    def _draw_rating(self) -> Rate:
        (rating,) = self._random.choices(list(RATINGS), list(RATINGS.values()))
        comments = self._company.feedback[rating]
        return Rate(rating, self._pick(comments) if self._chance(0.75) else None)

    def _draw_age(self, length: timedelta, *, back: timedelta = PERIOD) -> timedelta:
        """How long ago something of that `length` began that ended at most `back` ago."""
        least = length + HOUR
        most = min(least + back, PERIOD)
        return least + (most - least) * self._random.random()

    def _by_daylight(self, age: timedelta, length: timedelta) -> datetime:
        """That long ago, at an hour when people are awake, unless it would not be over by now."""
        hour = self._random.triangular(7, 22, 11) * HOUR
        exact = self._now - age
        midnight = exact.astimezone(self._time_zone).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        at = (midnight + hour).astimezone(UTC)
        return at if self._now - PERIOD <= at < self._now - length else exact

    def _words(self, tale: _Tale, texts: Texts) -> str:
        return _filled(self._pick(texts), tale.words)

    def _pick(self, options: Sequence[T]) -> T:
        return self._random.choice(options)

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def _between(self, least: float, most: float, unit: timedelta) -> timedelta:
        return self._random.uniform(least, most) * unit


def _words_of(home: Home) -> Mapping[str, str]:
    return {
        "calle": home.door,
        "colonia": home.neighbourhood,
        "ciudad": home.city,
        "referencia": home.landmark,
    }


def _location_of(home: Home) -> Location:
    return Location(
        address=f"{home.door}, {home.neighbourhood}, {home.city}",
        reference=home.landmark,
        latitude=home.latitude,
        longitude=home.longitude,
    )


def _filled(template: str, words: Mapping[str, str]) -> str:
    """As a sentence begins, whichever word stands first."""
    text = template.format_map(words)
    return text[0].upper() + text[1:]
