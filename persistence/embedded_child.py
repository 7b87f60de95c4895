"""The embedded database's process: secantusd, for as long as the process that started it lives.

Standard input is a pipe which that process holds. However it ends, `kill -9` included, the system
closes the pipe, here as on macOS and Windows; a parent-death signal is Linux's alone, and is sent
already when the parent's *thread* ends. Imports nothing of the project, so that it starts fast.
"""

import os
import runpy
import sys
import threading


def end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    # As abrupt as the parent's end: the journal makes it safe, and the next start need not wait.
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, name="end-with-parent", daemon=True).start()
    runpy.run_module("secantus", run_name="__main__")
