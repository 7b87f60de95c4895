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


def shorter_deepcopy(deepcopy: Callable[..., Any]) -> Callable[..., Any]:
    def shorter(value: Any, *memo: Any, **options: Any) -> Any:
        return value if type(value) in UNCHANGING else deepcopy(value, *memo, **options)

    return shorter


def remembering_unpack(unpack: Unpack) -> Unpack:
    remembered = lru_cache(KEYS_REMEMBERED)(unpack)

    def faster(form: str, packed: bytes) -> list[Any]:
        # Bytes are what they are: `unpack` would look for their end.
        return [packed] if form == BYTES and packed else list(remembered(form, packed))

    return faster


def remembering_pack(pack: Pack) -> Pack:
    remembered = lru_cache(KEYS_REMEMBERED)(pack)

    def faster(form: str, *values: Any) -> bytes:
        is_packed = form == BYTES and type(values[0]) is bytes
        return values[0] if is_packed else remembered(form, *values)

    return faster


if __name__ == "__main__":
    threading.Thread(target=obey_parent, name="obey-parent", daemon=True).start()
    from secantus.server import SecantusDBServer  # pyright: ignore[reportMissingTypeStubs]  # it has none

    # A minute unless told otherwise, which no option does.
    defaults = cast("dict[str, object]", SecantusDBServer.__init__.__kwdefaults__)
    defaults["transaction_lifetime_seconds"] = IDLE_TRANSACTION_SECONDS
    # Another version may be made otherwise; it is only slower then.
    with suppress(ImportError, LookupError, TypeError):
        quicken()
    runpy.run_module("secantus", run_name="__main__")
