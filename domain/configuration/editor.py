"""Changing the configuration: each change is one transaction with its entries in the history."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bson import ObjectId
from pydantic_core import to_jsonable_python

from domain.access import SYSTEM, Actor, Permission
from domain.clock import Clock, sort_key
from domain.configuration.configuration import (
    ABOUT,
    SECTION_TYPES,
    Configuration,
    SectionState,
    default_section,
    seeded_sections,
)
from domain.configuration.presets import Preset, is_built_in
from domain.configuration.sections import ConfigurationSection, Section, TicketCategories
from domain.configuration.stored import StoredConfiguration, assemble, last_known_categories
from domain.errors import DomainError, Forbidden, NotFound, ProblemCode, ValidationFailed
from persistence.configuration import ConfigurationStore, StoredSetting
from persistence.database import Database, Transaction
from persistence.errors import Duplicate
from persistence.models import ConfigurationAction, ConfigurationChange, SystemSetting
from persistence.pages import Page, Window
from persistence.tickets import TicketStore

Sections = Mapping[ConfigurationSection, Section]


class ConfigurationConflict(DomainError):
    """Somebody changed the section since the version that the caller expected."""

    code = ProblemCode.CONFLICT

    def __init__(self, section: ConfigurationSection, configuration: Configuration) -> None:
        self.section = section
        self.current_version = configuration.states[section].version
        self.configuration = configuration
        super().__init__(
            f"{section.field} is at version {self.current_version} by now. Look at what is there "
            "and decide anew."
        )


@dataclass(frozen=True, slots=True)
class ConfigurationChanged:
    """What becomes of the configuration, told within the transaction that makes it so."""

    actor: Actor
    at: datetime
    sections: frozenset[ConfigurationSection]
    before: Configuration
    after: Configuration


class ConfigurationListener(Protocol):
    async def __call__(self, change: ConfigurationChanged, session: Transaction, /) -> None: ...


@dataclass(frozen=True, slots=True)
class _Change:
    """What is wanted of the configuration: `decide` says it, once it is known how things stand."""

    actor: Actor
    action: ConfigurationAction
    decide: Callable[[Configuration], Sections]
    # Kept in the history: the preset's id, or the version that is restored.
    subject: str | None = None


class ConfigurationEditor:
    """For those who may manage the configuration: every method raises Forbidden for others.

    A change writes the sections that become different and no others. `expected_version` is the
    version of the section that the caller saw: where it has another by now, ConfigurationConflict
    says what is there. Forbidden is raised for a section that an operator has locked, too.
    """

    def __init__(
        self,
        *,
        database: Database,
        store: ConfigurationStore,
        source: StoredConfiguration,
        tickets: TicketStore,
        clock: Clock,
    ) -> None:
        self._database = database
        self._store = store
        self._source = source
        self._tickets = tickets
        self._clock = clock
        self._listeners: list[ConfigurationListener] = []

    def on_change(self, listener: ConfigurationListener) -> None:
        """`listener` takes part in the transaction of every change; what it raises prevents it."""
        self._listeners.append(listener)

    # ---- sections --------------------------------------------------------------------------

    async def seed(self, environment: Mapping[str, str]) -> None:
        """Stores the defaults, with the overrides of `environment`, where nothing is stored.

        Of several processes that start at once, one does. Raises ValidationFailed, naming the
        variable, for an override that breaks a rule.
        """
        seeding = _Change(
            SYSTEM, ConfigurationAction.SEEDED, lambda _: seeded_sections(environment)
        )

        async def attempt(session: Transaction) -> None:
            if not (settings := await self._store.settings(session=session)):
                await self._write(seeding, settings, assemble({}, self._clock()), session)

        if not await self._store.settings():
            await self._commit(attempt)

    async def update(
        self, actor: Actor, section: ConfigurationSection, value: Any, *, expected_version: int
    ) -> Configuration:
        """Replaces the section whole. Raises ValidationFailed, ConfigurationConflict, Forbidden."""
        actor.require(Permission.MANAGE_CONFIGURATION)
        new = SECTION_TYPES[section].parse(value)
        return await self._change(
            actor,
            ConfigurationAction.UPDATED,
            lambda _: {section: new},
            section=section,
            expected_version=expected_version,
        )

    async def reset(
        self,
        actor: Actor,
        section: ConfigurationSection | None,
        *,
        expected_version: int | None = None,
    ) -> Configuration:
        """Returns one section, or, None, all of them to the defaults, which drops custom presets.

        Raises ConfigurationConflict, Forbidden.
        """
        sections = list(ConfigurationSection) if section is None else [section]
        defaults = {each: default_section(each) for each in sections}
        return await self._change(
            actor,
            ConfigurationAction.RESET,
            lambda _: defaults,
            section=section,
            expected_version=expected_version,
        )

    async def restore(
        self, actor: Actor, change_key: ObjectId, *, expected_version: int | None = None
    ) -> Configuration:
        """Gives a section the value that the change of that key gave it.

        Raises NotFound, ConfigurationConflict, Forbidden, ValidationFailed (a rule is newer).
        """
        actor.require(Permission.MANAGE_CONFIGURATION)
        past = await self._store.find_change(change_key)
        if past is None:
            raise NotFound("change of the configuration")
        section = ConfigurationSection(past.key)
        value = SECTION_TYPES[section].from_stored(past.after)
        return await self._change(
            actor,
            ConfigurationAction.RESTORED,
            lambda _: {section: value},
            subject=str(past.version),
            section=section,
            expected_version=expected_version,
        )

    # ---- presets ---------------------------------------------------------------------------

    async def apply_preset(self, actor: Actor, preset_id: str) -> Configuration:
        """Replaces what the preset mentions, all or nothing. Raises NotFound, Forbidden."""

        def decide(before: Configuration) -> Sections:
            preset = before.presets.find(preset_id)
            if preset is None:
                raise NotFound("preset")
            return before.with_preset(preset)

        return await self._change(
            actor, ConfigurationAction.PRESET_APPLIED, decide, subject=preset_id
        )

    async def save_preset(
        self,
        actor: Actor,
        *,
        preset_id: str,
        label: str,
        label_en: str | None = None,
        expected_version: int | None = None,
    ) -> Configuration:
        """Keeps the configuration as it is now as a preset, in the place of one with that id.

        Raises ValidationFailed (also for the id of a built-in one), ConfigurationConflict,
        Forbidden.
        """

        def decide(before: Configuration) -> Sections:
            preset = before.as_preset(preset_id, label, label_en)
            _require_custom(preset.id, "id")
            return {ConfigurationSection.PRESETS: before.presets.having(preset)}

        return await self._change(
            actor,
            ConfigurationAction.PRESET_SAVED,
            decide,
            subject=preset_id,
            section=ConfigurationSection.PRESETS,
            expected_version=expected_version,
        )

    async def import_preset(
        self, actor: Actor, document: Any, *, expected_version: int | None = None
    ) -> Configuration:
        """Adds a preset that was exported or written by hand, in the place of one with its id.

        Raises ValidationFailed with paths in `document` (also for the id of a built-in one),
        ConfigurationConflict, Forbidden.
        """
        actor.require(Permission.MANAGE_CONFIGURATION)
        preset = Preset.parse(document, "document")
        _require_custom(preset.id, "document.id")
        return await self._change(
            actor,
            ConfigurationAction.PRESET_IMPORTED,
            lambda before: {ConfigurationSection.PRESETS: before.presets.having(preset)},
            subject=preset.id,
            section=ConfigurationSection.PRESETS,
            expected_version=expected_version,
        )

    async def delete_preset(
        self, actor: Actor, preset_id: str, *, expected_version: int | None = None
    ) -> Configuration:
        """Raises NotFound, ValidationFailed (a built-in one), ConfigurationConflict, Forbidden."""

        def decide(before: Configuration) -> Sections:
            if before.presets.find(preset_id) is None:
                raise NotFound("preset")
            _require_custom(preset_id, "id")
            return {ConfigurationSection.PRESETS: before.presets.without(preset_id)}

        return await self._change(
            actor,
            ConfigurationAction.PRESET_DELETED,
            decide,
            subject=preset_id,
            section=ConfigurationSection.PRESETS,
            expected_version=expected_version,
        )

    # ---- history ---------------------------------------------------------------------------

    async def history_page(
        self, actor: Actor, section: ConfigurationSection | None, window: Window
    ) -> Page[ConfigurationChange]:
        """Newest first; of one section, or, None, of all."""
        actor.require(Permission.MANAGE_CONFIGURATION)
        return await self._store.changes_page(section and section.value, window)

    async def count_history(self, actor: Actor, section: ConfigurationSection | None) -> int:
        actor.require(Permission.MANAGE_CONFIGURATION)
        return await self._store.count_changes(section and section.value)

    # ---- writing ---------------------------------------------------------------------------

    async def _change(
        self,
        actor: Actor,
        action: ConfigurationAction,
        decide: Callable[[Configuration], Sections],
        *,
        subject: str | None = None,
        section: ConfigurationSection | None = None,
        expected_version: int | None = None,
    ) -> Configuration:
        """The configuration once the change is committed, upon `expected_version` of `section`."""
        actor.require(Permission.MANAGE_CONFIGURATION)
        change = _Change(actor, action, decide, subject)

        async def attempt(session: Transaction) -> None:
            settings = await self._store.settings(session=session)
            before = assemble(settings, self._clock())
            if section and expected_version not in (None, before.states[section].version):
                raise ConfigurationConflict(section, before)
            await self._write(change, settings, before, session)

        await self._commit(attempt)
        return await self._source.current()

    async def _commit(self, attempt: Callable[[Transaction], Awaitable[None]]) -> None:
        try:
            while True:
                try:
                    return await self._database.transaction(attempt)
                except Duplicate:
                    # Somebody else was quicker: now it is decided upon what they left.
                    continue
        finally:
            # Refused or not: a copy that let somebody expect another version was an old one.
            self._source.forget()

    async def _write(
        self,
        change: _Change,
        settings: Mapping[str, StoredSetting],
        before: Configuration,
        session: Transaction,
    ) -> None:
        """Writes what `change` makes different of `settings`, which read as `before`."""
        wanted = await self._keeping_used_categories(before, change.decide(before), session)
        different = {
            section: value
            for section, value in wanted.items()
            if before.states[section].problem or before.section(section) != value
        }
        if not different:
            return
        now = self._clock()
        states = dict(before.states)
        for section, value in different.items():
            state, old = states[section], settings.get(section.value)
            if not state.is_editable:
                raise Forbidden(f"{section.field} is locked: is_editable is false in the database.")
            last = await self._store.last_version(section.value, session=session)
            # Above whatever there was, also where somebody has damaged or deleted the section.
            version = max(state.version, last) + 1
            at = max(now, state.updated_at)
            new = _setting(section, value, old, version=version, actor=change.actor, at=at)
            await self._store.write(old, new, _entry(change, old, new), session=session)
            states[section] = SectionState(version, at, change.actor.ref)
        after = before.replacing(different).model_copy(update={"states": states})
        changed = ConfigurationChanged(change.actor, now, frozenset(different), before, after)
        for listener in self._listeners:
            await listener(changed, session)

    async def _keeping_used_categories(
        self, before: Configuration, wanted: Sections, session: Transaction
    ) -> Sections:
        """`wanted`, with every category that a ticket has and the new list lacks kept as retired.

        Also one that the configuration lost by damage: the history knows it.
        """
        section = ConfigurationSection.TICKET_CATEGORIES
        new = wanted.get(section)
        if not isinstance(new, TicketCategories):
            return wanted
        ids = {each.id for each in new.categories}
        known = () if before.states[section].problem else before.ticket_categories.categories
        if known and ids.issuperset(each.id for each in known):
            return wanted
        used = set(await self._tickets.categories_in_use(session=session)) - ids
        kept = [each for each in known if each.id in used]
        if lost := used.difference(each.id for each in kept):
            kept += (await last_known_categories(self._store, lost, session=session)).values()
        return {**wanted, section: new.keeping(kept)}


def _setting(
    section: ConfigurationSection,
    value: Section,
    old: StoredSetting | None,
    *,
    version: int,
    actor: Actor,
    at: datetime,
) -> SystemSetting:
    category, description = ABOUT[section]
    return SystemSetting(
        key=section.value,
        value=value.to_stored(),
        category=category,
        description=description,
        version=version,
        updated_by=actor.ref,
        created_at=old.created_at if isinstance(old, SystemSetting) else at,
        updated_at=at,
    )


def _entry(change: _Change, old: StoredSetting | None, new: SystemSetting) -> ConfigurationChange:
    key = ObjectId()
    return ConfigurationChange(
        id=key,
        key=new.key,
        version=new.version,
        action=change.action,
        subject=change.subject,
        actor=new.updated_by,
        changed_at=new.updated_at,
        before=_as_json(old.value) if old else None,
        after=new.value,
        sort=sort_key(new.updated_at, key),
    )


def _require_custom(preset_id: str, path: str) -> None:
    if is_built_in(preset_id):
        raise ValidationFailed.of(path, "is the id of a built-in preset, which stays as it is")


def _as_json(value: Any) -> Any:
    """What somebody may have written into the database by hand, as clients can read it."""
    return to_jsonable_python(value, fallback=str, bytes_mode="base64", inf_nan_mode="strings")
