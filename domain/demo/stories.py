"""The words of the demonstration, read from `company.toml` and `stories.toml`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict

from persistence.models import Role, TicketPriority

Texts = tuple[str, ...]


class Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StaffMember(Words):
    name: str
    email: str
    role: Role


class People(Words):
    given_names: Texts
    surnames: Texts


class Neighbourhood(Words):
    """With a point inside it, in degrees."""

    name: str
    latitude: float
    longitude: float
    streets: Texts


class Place(Words):
    city: str
    dialling_code: str
    neighbourhoods: tuple[Neighbourhood, ...]


class Talk(Words):
    """What is said whatever the story is."""

    landmarks: Texts
    moments: Texts
    greetings: Texts
    confirmations: Texts
    introductions: Texts
    farewells: Texts
    reopenings: Texts
    reopening_reasons: Texts
    withdrawals: Texts
    phone_answers: Texts
    closing_reasons: Texts
    liftings: Texts


class Question(Words):
    """What needs no ticket: the customer and the assistant in turns."""

    turns: Texts


class Exchange(Words):
    """What an agent asks of a customer, who then answers."""

    question: str
    answer: str


class Category(Words):
    """`weight`: how many of the company's tickets are of it."""

    weight: int
    replies: Texts
    exchanges: tuple[Exchange, ...]
    delays: Texts
    escalations: Texts


class Outcome(Words):
    """What an agent finds and, later, what has been done about it."""

    finding: str
    resolution: str


class Story(Words):
    """Something that befalls customers; `varies` are words that differ from one to the next.

    `priorities` holds one as often as it is likely. What is not `located` happens at no address.
    """

    category: str
    subcategory: str
    priorities: tuple[TicketPriority, ...]
    tags: Texts
    located: bool = True
    varies: Mapping[str, Texts]
    subjects: Texts
    reports: Texts
    asks: Texts
    details: Texts
    outcomes: tuple[Outcome, ...]


class Junk(Words):
    subject: str
    report: str


class Company(Words):
    agents: tuple[StaffMember, ...]
    people: People
    places: tuple[Place, ...]
    talk: Talk
    feedback: Mapping[int, Texts]
    questions: tuple[Question, ...]


class Stories(Words):
    categories: Mapping[str, Category]
    stories: tuple[Story, ...]
    junk: tuple[Junk, ...]


@cache
def company() -> Company:
    return Company.model_validate(_read("company.toml"))


@cache
def stories() -> Stories:
    return Stories.model_validate(_read("stories.toml"))


def _read(name: str) -> Mapping[str, object]:
    return tomllib.loads(resources.files("domain.demo").joinpath(name).read_text("utf-8"))
