"""The sections of the configuration, each with its rules.

A section is validated whole, and every fault names the path of the field that is wrong. Keys of
stored, exported and imported values are those of `defaults.json`.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from domain.errors import FieldError, ValidationFailed
from domain.templates import VARIABLES, unknown_variables
from domain.validation import Checks
from persistence.models import TicketPriority

# The category that catches what fits no other; every list of categories offers it.
FALLBACK_CATEGORY: Final = "other"
MAX_CATEGORIES: Final = 100
LANGUAGES: Final = ("es", "en")
SEPARATORS: Final = ("-", "_", "/", "")


class ConfigurationSection(StrEnum):
    """Each with the key under which it is stored.

    Its name in lower case is the field of `Configuration` that holds it.
    """

    TICKET_CATEGORIES = "ticket_categories"
    ASSISTANT = "assistant_configuration"
    TERMINOLOGY = "ticket_terminology"
    TICKET_ID_FORMAT = "ticket_id_format"
    INSTRUCTIONS_TEMPLATE = "assistant_instructions_template"
    SLA_TARGETS = "sla_targets"
    PRESETS = "configuration_presets"

    @property
    def field(self) -> str:
        """As clients write it: `ticketCategories`."""
        return to_camel(self.name.lower())


# ---- faults --------------------------------------------------------------------------------


Location = tuple[int | str, ...]


def fault(message: str) -> PydanticCustomError:
    """For a validator to raise about the value that it was given."""
    return PydanticCustomError("rule", "{message}", {"message": message})


def refuse(faults: Iterable[tuple[Location, str]]) -> None:
    """Raises every fault at its place within the value under validation; nothing for none."""
    lines: list[InitErrorDetails] = [
        {"type": fault(message), "loc": location, "input": None} for location, message in faults
    ]
    if lines:
        raise ValidationError.from_exception_data("configuration", lines)


def field_errors(error: ValidationError, root: str = "") -> list[FieldError]:
    return [
        FieldError(_path(root, each["loc"]), _WORDS.get(each["type"], each["msg"]))
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _path(root: str, location: Location) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return (root + "".join(steps)).removeprefix(".") or "value"


_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "tuple_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
}


# ---- fields --------------------------------------------------------------------------------


def _text(longest: int, *, lines: bool = False) -> AfterValidator:
    """The rule of `Checks.text`, which says what a person may write."""

    def check(value: str) -> str:
        checks = Checks()
        text = checks.text("", value, longest=longest, lines=lines)
        try:
            checks.done()
        except ValidationFailed as failed:
            raise fault(failed.fields[0].message) from None
        return text

    return AfterValidator(check)


def _pattern(pattern: str, message: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise fault(message)
        return value

    return AfterValidator(check)


def _one_of(choices: tuple[str, ...]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in choices:
            raise fault(f"must be one of {', '.join(repr(each) for each in choices)}")
        return value

    return AfterValidator(check)


def _between(least: int, most: int) -> AfterValidator:
    def check(value: int) -> int:
        if not least <= value <= most:
            raise fault(f"must be between {least} and {most:,}, is {value}")
        return value

    return AfterValidator(check)


def _known_variables(template: str) -> str:
    if unknown := unknown_variables(template):
        known = ", ".join(f"{{{name}}}" for name in VARIABLES)
        raise fault(f"{', '.join(unknown)} is not a variable; those are {known}")
    return template


Slug = Annotated[
    str,
    _pattern(
        r"(?=.{1,40}\Z)[a-z0-9]+([_-][a-z0-9]+)*",
        "must be 1 to 40 lower-case letters a to z and digits, with single _ or - between them",
    ),
]
Label = Annotated[str, _text(80)]
Noun = Annotated[str, _text(40)]
Minutes = Annotated[int, _between(1, 525_600)]


class Section(BaseModel):
    """A value object; its keys are in camel case."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )

    @classmethod
    def parse(cls, value: Any, root: str = "") -> Self:
        """The section that a client's value stands for.

        Raises ValidationFailed with every fault; its paths begin with `root`.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise ValidationFailed(field_errors(error, root)) from None

    @classmethod
    def from_stored(cls, value: Any) -> Self:
        """The section that was stored as `value`; raises ValidationFailed for what is none."""
        return cls.parse(value)

    def to_stored(self) -> Any:
        """A JSON value, without what is at its default."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


# ---- sections ------------------------------------------------------------------------------


class TicketCategory(Section):
    id: Slug
    label: Label
    label_en: Label | None = None
    description: Annotated[str, _text(500)] | None = None
    icon: Annotated[
        str,
        _pattern(
            r"(?=.{1,60}\Z)[a-z0-9]+(-[a-z0-9]+)*",
            "must be the name of a lucide icon, as in lightbulb-off",
        ),
    ]
    color: Annotated[str, _pattern(r"#[0-9A-Fa-f]{6}", "must be written as #RRGGBB")]
    is_retired: bool = False

    def label_in(self, language: str) -> str:
        return (self.label_en or self.label) if language == "en" else self.label


def _check_categories(categories: tuple[TicketCategory, ...]) -> tuple[TicketCategory, ...]:
    faults: list[tuple[Location, str]] = list(repeated(each.id for each in categories))
    if sum(not each.is_retired for each in categories) > MAX_CATEGORIES:
        faults.append(((), f"must be at most {MAX_CATEGORIES}, without those that are retired"))
    fallback = next((each for each in categories if each.id == FALLBACK_CATEGORY), None)
    if fallback is None:
        faults.append(((), f"must hold the category {FALLBACK_CATEGORY}, for what fits no other"))
    elif fallback.is_retired:
        place = categories.index(fallback)
        faults.append(((place, "isRetired"), f"{FALLBACK_CATEGORY} must stay to be chosen"))
    refuse(faults)
    return categories


def repeated(ids: Iterable[str]) -> Iterable[tuple[Location, str]]:
    """A fault for each id that stands in the list a second time."""
    seen: dict[str, int] = {}
    for place, each in enumerate(ids):
        if each in seen:
            yield (place, "id"), f"{each} is the id of number {seen[each]} too, counted from 0"
        seen.setdefault(each, place)


CategoryList = Annotated[tuple[TicketCategory, ...], AfterValidator(_check_categories)]


class TicketCategories(Section):
    """Stored as its list."""

    categories: CategoryList

    @classmethod
    def from_stored(cls, value: Any) -> Self:
        return cls.parse({"categories": value})

    def to_stored(self) -> Any:
        return [each.to_stored() for each in self.categories]

    def choices(self) -> list[TicketCategory]:
        """The categories that a new ticket may have, in their order."""
        return [category for category in self.categories if not category.is_retired]

    def find(self, category_id: str) -> TicketCategory | None:
        return self._by_id.get(category_id)

    @cached_property
    def _by_id(self) -> dict[str, TicketCategory]:
        return {each.id: each for each in self.categories}

    def keeping(self, categories: Iterable[TicketCategory]) -> "TicketCategories":
        """With those of `categories` whose id it lacks, retired, at its end."""
        ids = {each.id for each in self.categories}
        kept = (each for each in categories if each.id not in ids)
        retired = (each.model_copy(update={"is_retired": True}) for each in kept)
        # What is retired breaks no rule that the list has kept.
        return self.model_construct(categories=(*self.categories, *retired))


class AssistantConfiguration(Section):
    assistant_name: Annotated[str, _text(100)]
    company_name: Annotated[str, _text(100)]
    primary_service_issue: Annotated[str, _text(300)]
    service_type: Annotated[str, _text(200)]
    greeting_message: Annotated[str, _text(2_000, lines=True), AfterValidator(_known_variables)]
    language: Annotated[str, _one_of(LANGUAGES)]


class Terminology(Section):
    ticket_singular: Noun
    ticket_plural: Noun
    create_verb: Noun
    customer_noun: Noun
    agent_noun: Noun
    resolve_verb: Noun


class TicketIdFormat(Section):
    prefix: Annotated[str, _pattern(r"[A-Z0-9]{1,12}", "must be 1 to 12 of A to Z and 0 to 9")]
    include_year: bool
    pad_length: Annotated[int, _between(3, 12)]
    separator: Annotated[str, _one_of(SEPARATORS)]


class InstructionsTemplate(Section):
    """Without a `template`, the built-in one in the configured language."""

    template: Annotated[str, _text(20_000, lines=True), AfterValidator(_known_variables)] | None = (
        None
    )


class SlaMinutes(Section):
    first_response_minutes: Minutes
    resolution_minutes: Minutes

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.first_response_minutes > self.resolution_minutes:
            message = f"must be at most resolutionMinutes, {self.resolution_minutes}"
            refuse([(("firstResponseMinutes",), message)])
        return self


class SlaTargets(Section):
    """Stored under the names of the priorities."""

    model_config = ConfigDict(alias_generator=str.upper)

    urgent: SlaMinutes
    high: SlaMinutes
    medium: SlaMinutes
    low: SlaMinutes

    def __getitem__(self, priority: TicketPriority) -> SlaMinutes:
        return getattr(self, priority.value.lower())
