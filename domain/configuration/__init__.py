"""What differs between one business and another: typed sections, as data that admins edit."""

from domain.configuration.configuration import (
    SECTION_TYPES,
    Configuration,
    ConfigurationSource,
    SectionState,
    default_configuration,
    default_section,
)
from domain.configuration.presets import Preset, Presets
from domain.configuration.sections import (
    FALLBACK_CATEGORY,
    AssistantConfiguration,
    ConfigurationSection,
    InstructionsTemplate,
    Section,
    SlaMinutes,
    SlaTargets,
    Terminology,
    TicketCategories,
    TicketCategory,
    TicketIdFormat,
)

__all__ = [
    "FALLBACK_CATEGORY",
    "SECTION_TYPES",
    "AssistantConfiguration",
    "Configuration",
    "ConfigurationSection",
    "ConfigurationSource",
    "InstructionsTemplate",
    "Preset",
    "Presets",
    "Section",
    "SectionState",
    "SlaMinutes",
    "SlaTargets",
    "Terminology",
    "TicketCategories",
    "TicketCategory",
    "TicketIdFormat",
    "default_configuration",
    "default_section",
]
