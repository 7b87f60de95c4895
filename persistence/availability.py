"""Whether the database answers, and what becomes of what is asked of it while it does not.

The driver looks for a server anew for each call, and each call takes one of its few threads as long
as that lasts: behind a database that hangs, requests would wait for each other without end.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextvars import Context
from enum import Enum, auto
from typing import Any, TypeVar, TypeVarTuple

from pymongo.errors import ConnectionFailure, PyMongoError
from pymongo.monitoring import (
    ServerHeartbeatFailedEvent,
    ServerHeartbeatListener,
    ServerHeartbeatStartedEvent,
    ServerHeartbeatSucceededEvent,
)

log = logging.getLogger(__name__)

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class NotAnswering(ConnectionFailure):
    """The database has been looked for in vain."""

    def __init__(self) -> None:
        super().__init__("it does not answer; requests are refused until it does")


class Replaced(ConnectionFailure):
    """Another database answers, in which there is nothing that a running server left there."""

    def __init__(self) -> None:
        super().__init__(
            "another one answers, without a configuration, which is not the one that was being "
            "served; requests are refused until that is back or a backup is restored into this one"
        )


class State(Enum):
    ANSWERS = auto()
    LOOKED_FOR = auto()
    AWAY = auto()


class Availability:
    """Of one database, whose driver tells what it hears of its servers.

    While it is looked for, calls wait and take no thread; once that has lasted for
    `patience_seconds`, those that wait fail, and each that comes fails at once, until it is back.
    """

    def __init__(
        self, patience_seconds: float, *, on_calls: Callable[[int], None] | None = None
    ) -> None:
        """`on_calls` is told how many more, or fewer, calls have not been answered."""
        self._patience_seconds = patience_seconds
        self._on_calls = on_calls
        self._state = State.ANSWERS
        self._answered_at = time.monotonic()
        # Which process of a server answered last; None before the first.
        self._process: object = None
        self._is_right: Callable[[], bool] | None = None
        self._check: asyncio.Task[None] | None = None
        self._failure: Callable[[], ConnectionFailure] = NotAnswering
        self._end_of_patience: asyncio.TimerHandle | None = None
        self._waiting: dict[asyncio.Future[Any], _Call] = {}
        self._is_over = False

    def end(self) -> None:
        """What is heard of it from now on, as when its connections close, means nothing."""
        self._is_over = True
        self._be_patient_no_more()

    def insist(self, is_right: Callable[[], bool]) -> None:
        """From now on who answers again, or anew, is asked first whether it is the right one.

        `is_right` runs in a thread, and may raise the driver's errors.
        """
        self._is_right = is_right

    # ---- what is asked of the database -------------------------------------------------------

    def submit(self, executor: Executor, work: Callable[[], T]) -> asyncio.Future[T]:
        """What a blocking call comes to, in a thread of `executor`, as soon as that is of use."""
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()
        if self._state is State.AWAY:
            outcome.set_exception(self._failure())
            return outcome
        call = self._waiting[outcome] = _Call(executor, work)
        outcome.add_done_callback(self._forget)
        if self._on_calls is not None:
            self._on_calls(1)
        if self._state is State.ANSWERS:
            self._begin(outcome, call)
        return outcome

    def _begin(self, outcome: asyncio.Future[Any], call: "_Call") -> None:
        loop = outcome.get_loop()
        call.running = call.executor.submit(call.work)
        call.running.add_done_callback(
            lambda done: _tell(loop, lambda: self._settle(outcome, done))
        )

    def _settle(self, outcome: asyncio.Future[Any], done: Future[Any]) -> None:
        if done.cancelled():
            return
        failure = done.exception()
        if not isinstance(failure, ConnectionFailure):
            self._answered_at = time.monotonic()
        if outcome.done():
            # It was given up.
            return
        if failure is None:
            outcome.set_result(done.result())
        else:
            outcome.set_exception(failure)

    def _forget(self, outcome: asyncio.Future[Any]) -> None:
        if self._on_calls is not None:
            self._on_calls(-1)
        if (running := self._waiting.pop(outcome).running) is not None:
            # Unless it has begun.
            running.cancel()

    # ---- what is heard of it -----------------------------------------------------------------

    def answered(self, process: object) -> None:
        """A server said that it can be written to; `process` is its own, as it calls it."""
        self._answered_at = time.monotonic()
        is_another = self._process is not None and process != self._process
        self._process = process
        if is_another and self._state is State.ANSWERS:
            self._look()
        if self._state is not State.ANSWERS and self._check is None:
            self._check = asyncio.create_task(self._let_in())
            self._check.add_done_callback(self._checked)

    def missed(self) -> None:
        """A server did not answer, or is not to be written to."""
        if self._is_over:
            return
        if time.monotonic() - self._answered_at >= self._patience_seconds:
            self._give_up(NotAnswering)
        elif self._state is State.ANSWERS:
            self._look()

    async def _let_in(self) -> None:
        process = self._process
        if self._is_right is not None:
            try:
                is_right = await asyncio.to_thread(self._is_right)
            except PyMongoError:
                # It is asked again once it has answered again.
                return
            if not is_right:
                self._give_up(Replaced)
                return
        if process == self._process:
            self._resume()

    def _checked(self, _: asyncio.Task[None]) -> None:
        self._check = None

    def _look(self) -> None:
        self._state = State.LOOKED_FOR
        self._end_of_patience = asyncio.get_running_loop().call_later(
            self._patience_seconds, self._give_up, NotAnswering
        )

    def _give_up(self, failure: Callable[[], ConnectionFailure]) -> None:
        self._be_patient_no_more()
        if self._state is not State.AWAY or self._failure is not failure:
            log.error("the database is away: %s", failure())
        self._state, self._failure = State.AWAY, failure
        for outcome in list(self._waiting):
            if not outcome.done():
                outcome.set_exception(failure())

    def _resume(self) -> None:
        self._be_patient_no_more()
        if self._state is State.AWAY:
            log.warning("the database is back")
        self._state = State.ANSWERS
        for outcome, call in list(self._waiting.items()):
            if call.running is None and not outcome.done():
                self._begin(outcome, call)

    def _be_patient_no_more(self) -> None:
        if self._end_of_patience is not None:
            self._end_of_patience.cancel()
            self._end_of_patience = None


class _Call:
    def __init__(self, executor: Executor, work: Callable[[], Any]) -> None:
        self.executor = executor
        self.work = work
        # None while the database is looked for.
        self.running: Future[Any] | None = None


class Heartbeats(ServerHeartbeatListener):
    """What the driver hears of its servers, in threads of its own, told in the event loop's."""

    # ruff: noqa: ARG002 - the driver tells more than has to be known

    def __init__(self, availability: Availability) -> None:
        self._availability = availability
        self.loop: asyncio.AbstractEventLoop | None = None

    def started(self, event: ServerHeartbeatStartedEvent) -> None:
        pass

    def succeeded(self, event: ServerHeartbeatSucceededEvent) -> None:
        if not event.reply.is_writable:
            _tell(self.loop, self._availability.missed)
            return
        process = (event.reply.topology_version or {}).get("processId", event.connection_id)
        _tell(self.loop, lambda: self._availability.answered(process))

    def failed(self, event: ServerHeartbeatFailedEvent) -> None:
        _tell(self.loop, self._availability.missed)


class CallsLoop(asyncio.AbstractEventLoop):
    """The event loop as Motor needs it, which has every blocking call of the driver run by it."""

    def __init__(self, availability: Availability, heartbeats: Heartbeats) -> None:
        self._availability = availability
        self._heartbeats = heartbeats

    def run_in_executor(
        self,
        executor: Executor | None,
        func: Callable[[*Ts], T],
        *args: *Ts,
    ) -> asyncio.Future[T]:
        assert executor is not None, "Motor has one of its own"
        self._heartbeats.loop = asyncio.get_running_loop()
        return self._availability.submit(executor, lambda: func(*args))

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        return asyncio.get_running_loop().call_soon(callback, *args, context=context)

    def call_soon_threadsafe(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        return asyncio.get_running_loop().call_soon_threadsafe(callback, *args, context=context)


def _tell(loop: asyncio.AbstractEventLoop | None, callback: Callable[[], None]) -> None:
    """Calls back in the loop, from any thread, unless the loop has ended."""
    if loop is None:
        return
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        if not loop.is_closed():
            raise
