"""What every fuzzer does: examples without end, and a look at what the server made of them."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar, cast

from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy

from tests.full_size import FUZZ_SECONDS
from tests.servers import Server

T = TypeVar("T")

# A round begins with a seed of its own, and finds its way by what it found out.
ROUND = 50
PROFILE = settings(
    max_examples=ROUND,
    deadline=None,
    database=None,
    suppress_health_check=tuple(cast("Iterable[HealthCheck]", HealthCheck)),
)
# What a process may take more once it is warm, whatever comes.
MEGABYTES = 40
# In the log.
UNFORESEEN = ("Traceback", "unexpected failure", "INTERNAL", "Exception in", "never awaited")


def fuzz(
    server: Server, examples: SearchStrategy[T], attack: Callable[[T], None], *, rounds: int
) -> None:
    """Attacks the server with examples for FUZZ_SECONDS, or at least for so many rounds.

    A failure names the example, made as small as it gets; rounds are the same in every run. The
    server must not say anything unforeseen, nor grow once it is warm: after a quarter of the time.
    """
    began, done, warm = time.monotonic(), 0, memory_of(server.pid)
    while done < rounds or time.monotonic() - began < FUZZ_SECONDS:
        seed(done)(PROFILE(given(examples)(attack)))()
        done += 1
        if done <= rounds // 2 or time.monotonic() - began < FUZZ_SECONDS / 4:
            warm = memory_of(server.pid)
    growth = (memory_of(server.pid) - warm) / 1_000_000
    print(  # noqa: T201 -- figures, which pytest -rP shows
        f"\n{done * ROUND} examples in {time.monotonic() - began:.0f} s, {growth:+.1f} MB"
    )
    said = server.log(10**7)
    for unforeseen in UNFORESEEN:
        assert unforeseen not in said, said[said.index(unforeseen) :][:8_000]
    assert growth < MEGABYTES


def memory_of(pid: int) -> int:
    """Resident, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024
