"""What the assistant is told, as immutable revisions, one of which is in force.

The database is the source of truth: each request to a model sends the active revision, so provider
and configuration cannot drift apart, and an answer that keeps its revision's hash proves what its
model was told.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, cast

from domain.access import SYSTEM, Actor, Permission
from domain.assistant.exchange import DefineTools, JsonObject
from domain.clock import Clock
from domain.configuration import Configuration
from domain.configuration.editor import ConfigurationChanged
from domain.configuration.stored import assemble
from domain.errors import ValidationFailed
from domain.templates import substitute
from persistence.assistant import AssistantStore
from persistence.configuration import ConfigurationStore
from persistence.database import Database, Transaction
from persistence.documents import evolve
from persistence.models import AssistantActivation, AssistantRevision, RevisionChange
from persistence.pages import Page, Window

if TYPE_CHECKING:
    from domain.assistant.hosted import HostedAgent


@dataclass(frozen=True, slots=True)
class Revision:
    """`values` are of every variable of the template but `{today}`, which each request has its own.

    `tools` are defined for the Responses API.
    """

    template: str
    values: Mapping[str, str]
    tools: list[JsonObject]

    @classmethod
    def from_content(cls, content: str) -> "Revision":
        known = json.loads(content)
        return cls(
            known["instructions"]["template"], known["instructions"]["values"], known["tools"]
        )

    @property
    def content(self) -> str:
        """Canonical JSON: keys sorted, no spaces, nothing escaped that need not be."""
        value = {
            "instructions": {"template": self.template, "values": dict(self.values)},
            "tools": self.tools,
        }
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @property
    def hash(self) -> str:
        """SHA-256 of the content, in hexadecimal."""
        return hashlib.sha256(self.content.encode()).hexdigest()

    def instructions(self, today: str) -> str:
        return substitute(self.template, {**self.values, "today": today})


@dataclass(frozen=True, slots=True)
class Synced:
    """`changes` since the revision that was active before; none where that one still is."""

    activation: AssistantActivation
    revision: Revision
    changes: list[RevisionChange]


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """`pending` is what a sync would change."""

    active: tuple[AssistantActivation, Revision] | None
    pending: list[RevisionChange]


class Revisions:
    def __init__(
        self,
        *,
        database: Database,
        store: AssistantStore,
        settings: ConfigurationStore,
        define_tools: DefineTools,
        hosted: "HostedAgent | None",
        clock: Clock,
        auto_sync: bool,
    ) -> None:
        self._database = database
        self._store = store
        self._settings = settings
        self._define_tools = define_tools
        self._hosted = hosted
        self._clock = clock
        self.auto_sync = auto_sync

    async def active(self) -> Revision:
        """What the assistant is told now; compiled from the configuration where nothing is yet."""
        activation = await self._store.latest_activation()
        if activation is None:
            return (await self._sync(SYSTEM)).revision
        stored = await self._store.find_revision(activation.revision)
        assert stored is not None, "a revision is stored before it is activated"
        return Revision.from_content(stored.content)

    async def sync(self, actor: Actor, *, instructions: bool = True, tools: bool = True) -> Synced:
        """Compiles what is asked for anew, leaves the rest as it is, and makes the result active.

        Brings the hosted agent in step, whether or not anything has changed here. Raises
        Forbidden, and ValidationFailed where nothing is asked for.
        """
        actor.require(Permission.MANAGE_CONFIGURATION)
        if not (instructions or tools):
            raise ValidationFailed.of("syncInstructions", "sync instructions, tools or both")
        synced = await self._sync(actor, instructions=instructions, tools=tools)
        if self._hosted is None:
            return synced
        hosted = await self._hosted.bring_in_step()
        return replace(synced, activation=evolve(synced.activation, hosted=hosted))

    async def _sync(self, actor: Actor, *, instructions: bool = True, tools: bool = True) -> Synced:
        async def attempt(session: Transaction) -> Synced:
            # Read with the write, so that a change of the configuration comes before or after.
            compiled = self._compile(await self._configured(session))
            before = await self._activated(session)
            if before is not None:
                _, old = before
                compiled = Revision(
                    compiled.template if instructions else old.template,
                    compiled.values if instructions else old.values,
                    compiled.tools if tools else old.tools,
                )
            return await self._activate(actor, compiled, session)

        return await self._database.transaction(attempt)

    async def configuration_changed(
        self, change: ConfigurationChanged, session: Transaction
    ) -> None:
        """With automatic sync, every change of the configuration makes its revision active."""
        if self.auto_sync:
            await self._activate(change.actor, self._compile(change.after), session)

    async def start(self) -> None:
        """Makes what this version of the program would tell the assistant active, if automatic."""
        if self.auto_sync:
            await self._sync(SYSTEM)

    async def follow(self) -> None:
        """Keeps the hosted agent in step for as long as it is not cancelled, where there is one."""
        if self._hosted is not None:
            await self._hosted.follow()

    async def status(self, actor: Actor) -> SyncStatus:
        """Raises Forbidden."""
        actor.require(Permission.MANAGE_CONFIGURATION)

        async def read(session: Transaction) -> SyncStatus:
            compiled = self._compile(await self._configured(session))
            active = await self._activated(session)
            return SyncStatus(active, differences(active and active[1], compiled))

        return await self._database.transaction(read)

    async def page(self, actor: Actor, window: Window) -> Page[AssistantActivation]:
        """Every time a revision became active, newest first. Raises Forbidden."""
        actor.require(Permission.MANAGE_CONFIGURATION)
        return await self._store.activations_page(window)

    async def count(self, actor: Actor) -> int:
        actor.require(Permission.MANAGE_CONFIGURATION)
        return await self._store.count_activations()

    async def find(self, actor: Actor, hashes: Iterable[str]) -> dict[str, Revision]:
        """Raises Forbidden."""
        actor.require(Permission.MANAGE_CONFIGURATION)
        found = await self._store.find_revisions(hashes)
        return {key: Revision.from_content(stored.content) for key, stored in found.items()}

    def _compile(self, configuration: Configuration) -> Revision:
        values = dict(configuration.template_values(date.min))
        del values["today"]
        return Revision(configuration.instructions(), values, self._define_tools(configuration))

    async def _configured(self, session: Transaction) -> Configuration:
        return assemble(await self._settings.settings(session=session), self._clock())

    async def _activated(self, session: Transaction) -> tuple[AssistantActivation, Revision] | None:
        activation = await self._store.latest_activation(session=session)
        if activation is None:
            return None
        stored = await self._store.find_revision(activation.revision, session=session)
        assert stored is not None, "a revision is stored before it is activated"
        return activation, Revision.from_content(stored.content)

    async def _activate(self, actor: Actor, revision: Revision, session: Transaction) -> Synced:
        before = await self._activated(session)
        activation, old = before or (None, None)
        if activation is not None and activation.revision == revision.hash:
            return Synced(activation, revision, [])
        now = self._clock()
        stored = AssistantRevision(id=revision.hash, content=revision.content, created_at=now)
        await self._store.add_revision(stored, session=session)
        changes = differences(old, revision)
        activated = AssistantActivation(
            position=activation.position + 1 if activation else 1,
            revision=revision.hash,
            changes=changes,
            activated_at=now,
            activated_by=actor.ref,
        )
        await self._store.add_activation(activated, session=session)
        return Synced(activated, revision, changes)


def differences(old: Revision | None, new: Revision) -> list[RevisionChange]:
    """What is other in `new`, sorted by path: `instructions.values.companyName`, say."""
    before, after = ({} if each is None else dict(_leaves(_tree(each))) for each in (old, new))
    return [
        RevisionChange(path=path, old=before.get(path), new=after.get(path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


def _tree(revision: Revision) -> JsonObject:
    return {
        "instructions": {"template": revision.template, "values": dict(revision.values)},
        "tools": {tool["name"]: tool for tool in revision.tools},
    }


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Everything that is no object, lists whole, with where it stands."""
    if not isinstance(value, dict):
        yield path, value
        return
    for key, inner in cast("JsonObject", value).items():
        yield from _leaves(inner, f"{path}.{key}" if path else key)
