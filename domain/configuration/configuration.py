"""The configuration as a whole, as of one moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from domain.configuration.defaults import built_in, built_in_instructions
from domain.configuration.presets import Preset, Presets
from domain.configuration.sections import (
    AssistantConfiguration,
    ConfigurationSection,
    InstructionsTemplate,
    Section,
    SlaTargets,
    Terminology,
    TicketCategories,
    TicketIdFormat,
)
from domain.errors import FieldError, ValidationFailed
from persistence.models import ActorRef

SECTION_TYPES: Mapping[ConfigurationSection, type[Section]] = {
    ConfigurationSection.TICKET_CATEGORIES: TicketCategories,
    ConfigurationSection.ASSISTANT: AssistantConfiguration,
    ConfigurationSection.TERMINOLOGY: Terminology,
    ConfigurationSection.TICKET_ID_FORMAT: TicketIdFormat,
    ConfigurationSection.INSTRUCTIONS_TEMPLATE: InstructionsTemplate,
    ConfigurationSection.SLA_TARGETS: SlaTargets,
    ConfigurationSection.PRESETS: Presets,
}


# Of each section the category and the description that are stored beside it.
ABOUT: Mapping[ConfigurationSection, tuple[str, str]] = {
    ConfigurationSection.TICKET_CATEGORIES: ("tickets", "What tickets can be about"),
    ConfigurationSection.ASSISTANT: ("assistant", "Who the assistant is and for whom it speaks"),
    ConfigurationSection.TERMINOLOGY: ("tickets", "What tickets and people are called"),
    ConfigurationSection.TICKET_ID_FORMAT: ("tickets", "How ticket numbers are written"),
    ConfigurationSection.INSTRUCTIONS_TEMPLATE: ("assistant", "What the assistant is told to do"),
    ConfigurationSection.SLA_TARGETS: ("general", "How soon a ticket is to be answered and done"),
    ConfigurationSection.PRESETS: ("presets", "Configurations for kinds of business"),
}


@dataclass(frozen=True, slots=True)
class SectionState:
    """What is known of a section beside its value.

    `problem` says why the stored value cannot be used, so that the default stands in its place;
    `version` is 0 where nothing legible is stored.
    """

    version: int
    updated_at: datetime
    updated_by: ActorRef | None = None
    is_editable: bool = True
    problem: str | None = None


class Configuration(BaseModel):
    """Every section, as of one moment. Only the built-in one has no `states`."""

    model_config = ConfigDict(frozen=True)

    ticket_categories: TicketCategories
    assistant: AssistantConfiguration
    terminology: Terminology
    ticket_id_format: TicketIdFormat
    instructions_template: InstructionsTemplate
    sla_targets: SlaTargets
    presets: Presets
    states: Mapping[ConfigurationSection, SectionState]

    def section(self, section: ConfigurationSection) -> Section:
        return getattr(self, section.name.lower())

    def replacing(self, values: Mapping[ConfigurationSection, Section]) -> "Configuration":
        return self.model_copy(
            update={section.name.lower(): value for section, value in values.items()}
        )

    def is_default(self, section: ConfigurationSection) -> bool:
        """Whether the section says what the default says; retired categories say nothing."""
        value = self.section(section)
        if isinstance(value, TicketCategories):
            value = TicketCategories(categories=tuple(value.choices()))
        return value == default_section(section)

    def with_preset(self, preset: Preset) -> Mapping[ConfigurationSection, Section]:
        """The sections that `preset` changes, as they would be."""
        changed: dict[ConfigurationSection, Section] = {}
        for section, part in preset.parts().items():
            if section is ConfigurationSection.TICKET_CATEGORIES:
                changed[section] = TicketCategories(categories=part)
            else:
                present = self.section(section).model_dump(mode="json", by_alias=True)
                changed[section] = SECTION_TYPES[section].parse({**present, **part})
        return changed

    def as_preset(self, preset_id: str, label: str, label_en: str | None) -> Preset:
        """All of it but the presets. Raises ValidationFailed for the id and the labels."""
        values: dict[str, Any] = {
            section.value: self.section(section).model_dump(mode="json", by_alias=True)
            for section in ConfigurationSection
            if section is not ConfigurationSection.PRESETS
        }
        categories = [each.to_stored() for each in self.ticket_categories.choices()]
        values[ConfigurationSection.TICKET_CATEGORIES.value] = categories
        return Preset.parse({"id": preset_id, "label": label, "labelEn": label_en, **values})

    def instructions(self) -> str:
        """The template that the assistant's instructions are rendered from."""
        template = self.instructions_template.template
        return built_in_instructions(self.assistant.language) if template is None else template

    def template_values(self, today: date) -> Mapping[str, str]:
        """Of each variable in `domain.templates.VARIABLES` the value."""
        assistant, terminology = self.assistant, self.terminology
        labels = (each.label_in(assistant.language) for each in self.ticket_categories.choices())
        return {
            "assistantName": assistant.assistant_name,
            "companyName": assistant.company_name,
            "primaryServiceIssue": assistant.primary_service_issue,
            "serviceType": assistant.service_type,
            "ticketNoun": terminology.ticket_singular,
            "ticketNounPlural": terminology.ticket_plural,
            "customerNoun": terminology.customer_noun,
            "agentNoun": terminology.agent_noun,
            "createVerb": terminology.create_verb,
            "resolveVerb": terminology.resolve_verb,
            "categories": ", ".join(labels),
            "today": today.isoformat(),
        }


class ConfigurationSource(Protocol):
    """Where services read the configuration from; each read may give a newer one."""

    async def current(self) -> Configuration: ...


@cache
def default_section(section: ConfigurationSection) -> Section:
    if section is ConfigurationSection.PRESETS:
        return Presets.from_stored(built_in()["presets"])
    return SECTION_TYPES[section].from_stored(built_in()["defaults"].get(section.value, {}))


@cache
def default_configuration() -> Configuration:
    values = {section.name.lower(): default_section(section) for section in ConfigurationSection}
    return Configuration.model_validate({**values, "states": {}})


def seeded_sections(environment: Mapping[str, str]) -> Mapping[ConfigurationSection, Section]:
    """Every default, with the fields that `environment` overrides; see `defaults.json`.

    Raises ValidationFailed, naming the variable, for an override that breaks a rule.
    """
    sections = {section: default_section(section) for section in ConfigurationSection}
    faults: list[FieldError] = []
    for variable, value in environment.items():
        key, field = built_in()["environment"][variable].split(".")
        section = ConfigurationSection(key)
        try:
            sections[section] = SECTION_TYPES[section].from_stored(
                {**sections[section].to_stored(), field: value}
            )
        except ValidationFailed as failed:
            faults += (FieldError(variable, each.message) for each in failed.fields)
    if faults:
        raise ValidationFailed(faults)
    return sections
