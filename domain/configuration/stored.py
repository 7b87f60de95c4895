"""The configuration as it is stored, read through a cache."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from domain.clock import Clock, utc_now
from domain.configuration.configuration import (
    SECTION_TYPES,
    Configuration,
    SectionState,
    default_configuration,
)
from domain.configuration.sections import ConfigurationSection, Section, TicketCategory
from domain.errors import ValidationFailed
from persistence.configuration import ConfigurationStore, StoredSetting
from persistence.database import Transaction
from persistence.models import SystemSetting

log = logging.getLogger(__name__)


class StoredConfiguration:
    """Where a process reads the configuration from.

    A copy lasts for `lifetime`, or until `forget` is called: by whoever changes the configuration
    in this process, and by whoever hears that another process has. Whoever asks after that gets
    what was committed before it.
    """

    def __init__(
        self,
        store: ConfigurationStore,
        *,
        lifetime: timedelta,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._lifetime = lifetime.total_seconds()
        self._clock = clock
        self._monotonic = monotonic
        self._copy: asyncio.Task[Configuration] | None = None
        self._expires_at = 0.0
        self._problems: list[str] = []

    async def current(self) -> Configuration:
        """Raises the driver's error where a copy is needed and the database does not answer."""
        copy = self._copy
        if copy is None or self._monotonic() >= self._expires_at or _failed(copy):
            # One read for all who wait, and not cancelled with the first of them.
            copy = self._copy = asyncio.create_task(self._read())
            self._expires_at = self._monotonic() + self._lifetime
        return copy.result() if copy.done() else await asyncio.shield(copy)

    def forget(self) -> None:
        """Drops the copy, and with it a read that has begun and may be of before the change."""
        self._copy = None

    async def problems(self) -> list[str]:
        """Which sections run on their default because what is stored cannot be used, and why."""
        return problems_of(await self.current())

    async def former_categories(self, ids: Collection[str]) -> Mapping[str, TicketCategory]:
        """Categories that the configuration has lost, retired and as they were last known.

        None is lost by a change, but one may be by damage, or by a ticket that was opened in it
        at the moment at which it was removed for want of any.
        """
        return await last_known_categories(self._store, ids)

    async def _read(self) -> Configuration:
        configuration = assemble(await self._store.settings(), self._clock())
        problems = problems_of(configuration)
        if problems != self._problems:
            for problem in problems:
                log.warning("the configuration is damaged: %s", problem)
            if not problems:
                log.info("the configuration is whole again")
            self._problems = problems
        return configuration


def assemble(settings: Mapping[str, StoredSetting], now: datetime) -> Configuration:
    """The stored configuration, with the default in the place of each section that is unusable."""
    values: dict[ConfigurationSection, Section] = {}
    states: dict[ConfigurationSection, SectionState] = {}
    for section in ConfigurationSection:
        setting = settings.get(section.value)
        if not isinstance(setting, SystemSetting):
            reason = "it is not stored" if setting is None else setting.reason
            states[section] = SectionState(version=0, updated_at=now, problem=reason)
            continue
        problem = None
        try:
            values[section] = SECTION_TYPES[section].from_stored(setting.value)
        except ValidationFailed as failed:
            problem = failed.message
        states[section] = SectionState(
            version=setting.version,
            updated_at=setting.updated_at,
            updated_by=setting.updated_by,
            is_editable=setting.is_editable,
            problem=problem,
        )
    return default_configuration().replacing(values).model_copy(update={"states": states})


def problems_of(configuration: Configuration) -> list[str]:
    return [
        f"{section.value} runs on its default: {state.problem}"
        for section, state in configuration.states.items()
        if state.problem is not None
    ]


async def last_known_categories(
    store: ConfigurationStore, ids: Collection[str], *, session: Transaction | None = None
) -> dict[str, TicketCategory]:
    """Of those of `ids` that were ever configured, the last definition, retired."""
    key = ConfigurationSection.TICKET_CATEGORIES.value
    found = await store.last_items(key, ids, session=session)
    known = {id: TicketCategory.parse(item) for id, item in found.items()}
    return {id: each.model_copy(update={"is_retired": True}) for id, each in known.items()}


def _failed(copy: asyncio.Task[Configuration]) -> bool:
    return copy.done() and (copy.cancelled() or copy.exception() is not None)
