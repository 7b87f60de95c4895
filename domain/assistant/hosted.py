"""The agent that the provider hosts, where there is one: kept in step with the active revision.

It is a copy for whoever talks to it there; what is answered here never asks it. A failure is kept
with the revision's activation, and undoes nothing.
"""

import asyncio
from typing import Final, NoReturn

import structlog

from domain.assistant.on_demand import ProviderOnDemand
from domain.assistant.phrases import Phrase, Phrases
from domain.assistant.revisions import Revision
from domain.clock import Clock
from domain.configuration import ConfigurationSource
from domain.errors import RateLimited, Upstream
from persistence.assistant import AssistantStore
from persistence.channel import Channel, Topic
from persistence.errors import STORAGE_ERRORS, is_unavailable
from persistence.models import AssistantActivation, HostedSync

log = structlog.stdlib.get_logger("tickets.assistant")

# How long three requests to the provider may take.
SYNC_SECONDS: Final = 30.0
RETRY_SECONDS: Final = 0.5


class HostedAgent:
    def __init__(
        self,
        *,
        agent_id: str,
        provider: ProviderOnDemand,
        store: AssistantStore,
        configuration: ConfigurationSource,
        channel: Channel,
        clock: Clock,
    ) -> None:
        self._agent_id = agent_id
        self._provider = provider
        self._store = store
        self._configuration = configuration
        self._clock = clock
        self._signal = channel.signal(Topic.REVISIONS)

    async def bring_in_step(self) -> HostedSync:
        """Updates the agent to the active revision; says and keeps how that went."""
        while True:
            activation = await self._store.latest_activation()
            assert activation is not None, "something is active once somebody has synced"
            hosted = self._outcome(await self._update(activation))
            await self._store.set_hosted(activation.id, hosted)
            latest = await self._store.latest_activation()
            if latest is not None and latest.id == activation.id:
                return hosted

    async def follow(self) -> NoReturn:
        """Brings the agent in step with each revision that becomes active; one process does."""
        while True:
            count = self._signal.count
            try:
                activation = await self._store.latest_activation()
                claim = self._outcome("is being updated")
                if activation and await self._store.claim_hosted(activation.id, claim):
                    await self.bring_in_step()
            except STORAGE_ERRORS as error:
                if not is_unavailable(error):
                    raise
                await asyncio.sleep(RETRY_SECONDS)
            else:
                await self._signal.after(count)

    async def _update(self, activation: AssistantActivation) -> str | None:
        """What went wrong."""
        stored = await self._store.find_revision(activation.revision)
        assert stored is not None, "a revision is stored before it is activated"
        revision = Revision.from_content(stored.content)
        phrases = Phrases(await self._configuration.current())
        provider = await self._provider.get()
        try:
            async with asyncio.timeout(SYNC_SECONDS):
                problem = await provider.update_agent(
                    self._agent_id,
                    # No request is at hand whose day it could be.
                    instructions=revision.instructions(phrases.say(Phrase.TODAY)),
                    tools=revision.tools,
                    revision=revision.hash,
                )
        except TimeoutError:
            problem = f"The model's provider did not answer within {SYNC_SECONDS:g} s."
        except (Upstream, RateLimited) as error:
            problem = error.message
        log.info("hosted agent", revision=revision.hash, problem=problem)
        return problem

    def _outcome(self, problem: str | None) -> HostedSync:
        return HostedSync(agent_id=self._agent_id, problem=problem, synced_at=self._clock())
