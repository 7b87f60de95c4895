"""Presets: what a kind of business sets of the configuration, as data."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

from domain.configuration.defaults import built_in
from domain.configuration.sections import (
    AssistantConfiguration,
    CategoryList,
    ConfigurationSection,
    InstructionsTemplate,
    Label,
    Section,
    SlaTargets,
    Slug,
    Terminology,
    TicketIdFormat,
    refuse,
    repeated,
)

MAX_PRESETS: Final = 100
_KEYS = frozenset(section.value for section in ConfigurationSection)


def _part_of(section_type: type[Section], key: str) -> AfterValidator:
    """Some fields of a section: valid where the default with them in their place is."""

    def check(part: dict[str, Any]) -> dict[str, Any]:
        whole = section_type.model_validate({**built_in()["defaults"].get(key, {}), **part})
        values = whole.model_dump(mode="json", by_alias=True)
        return {field: values[field] for field in part}

    return AfterValidator(check)


def _key(field: str) -> str:
    return field if field in _KEYS else to_camel(field)


def is_built_in(preset_id: str) -> bool:
    return any(preset_id == preset["id"] for preset in built_in()["presets"])


class Preset(Section):
    """The fields that it gives replace those of a section; what it does not mention stays.

    Written as in `defaults.json`: its sections stand under the keys that they are stored under.
    """

    model_config = ConfigDict(alias_generator=_key)

    id: Slug
    label: Label
    label_en: Label | None = None
    ticket_categories: CategoryList | None = None
    assistant_configuration: (
        Annotated[dict[str, Any], _part_of(AssistantConfiguration, "assistant_configuration")]
        | None
    ) = None
    ticket_terminology: (
        Annotated[dict[str, Any], _part_of(Terminology, "ticket_terminology")] | None
    ) = None
    ticket_id_format: (
        Annotated[dict[str, Any], _part_of(TicketIdFormat, "ticket_id_format")] | None
    ) = None
    assistant_instructions_template: (
        Annotated[dict[str, Any], _part_of(InstructionsTemplate, "assistant_instructions_template")]
        | None
    ) = None
    sla_targets: Annotated[dict[str, Any], _part_of(SlaTargets, "sla_targets")] | None = None

    @model_validator(mode="after")
    def _check_content(self) -> Self:
        if not self.parts():
            refuse([((), "must hold at least one section")])
        return self

    def parts(self) -> Mapping[ConfigurationSection, Any]:
        """What it gives of each section that it mentions: fields, or the list of categories."""
        given = {section: getattr(self, section.value, None) for section in ConfigurationSection}
        return {section: part for section, part in given.items() if part is not None}


def _check_presets(presets: tuple[Preset, ...]) -> tuple[Preset, ...]:
    refuse(repeated(preset.id for preset in presets))
    if len(presets) > MAX_PRESETS:
        refuse([((), f"must be at most {MAX_PRESETS}")])
    return presets


class Presets(Section):
    """Stored as its list."""

    presets: Annotated[tuple[Preset, ...], AfterValidator(_check_presets)]

    @classmethod
    def from_stored(cls, value: Any) -> Self:
        return cls.parse({"presets": value})

    def to_stored(self) -> Any:
        return [each.to_stored() for each in self.presets]

    def find(self, preset_id: str) -> Preset | None:
        return next((each for each in self.presets if each.id == preset_id), None)

    def having(self, preset: Preset) -> "Presets":
        """With `preset` in the place of the one with its id, or at the end.

        Raises ValidationFailed where there is no room for another.
        """
        by_id = {each.id: each for each in self.presets} | {preset.id: preset}
        return Presets.parse({"presets": tuple(by_id.values())})

    def without(self, preset_id: str) -> "Presets":
        kept = tuple(each for each in self.presets if each.id != preset_id)
        return Presets.parse({"presets": kept})
