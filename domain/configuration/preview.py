"""How things would look with another configuration, before it is saved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from domain.access import Actor, Permission
from domain.clock import Clock
from domain.configuration.configuration import SECTION_TYPES, Configuration, ConfigurationSource
from domain.configuration.sections import ConfigurationSection, Section, TicketIdFormat
from domain.errors import FieldError, NotFound, ValidationFailed
from domain.numbers import business_year, counter_name, format_number
from domain.templates import substitute
from persistence.counters import CounterStore


@dataclass(frozen=True, slots=True)
class Preview:
    """`problems` is what would be refused; a section that has one is shown as it is now."""

    configuration: Configuration
    next_ticket_id: str
    greeting: str
    instructions: str
    problems: tuple[FieldError, ...]


class ConfigurationPreviews:
    def __init__(
        self,
        *,
        source: ConfigurationSource,
        counters: CounterStore,
        clock: Clock,
        time_zone: ZoneInfo,
    ) -> None:
        self._source = source
        self._counters = counters
        self._clock = clock
        self._time_zone = time_zone

    async def preview(
        self,
        actor: Actor,
        draft: Mapping[ConfigurationSection, Any],
        *,
        preset_id: str | None = None,
    ) -> Preview:
        """The configuration with a preset, if one is named, and then the sections of `draft`.

        Draws no number and changes nothing. Raises Forbidden, NotFound (the preset).
        """
        actor.require(Permission.MANAGE_CONFIGURATION)
        configuration = await self._source.current()
        if preset_id is not None:
            preset = configuration.presets.find(preset_id)
            if preset is None:
                raise NotFound("preset")
            configuration = configuration.replacing(configuration.with_preset(preset))
        sections: dict[ConfigurationSection, Section] = {}
        problems: list[FieldError] = []
        for section, value in draft.items():
            try:
                sections[section] = SECTION_TYPES[section].parse(value, section.field)
            except ValidationFailed as failed:
                problems += failed.fields
        configuration = configuration.replacing(sections)
        values = configuration.template_values(self._clock().astimezone(self._time_zone).date())
        return Preview(
            configuration=configuration,
            next_ticket_id=await self._next_number(configuration.ticket_id_format),
            greeting=substitute(configuration.assistant.greeting_message, values),
            instructions=substitute(configuration.instructions(), values),
            problems=tuple(problems),
        )

    async def _next_number(self, number_format: TicketIdFormat) -> str:
        year = business_year(self._clock(), self._time_zone)
        drawn = await self._counters.current(counter_name(number_format, year))
        return format_number(number_format, year, drawn + 1)
