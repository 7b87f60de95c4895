"""The embedded database's process: secantusd, for as long as the process that started it lives.

Standard input is a pipe which that process holds. However it ends, `kill -9` included, the system
closes the pipe, here as on macOS and Windows; a parent-death signal is Linux's alone, and is sent
already when the parent's *thread* ends. Imports nothing of the project, so that it starts fast.
"""

import copy
import os
import runpy
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from typing import Any, Protocol, cast

from bson import ObjectId

# For how long a client that was killed in a transaction holds what it wrote, in seconds.
IDLE_TRANSACTION_SECONDS = 10.0
# How many keys stay taken apart, and as many put together: each some hundred bytes.
KEYS_REMEMBERED = 4_096
# What a document has most of.
UNCHANGING = frozenset({ObjectId, datetime, str, int, float, bool, type(None)})
# The storage engine's word for a key or a value that is nothing but bytes.
BYTES = "u"
# ... and for keys of two or three names and bytes, as an index has them.
ENTRIES = frozenset({"SSu", "SSSu"})


class Unpack(Protocol):
    def __call__(self, form: str, packed: bytes, /) -> list[Any]: ...


class Pack(Protocol):
    def __call__(self, form: str, /, *values: Any) -> bytes: ...


def obey_parent() -> None:
    """A byte asks for a clean end; the end of the pipe means that nobody is left to ask."""
    asked = os.read(sys.stdin.fileno(), 1)
    main = threading.main_thread().ident
    if asked and main is not None and sys.platform != "win32":
        # A signal to the whole process may reach another thread, and the main one sleeps on.
        signal.pthread_kill(main, signal.SIGTERM)
        os.read(sys.stdin.fileno(), 1)
    # As abrupt as the parent's end: the journal makes it safe, and the next start need not wait.
    os._exit(1)


def quicken() -> None:
    """Takes away a quarter of what reading costs: work done over and over with the same result.

    The catalogue of a collection's indexes is read several times for each command, and its keys are
    taken apart and put together in Python. What documents have is copied into an answer, although
    most of it never changes: instants and object ids by the slowest way that `copy` has.
    """
    copies = cast("dict[type, Callable[[Any, Any], Any]]", vars(copy)["_deepcopy_dispatch"])
    for kind in (ObjectId, datetime):
        copies[kind] = lambda value, _memo: value
    copy.deepcopy = cast("Any", shorter_deepcopy(copy.deepcopy))
    engine = vars(import_module("wiredtiger.swig_wiredtiger"))
    engine["unpack"] = remembering_unpack(engine["unpack"])
    engine["pack"] = remembering_pack(engine["pack"])


def unblock() -> None:
    """Has writers wait for nobody but those who are in their way, and be looked at no longer.

    With each statement of a transaction the server looks for transactions that have been idle for
    too long. It waits for every one that is being used, to ask it, and meanwhile keeps all others
    from going on or committing. With each write it looks through those of the last half hour, up to
    ten thousand, and sorts them once there are more. With each command it asks the store, one
    at a time, whether commands are to be recorded, which nobody has asked for.
    """
    module = vars(import_module("secantus.transactions"))
    lifetime, most = (module[f"_RETRYABLE_RECORD_{name}"] for name in ("LIFETIME_SECONDS", "MAX"))
    in_progress = module["TxnState"].IN_PROGRESS

    def end_idle(self: Any) -> int:
        idle_since, ended = self._time() - self._lifetime, 0
        for transaction in self._txns.values():
            is_idle = transaction.state is in_progress and transaction.last_use < idle_since
            # Not one whose statement still runs.
            if is_idle and transaction.mutex.acquire(blocking=False):
                self._abort_locked(transaction)
                transaction.mutex.release()
                ended += 1
        return ended

    def forget_old_writes(self: Any) -> None:
        # The oldest are the first.
        writes, expired = self._retryable, self._time() - lifetime
        while writes and (len(writes) > most or next(iter(writes.values()))[1] < expired):
            del writes[next(iter(writes))]

    registry = module["TransactionRegistry"]
    replace(registry, _prune_locked=end_idle, _prune_retryable_locked=forget_old_writes)
    replace(import_module("secantus.commands"), _maybe_record_profile=lambda *_: None)


def replace(holder: object, **parts: Callable[..., Any]) -> None:
    for name, part in parts.items():
        # Of another version something may not be there, or not be used.
        getattr(holder, name)
        setattr(holder, name, part)


def shorter_deepcopy(deepcopy: Callable[..., Any]) -> Callable[..., Any]:
    def shorter(value: Any, *memo: Any, **options: Any) -> Any:
        return value if type(value) in UNCHANGING else deepcopy(value, *memo, **options)

    return shorter


def remembering_unpack(unpack: Unpack) -> Unpack:
    remembered = lru_cache(KEYS_REMEMBERED)(unpack)

    def faster(form: str, packed: bytes) -> list[Any]:
        # Bytes are what they are: `unpack` would look for their end.
        if form == BYTES and packed:
            return [packed]
        if form in ENTRIES:
            *texts, key = packed.split(b"\0", len(form) - 1)
            return [*(text.decode() for text in texts), key]
        return list(remembered(form, packed))

    return faster


def remembering_pack(pack: Pack) -> Pack:
    remembered = lru_cache(KEYS_REMEMBERED)(pack)

    def faster(form: str, *values: Any) -> bytes:
        if form.endswith(BYTES) and type(values[-1]) is bytes:
            *names, given = values
            # Those of an index differ in their last part alone.
            return remembered(form[:-1], *names) + given if names else given
        return remembered(form, *values)

    return faster


if __name__ == "__main__":
    threading.Thread(target=obey_parent, name="obey-parent", daemon=True).start()
    from secantus.server import SecantusDBServer  # pyright: ignore[reportMissingTypeStubs]  # it has none

    # A minute unless told otherwise, which no option does.
    defaults = cast("dict[str, object]", SecantusDBServer.__init__.__kwdefaults__)
    defaults["transaction_lifetime_seconds"] = IDLE_TRANSACTION_SECONDS
    # Another version may be made otherwise; it is only slower then.
    for hasten in (quicken, unblock):
        with suppress(AttributeError, ImportError, LookupError, TypeError):
            hasten()
    runpy.run_module("secantus", run_name="__main__")
