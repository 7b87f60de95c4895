"""The configuration: as far as each viewer may read it, and the work of who may change it."""

from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import strawberry
from pydantic.alias_generators import to_camel
from strawberry.scalars import JSON

from domain import configuration as domain
from domain.access import Permission
from domain.configuration import Configuration as ConfigurationModel
from domain.configuration import Preset
from domain.configuration.editor import ConfigurationConflict
from domain.configuration.presets import is_built_in
from domain.configuration.preview import Preview
from domain.numbers import business_year, format_number
from domain.templates import VARIABLES
from graph.accounts import Actor
from graph.assistant.sync import AssistantSync, read_sync
from graph.assistant.tools import define_tools
from graph.context import Info
from graph.enums import ConfigurationAction, ConfigurationSection, ToolFormat
from graph.errors import (
    FieldProblem,
    Problem,
    ProblemHandler,
    SimpleProblem,
    ValidationProblem,
)
from graph.nodes import After, Connection, First, connection, decode_id, encode_id, window
from graph.tickets import TicketCategory
from persistence import models

if TYPE_CHECKING:
    from graph.schema import Schema

# ---- sections ------------------------------------------------------------------------------


@strawberry.interface(description="A part of the configuration that is stored and changed whole.")
class VersionedSection:
    version: int = strawberry.field(
        description="Rises with each change; pass it as `expectedVersion`. 0: nothing legible is "
        "stored, and the default serves."
    )
    is_default: bool = strawberry.field(
        description="Whether it says what the default says; retired categories do not count."
    )
    is_editable: bool = strawberry.field(
        description="False: an operator has locked it in the database."
    )
    updated_at: datetime = strawberry.field(
        description="When it last changed; at version 0, when that was found."
    )
    updated_by: Actor | None = strawberry.field(
        description="Who changed it last: at first the system. Null at version 0."
    )
    damage: strawberry.Private[str | None]

    @strawberry.field(
        description="Why what is stored cannot be used, so that the default serves in its place; "
        "null where all is well. Saving or resetting the section repairs it. For admins."
    )
    def problem(self, info: Info) -> str | None:
        return self.damage if _is_admin(info) else None


def _state(configuration: ConfigurationModel, section: ConfigurationSection) -> dict[str, Any]:
    """What `VersionedSection` holds of `section`."""
    state = configuration.states[section]
    return {
        "version": state.version,
        "is_default": configuration.is_default(section),
        "is_editable": state.is_editable,
        "updated_at": state.updated_at,
        "updated_by": Actor.from_model(state.updated_by) if state.updated_by else None,
        "damage": state.problem,
    }


def _is_admin(info: Info) -> bool:
    return info.context.actor.may(Permission.MANAGE_CONFIGURATION)


@strawberry.type(description="What tickets can be about.")
class TicketCategoriesSection(VersionedSection):
    categories: list[TicketCategory] = strawberry.field(
        description="In the order in which to offer them; retired ones are marked."
    )


@strawberry.type(description="Who the assistant is and for whom it speaks. For admins.")
class AssistantSection(VersionedSection):
    assistant_name: str = strawberry.field(description="What it is called.")
    company_name: str = strawberry.field(description="The company for which it speaks.")
    primary_service_issue: str = strawberry.field(description="What customers mostly report.")
    service_type: str = strawberry.field(description="What the company does.")
    greeting_message: str = strawberry.field(
        description="How it greets, a template with the variables of "
        "`InstructionsTemplateSection.variables`."
    )
    language: str = strawberry.field(description="`es` or `en`: in which it answers.")


@strawberry.type(description="What things are called here.")
class TerminologySection(VersionedSection):
    ticket_singular: str = strawberry.field(description="A ticket, as in “reporte”.")
    ticket_plural: str = strawberry.field(description="Tickets, as in “reportes”.")
    create_verb: str = strawberry.field(description="To open one, as in “reportar”.")
    customer_noun: str = strawberry.field(description="A customer, as in “usuario”.")
    agent_noun: str = strawberry.field(description="An agent, as in “agente”.")
    resolve_verb: str = strawberry.field(description="To resolve one, as in “resolver”.")


@strawberry.type(description="How ticket numbers are written.")
class TicketIdFormatSection(VersionedSection):
    prefix: str = strawberry.field(description="1 to 12 of A–Z and 0–9.")
    include_year: bool = strawberry.field(description="Whether the year follows the prefix.")
    pad_length: int = strawberry.field(
        description="To how many digits zeros are put before, 3 to 12."
    )
    separator: str = strawberry.field(description="Between the parts: `-`, `_`, `/` or none.")
    model: strawberry.Private[domain.TicketIdFormat]

    @strawberry.field(description="The year's first number in this format.")
    def example(self, info: Info) -> str:
        services = info.context.services
        return format_number(self.model, business_year(services.clock(), services.time_zone), 1)


@strawberry.type(description="What the assistant is told to do. For admins.")
class InstructionsTemplateSection(VersionedSection):
    template: str = strawberry.field(
        description="The text, with variables in braces. By default a built-in one in the "
        "assistant's language."
    )

    @strawberry.field(description="What may stand in braces, here and in `greetingMessage`.")
    def variables(self) -> list[str]:
        return list(VARIABLES)


@strawberry.type(description="How soon a ticket of one priority is promised to be served.")
class SlaMinutes:
    first_response_minutes: int = strawberry.field(
        description="Minutes until the first public note by an agent."
    )
    resolution_minutes: int = strawberry.field(description="Minutes until the resolution.")

    @classmethod
    def from_model(cls, minutes: domain.SlaMinutes) -> "SlaMinutes":
        return cls(**minutes.model_dump())


@strawberry.type(
    description="How soon tickets are promised to be served. Tickets keep the targets that they "
    "were opened with. For admins."
)
class SlaTargetsSection(VersionedSection):
    urgent: SlaMinutes = strawberry.field(description="For priority URGENT.")
    high: SlaMinutes = strawberry.field(description="For priority HIGH.")
    medium: SlaMinutes = strawberry.field(description="For priority MEDIUM.")
    low: SlaMinutes = strawberry.field(description="For priority LOW.")


@strawberry.type(description="What a kind of business sets of the configuration. For admins.")
class ConfigurationPreset:
    id: str = strawberry.field(description="A slug, for `applyPreset`.")
    label: str = strawberry.field(description="Its name in Spanish.")
    label_en: str | None = strawberry.field(description="Its name in English.")
    is_built_in: bool = strawberry.field(
        description="True: came with the system, and cannot be replaced or deleted."
    )
    sections: list[ConfigurationSection] = strawberry.field(
        description="What it sets something of; the rest it leaves alone."
    )
    document: JSON = strawberry.field(
        description="All of it, as `importPreset` takes it on another installation."
    )

    @classmethod
    def from_model(cls, preset: Preset) -> "ConfigurationPreset":
        return cls(
            id=preset.id,
            label=preset.label,
            label_en=preset.label_en,
            is_built_in=is_built_in(preset.id),
            sections=list(preset.parts()),
            document=preset.to_stored(),
        )


@strawberry.type(description="The presets, as a section with its version. For admins.")
class PresetsSection(VersionedSection):
    presets: list[ConfigurationPreset] = strawberry.field(
        description="The built-in ones and your own."
    )


@strawberry.type(
    description="What makes this installation the business's own. Everybody who is signed in reads "
    "categories, terminology and number format; the rest is null for all but admins."
)
class Configuration:
    model: strawberry.Private[ConfigurationModel]

    @classmethod
    def from_model(cls, configuration: ConfigurationModel) -> "Configuration":
        return cls(model=configuration)

    @strawberry.field(description="What tickets can be about.")
    def ticket_categories(self) -> TicketCategoriesSection:
        return TicketCategoriesSection(
            **_state(self.model, ConfigurationSection.TICKET_CATEGORIES),
            categories=[
                TicketCategory.from_model(each) for each in self.model.ticket_categories.categories
            ],
        )

    @strawberry.field(description="Who the assistant is.")
    def assistant(self, info: Info) -> AssistantSection | None:
        if not _is_admin(info):
            return None
        return AssistantSection(
            **_state(self.model, ConfigurationSection.ASSISTANT),
            **self.model.assistant.model_dump(),
        )

    @strawberry.field(description="What things are called.")
    def terminology(self) -> TerminologySection:
        return TerminologySection(
            **_state(self.model, ConfigurationSection.TERMINOLOGY),
            **self.model.terminology.model_dump(),
        )

    @strawberry.field(description="How ticket numbers are written.")
    def ticket_id_format(self) -> TicketIdFormatSection:
        return TicketIdFormatSection(
            **_state(self.model, ConfigurationSection.TICKET_ID_FORMAT),
            **self.model.ticket_id_format.model_dump(),
            model=self.model.ticket_id_format,
        )

    @strawberry.field(description="What the assistant is told to do.")
    def instructions_template(self, info: Info) -> InstructionsTemplateSection | None:
        if not _is_admin(info):
            return None
        return InstructionsTemplateSection(
            **_state(self.model, ConfigurationSection.INSTRUCTIONS_TEMPLATE),
            template=self.model.instructions(),
        )

    @strawberry.field(description="How soon tickets are promised to be served.")
    def sla_targets(self, info: Info) -> SlaTargetsSection | None:
        if not _is_admin(info):
            return None
        targets = self.model.sla_targets
        return SlaTargetsSection(
            **_state(self.model, ConfigurationSection.SLA_TARGETS),
            urgent=SlaMinutes.from_model(targets.urgent),
            high=SlaMinutes.from_model(targets.high),
            medium=SlaMinutes.from_model(targets.medium),
            low=SlaMinutes.from_model(targets.low),
        )

    @strawberry.field(description="The presets: `presetsSection` without its version.")
    def presets(self, info: Info) -> list[ConfigurationPreset] | None:
        return self._presets() if _is_admin(info) else None

    @strawberry.field(description="The presets, with the version for `expectedVersion`.")
    def presets_section(self, info: Info) -> PresetsSection | None:
        if not _is_admin(info):
            return None
        return PresetsSection(
            **_state(self.model, ConfigurationSection.PRESETS), presets=self._presets()
        )

    @strawberry.field(description="Whether the assistant is told what the configuration says.")
    async def assistant_sync(self, info: Info) -> AssistantSync | None:
        return await read_sync(info) if _is_admin(info) else None

    def _presets(self) -> list[ConfigurationPreset]:
        return [ConfigurationPreset.from_model(each) for each in self.model.presets.presets]


# ---- history and preview -------------------------------------------------------------------


@strawberry.type(description="One change of one section.")
class ConfigurationChange:
    id: strawberry.ID = strawberry.field(description="For `restoreConfiguration`.")
    section: ConfigurationSection = strawberry.field(description="What was changed.")
    version: int = strawberry.field(description="The version that it made.")
    action: ConfigurationAction = strawberry.field(description="How it came about.")
    subject: str | None = strawberry.field(
        description="The preset's id; for RESTORED, the version that was restored."
    )
    changed_by: Actor = strawberry.field(description="By whom.")
    changed_at: datetime = strawberry.field(description="When.")
    before: JSON | None = strawberry.field(
        description="What was stored before, usable or not; null where nothing was."
    )
    after: JSON = strawberry.field(description="What has been stored since.")

    @classmethod
    def from_model(cls, change: models.ConfigurationChange) -> "ConfigurationChange":
        return cls(
            id=encode_id("ConfigurationChange", change.id),
            section=ConfigurationSection(change.key),
            version=change.version,
            action=change.action,
            subject=change.subject,
            changed_by=Actor.from_model(change.actor),
            changed_at=change.changed_at,
            before=change.before,
            after=change.after,
        )


@strawberry.type(description="How things would look. A section with problems is shown as it is.")
class ConfigurationPreview:
    next_ticket_id: str = strawberry.field(
        description="The number that the next ticket would have; none is drawn."
    )
    greeting: str = strawberry.field(description="The greeting, rendered.")
    instructions: str = strawberry.field(description="The assistant's instructions, rendered.")
    problems: list[FieldProblem] = strawberry.field(
        description="What would be refused, with paths in the draft; empty: nothing."
    )
    model: strawberry.Private[ConfigurationModel]

    @strawberry.field(
        description="The assistant's tools as a model would be given them, for the Responses API."
    )
    def tool_definitions(self, info: Info) -> list[JSON]:
        schema = cast("Schema", info.schema).core
        return cast(list[Any], define_tools(schema, self.model, ToolFormat.RESPONSES))

    @classmethod
    def from_model(cls, preview: Preview) -> "ConfigurationPreview":
        return cls(
            next_ticket_id=preview.next_ticket_id,
            greeting=preview.greeting,
            instructions=preview.instructions,
            problems=[
                FieldProblem(path=each.path, message=each.message) for each in preview.problems
            ],
            model=preview.configuration,
        )


# ---- outcomes ------------------------------------------------------------------------------


@strawberry.type(description="The configuration as it now is.")
class ConfigurationPayload:
    configuration: Configuration = strawberry.field(description="All of it.")

    @classmethod
    def of(cls, configuration: ConfigurationModel) -> "ConfigurationPayload":
        return cls(configuration=Configuration.from_model(configuration))


@strawberry.type(
    description="Somebody changed the section since the version you expected. Nothing was changed."
)
class ConfigurationConflictProblem(Problem):
    section: ConfigurationSection = strawberry.field(description="Which section.")
    current_version: int = strawberry.field(description="The version that it is at now.")
    configuration: Configuration = strawberry.field(
        description="The configuration as it is now, the section that you wanted to change in it."
    )


class ConfigurationConflictHandler(ProblemHandler[ConfigurationConflict]):
    exception_type = ConfigurationConflict
    error_type = ConfigurationConflictProblem

    def problem(self, error: ConfigurationConflict) -> ConfigurationConflictProblem:
        return ConfigurationConflictProblem(
            code=error.code,
            message=error.message,
            section=error.section,
            current_version=error.current_version,
            configuration=Configuration.from_model(error.configuration),
        )


ConfigurationResult = Annotated[
    ConfigurationPayload | ValidationProblem | ConfigurationConflictProblem | SimpleProblem,
    strawberry.union(
        "ConfigurationResult", description="The configuration, or why nothing was changed."
    ),
]


# ---- inputs --------------------------------------------------------------------------------


_EXPECTED_VERSION = (
    "The version of the section that you saw. Where it has changed since: a "
    "ConfigurationConflictProblem."
)
_OPTIONAL_VERSION = _EXPECTED_VERSION + " Without it, your change is made to what is there."

ExpectedVersion = Annotated[int | None, strawberry.argument(description=_OPTIONAL_VERSION)]


@strawberry.input(description="One category.")
class TicketCategoryInput:
    id: str = strawberry.field(
        description="What tickets keep: 1 to 40 lower-case letters and digits, with single _ or - "
        "between them, unique in the list."
    )
    label: str = strawberry.field(description="Its name in the business's language, 1 to 80.")
    label_en: str | None = strawberry.field(default=None, description="Its name in English.")
    description: str | None = strawberry.field(
        default=None, description="What belongs in it, at most 500 characters."
    )
    icon: str = strawberry.field(description="The name of a lucide icon, as in lightbulb-off.")
    color: str = strawberry.field(description="As #RRGGBB.")
    is_retired: bool = strawberry.field(
        default=False, description="True: no longer to be chosen; old tickets keep it."
    )


@strawberry.input(description="All categories.")
class TicketCategoriesInput:
    categories: list[TicketCategoryInput] = strawberry.field(
        description="In the order in which to offer them, at most 100 that are not retired, with "
        "`other` among them. One that is left out while a ticket has it is retired."
    )


@strawberry.input(description="Who the assistant is and for whom it speaks.")
class AssistantInput:
    assistant_name: str = strawberry.field(description="1 to 100 characters.")
    company_name: str = strawberry.field(description="1 to 100 characters.")
    primary_service_issue: str = strawberry.field(
        description="What customers mostly report, 1 to 300 characters."
    )
    service_type: str = strawberry.field(description="What the company does, 1 to 200 characters.")
    greeting_message: str = strawberry.field(
        description="A template, 1 to 2,000 characters; unknown variables are refused."
    )
    language: str = strawberry.field(description="`es` or `en`.")


@strawberry.input(description="What things are called, each in 1 to 40 characters.")
class TerminologyInput:
    ticket_singular: str = strawberry.field(description="A ticket, as in “reporte”.")
    ticket_plural: str = strawberry.field(description="Tickets, as in “reportes”.")
    create_verb: str = strawberry.field(description="To open one, as in “reportar”.")
    customer_noun: str = strawberry.field(description="A customer, as in “usuario”.")
    agent_noun: str = strawberry.field(description="An agent, as in “agente”.")
    resolve_verb: str = strawberry.field(description="To resolve one, as in “resolver”.")


@strawberry.input(description="How the numbers of tickets to come are written.")
class TicketIdFormatInput:
    prefix: str = strawberry.field(description="1 to 12 of A–Z and 0–9.")
    include_year: bool = strawberry.field(description="Whether the year follows the prefix.")
    pad_length: int = strawberry.field(
        description="To how many digits zeros are put before, 3 to 12."
    )
    separator: str = strawberry.field(
        description="Between the parts: `-`, `_`, `/`, or empty for none."
    )


@strawberry.input(description="What the assistant is told to do.")
class InstructionsTemplateInput:
    template: str | None = strawberry.field(
        default=None,
        description="1 to 20,000 characters; unknown variables are refused. Null: the built-in "
        "one in the assistant's language.",
    )


@strawberry.input(description="How soon a ticket of one priority is promised to be served.")
class SlaMinutesInput:
    first_response_minutes: int = strawberry.field(
        description="1 to 525,600 (a year), and no more than resolutionMinutes."
    )
    resolution_minutes: int = strawberry.field(description="1 to 525,600 (a year).")


@strawberry.input(description="How soon tickets to come are promised to be served.")
class SlaTargetsInput:
    urgent: SlaMinutesInput = strawberry.field(description="For priority URGENT.")
    high: SlaMinutesInput = strawberry.field(description="For priority HIGH.")
    medium: SlaMinutesInput = strawberry.field(description="For priority MEDIUM.")
    low: SlaMinutesInput = strawberry.field(description="For priority LOW.")


@strawberry.input(description="All categories, in the place of those that are there.")
class UpdateTicketCategoriesInput(TicketCategoriesInput):
    expected_version: int = strawberry.field(description=_EXPECTED_VERSION)


@strawberry.input(description="Who the assistant is from now on.")
class UpdateAssistantInput(AssistantInput):
    expected_version: int = strawberry.field(description=_EXPECTED_VERSION)


@strawberry.input(description="What things are called from now on, each in 1 to 40 characters.")
class UpdateTerminologyInput(TerminologyInput):
    expected_version: int = strawberry.field(description=_EXPECTED_VERSION)


@strawberry.input(description="How numbers are written from now on.")
class UpdateTicketIdFormatInput(TicketIdFormatInput):
    expected_version: int = strawberry.field(description=_EXPECTED_VERSION)


@strawberry.input(description="What the assistant is told from now on.")
class UpdateInstructionsTemplateInput(InstructionsTemplateInput):
    expected_version: int = strawberry.field(description=_EXPECTED_VERSION)


@strawberry.input(description="How soon tickets are promised to be served from now on.")
class UpdateSlaTargetsInput(SlaTargetsInput):
    expected_version: int = strawberry.field(description=_EXPECTED_VERSION)


@strawberry.input(description="The configuration as it is, to be kept as a preset.")
class SavePresetInput:
    id: str = strawberry.field(
        description="1 to 40 lower-case letters and digits, with single _ or - between them. A "
        "preset of your own with this id is replaced."
    )
    label: str = strawberry.field(description="Its name in Spanish, 1 to 80 characters.")
    label_en: str | None = strawberry.field(default=None, description="Its name in English.")
    expected_version: int | None = strawberry.field(default=None, description=_OPTIONAL_VERSION)


@strawberry.input(description="A preset that was exported, or written for a new industry.")
class ImportPresetInput:
    document: JSON = strawberry.field(
        description="As in `ConfigurationPreset.document`: `id`, `label`, `labelEn`, and any of "
        "`ticket_categories` (the whole list), `assistant_configuration`, `ticket_terminology`, "
        "`ticket_id_format`, `assistant_instructions_template` and `sla_targets` (the fields to "
        "set). A preset of your own with this id is replaced."
    )
    expected_version: int | None = strawberry.field(default=None, description=_OPTIONAL_VERSION)


@strawberry.input(description="Sections to look at before they are saved; the others as they are.")
class ConfigurationDraft:
    ticket_categories: TicketCategoriesInput | None = strawberry.field(
        default=None, description="What tickets can be about."
    )
    assistant: AssistantInput | None = strawberry.field(
        default=None, description="Who the assistant is."
    )
    terminology: TerminologyInput | None = strawberry.field(
        default=None, description="What things are called."
    )
    ticket_id_format: TicketIdFormatInput | None = strawberry.field(
        default=None, description="How ticket numbers are written."
    )
    instructions_template: InstructionsTemplateInput | None = strawberry.field(
        default=None, description="What the assistant is told to do."
    )
    sla_targets: SlaTargetsInput | None = strawberry.field(
        default=None, description="How soon tickets are promised to be served."
    )


def _value(given: Any) -> Any:
    """An input as the value that it stands for, under the names that the client wrote."""
    if is_dataclass(given):
        return {
            to_camel(field.name): _value(getattr(given, field.name))
            for field in fields(given)
            if field.name != "expected_version"
        }
    if isinstance(given, list):
        return [_value(each) for each in cast(list[Any], given)]
    return given


# ---- root fields ---------------------------------------------------------------------------


@strawberry.type
class ConfigurationQueries:
    @strawberry.field(description="The configuration, as far as the viewer may read it.")
    async def configuration(self, info: Info) -> Configuration:
        assert info.context.actor
        return Configuration.from_model(await info.context.configuration())

    @strawberry.field(description="Every change of the configuration, newest first. Admins only.")
    async def configuration_history(
        self,
        info: Info,
        section: Annotated[
            ConfigurationSection | None,
            strawberry.argument(description="Only changes of this section."),
        ] = None,
        first: First = 20,
        after: After = None,
    ) -> Connection[ConfigurationChange]:
        editor, actor = info.context.services.configuration_editor, info.context.actor
        page = await editor.history_page(
            actor, section, window("configurationHistory", first=first, after=after)
        )
        return connection(
            "configurationHistory",
            page,
            node=ConfigurationChange.from_model,
            count=lambda: editor.count_history(actor, section),
        )

    @strawberry.field(
        description="How things would look with a preset, or with sections that are not saved yet, "
        "or both, the sections last. Changes nothing. Admins only."
    )
    async def configuration_preview(
        self,
        info: Info,
        draft: Annotated[
            ConfigurationDraft | None, strawberry.argument(description="Sections to look at.")
        ] = None,
        preset_id: Annotated[
            str | None, strawberry.argument(description="A preset to look at.")
        ] = None,
    ) -> ConfigurationPreview:
        given = {
            section: _value(value)
            for section in ConfigurationSection
            if (value := getattr(draft, section.name.lower(), None)) is not None
        }
        preview = await info.context.services.configuration_previews.preview(
            info.context.actor, given, preset_id=preset_id
        )
        return ConfigurationPreview.from_model(preview)


_PROBLEMS = "Admins only. Problems: VALIDATION, CONFLICT, FORBIDDEN (also for a locked section). "
_EMITS = "Emits configurationChanged, unless nothing changes."


async def _update(info: Info, section: ConfigurationSection, input: Any) -> ConfigurationPayload:
    configuration = await info.context.services.configuration_editor.update(
        info.context.actor, section, _value(input), expected_version=input.expected_version
    )
    return ConfigurationPayload.of(configuration)


@strawberry.type
class ConfigurationMutations:
    @strawberry.mutation(
        description="Replaces the categories. One that is left out while a ticket has it is "
        "retired: it can no longer be chosen, and old tickets keep its label and color. "
        + _PROBLEMS
        + _EMITS
    )
    async def update_ticket_categories(
        self, info: Info, input: UpdateTicketCategoriesInput
    ) -> ConfigurationResult:
        return await _update(info, ConfigurationSection.TICKET_CATEGORIES, input)

    @strawberry.mutation(description="Replaces who the assistant is. " + _PROBLEMS + _EMITS)
    async def update_assistant(
        self, info: Info, input: UpdateAssistantInput
    ) -> ConfigurationResult:
        return await _update(info, ConfigurationSection.ASSISTANT, input)

    @strawberry.mutation(description="Replaces what things are called. " + _PROBLEMS + _EMITS)
    async def update_terminology(
        self, info: Info, input: UpdateTerminologyInput
    ) -> ConfigurationResult:
        return await _update(info, ConfigurationSection.TERMINOLOGY, input)

    @strawberry.mutation(
        description="Replaces how the numbers of tickets to come are written; numbers that were "
        "issued stay and are found. " + _PROBLEMS + _EMITS
    )
    async def update_ticket_id_format(
        self, info: Info, input: UpdateTicketIdFormatInput
    ) -> ConfigurationResult:
        return await _update(info, ConfigurationSection.TICKET_ID_FORMAT, input)

    @strawberry.mutation(
        description="Replaces what the assistant is told to do. " + _PROBLEMS + _EMITS
    )
    async def update_instructions_template(
        self, info: Info, input: UpdateInstructionsTemplateInput
    ) -> ConfigurationResult:
        return await _update(info, ConfigurationSection.INSTRUCTIONS_TEMPLATE, input)

    @strawberry.mutation(
        description="Replaces how soon tickets to come are promised to be served; those that are "
        "open keep their targets until their priority changes. " + _PROBLEMS + _EMITS
    )
    async def update_sla_targets(
        self, info: Info, input: UpdateSlaTargetsInput
    ) -> ConfigurationResult:
        return await _update(info, ConfigurationSection.SLA_TARGETS, input)

    @strawberry.mutation(
        description="Returns one section, or all of them, to the built-in defaults; presets of "
        "your own are among them. Admins only. Problems: CONFLICT, FORBIDDEN (also for a locked "
        "section). " + _EMITS
    )
    async def reset_configuration(
        self,
        info: Info,
        section: Annotated[
            ConfigurationSection | None,
            strawberry.argument(description="Which; without it, every section."),
        ] = None,
        expected_version: ExpectedVersion = None,
    ) -> ConfigurationResult:
        configuration = await info.context.services.configuration_editor.reset(
            info.context.actor, section, expected_version=expected_version
        )
        return ConfigurationPayload.of(configuration)

    @strawberry.mutation(
        description="Sets what the preset says and leaves the rest alone; all of it or nothing. "
        "Admins only. Problems: NOT_FOUND, FORBIDDEN (also for a locked section). " + _EMITS
    )
    async def apply_preset(
        self,
        info: Info,
        id: Annotated[str, strawberry.argument(description="The preset.")],
    ) -> ConfigurationResult:
        configuration = await info.context.services.configuration_editor.apply_preset(
            info.context.actor, id
        )
        return ConfigurationPayload.of(configuration)

    @strawberry.mutation(
        description="Keeps the configuration as it is now, without retired categories, as a preset "
        "of your own. Admins only. Problems: VALIDATION (also for the id of a built-in preset), "
        "CONFLICT, FORBIDDEN. " + _EMITS
    )
    async def save_preset(self, info: Info, input: SavePresetInput) -> ConfigurationResult:
        configuration = await info.context.services.configuration_editor.save_preset(
            info.context.actor,
            preset_id=input.id,
            label=input.label,
            label_en=input.label_en,
            expected_version=input.expected_version,
        )
        return ConfigurationPayload.of(configuration)

    @strawberry.mutation(
        description="Adds a preset of your own from a document; it is applied by `applyPreset`. "
        "Admins only. Problems: VALIDATION (also for the id of a built-in preset), CONFLICT, "
        "FORBIDDEN. " + _EMITS
    )
    async def import_preset(self, info: Info, input: ImportPresetInput) -> ConfigurationResult:
        configuration = await info.context.services.configuration_editor.import_preset(
            info.context.actor, input.document, expected_version=input.expected_version
        )
        return ConfigurationPayload.of(configuration)

    @strawberry.mutation(
        description="Deletes a preset of your own; what it set stays. Admins only. Problems: "
        "NOT_FOUND, VALIDATION (a built-in preset), CONFLICT, FORBIDDEN. " + _EMITS
    )
    async def delete_preset(
        self,
        info: Info,
        id: Annotated[str, strawberry.argument(description="The preset.")],
        expected_version: ExpectedVersion = None,
    ) -> ConfigurationResult:
        configuration = await info.context.services.configuration_editor.delete_preset(
            info.context.actor, id, expected_version=expected_version
        )
        return ConfigurationPayload.of(configuration)

    @strawberry.mutation(
        description="Gives a section the value that a change in its history gave it. Categories "
        "that have come since and that a ticket has are retired, not lost. Admins only. Problems: "
        "NOT_FOUND, VALIDATION (a value that later rules refuse), CONFLICT, FORBIDDEN. " + _EMITS
    )
    async def restore_configuration(
        self,
        info: Info,
        change_id: Annotated[
            strawberry.ID,
            strawberry.argument(description="The change whose result is to be restored."),
        ],
        expected_version: ExpectedVersion = None,
    ) -> ConfigurationResult:
        configuration = await info.context.services.configuration_editor.restore(
            info.context.actor,
            decode_id("ConfigurationChange", change_id, "changeId"),
            expected_version=expected_version,
        )
        return ConfigurationPayload.of(configuration)
