"""The embedded database's process: secantusd, for as long as the process that started it lives.

Standard input is a pipe which that process holds. However it ends, `kill -9` included, the system
closes the pipe, here as on macOS and Windows; a parent-death signal is Linux's alone, and is sent
already when the parent's *thread* ends. Imports nothing of the project, so that it starts fast.
"""

import os
import runpy
import signal
import sys
import threading
from typing import cast

# For how long a client that was killed in a transaction holds what it wrote, in seconds.
IDLE_TRANSACTION_SECONDS = 10.0


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


if __name__ == "__main__":
    threading.Thread(target=obey_parent, name="obey-parent", daemon=True).start()
    from secantus.server import SecantusDBServer  # pyright: ignore[reportMissingTypeStubs]  # it has none

    # A minute unless told otherwise, which no option does.
    defaults = cast("dict[str, object]", SecantusDBServer.__init__.__kwdefaults__)
    defaults["transaction_lifetime_seconds"] = IDLE_TRANSACTION_SECONDS
    runpy.run_module("secantus", run_name="__main__")
