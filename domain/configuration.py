"""What differs between one business and another: typed sections with built-in defaults."""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from persistence.models import TicketPriority

# The category that catches what fits no other; every list of categories holds it.
FALLBACK_CATEGORY = "other"


class Section(BaseModel):
    """A part of the configuration; its stored and exported keys are in camel case."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True
    )


class TicketCategory(Section):
    id: str
    label: str
    label_en: str | None = None
    description: str | None = None
    icon: str
    color: str
    is_retired: bool = False


class TicketCategories(Section):
    categories: tuple[TicketCategory, ...]

    def choices(self) -> list[TicketCategory]:
        """The categories that a new ticket may have, in their order."""
        return [category for category in self.categories if not category.is_retired]

    def find(self, category_id: str) -> TicketCategory | None:
        return next((each for each in self.categories if each.id == category_id), None)


class AssistantConfiguration(Section):
    assistant_name: str
    company_name: str
    primary_service_issue: str
    service_type: str
    greeting_message: str
    language: str


class Terminology(Section):
    ticket_singular: str
    ticket_plural: str
    create_verb: str
    customer_noun: str
    agent_noun: str
    resolve_verb: str


class TicketIdFormat(Section):
    prefix: str
    include_year: bool
    pad_length: int
    separator: str


class SlaMinutes(Section):
    first_response_minutes: int = Field(gt=0)
    resolution_minutes: int = Field(gt=0)


class Configuration(BaseModel):
    """Every section that ticket work reads, as of one moment."""

    model_config = ConfigDict(frozen=True)

    ticket_categories: TicketCategories
    assistant: AssistantConfiguration
    terminology: Terminology
    ticket_id_format: TicketIdFormat
    sla_targets: Mapping[TicketPriority, SlaMinutes]


class ConfigurationSource(Protocol):
    """Where services read the configuration from; each read may give a newer one."""

    async def current(self) -> Configuration: ...


@cache
def built_in() -> Mapping[str, Any]:
    """`defaults.json`: the default value of each section, and the presets."""
    return json.loads(resources.files("domain").joinpath("defaults.json").read_bytes())


@cache
def default_configuration() -> Configuration:
    values = built_in()["defaults"]
    return Configuration(
        ticket_categories=TicketCategories(categories=values["ticket_categories"]),
        assistant=AssistantConfiguration.model_validate(values["assistant_configuration"]),
        terminology=Terminology.model_validate(values["ticket_terminology"]),
        ticket_id_format=TicketIdFormat.model_validate(values["ticket_id_format"]),
        sla_targets=values["sla_targets"],
    )


class BuiltInConfiguration:
    """The defaults as a source."""

    async def current(self) -> Configuration:
        return default_configuration()
