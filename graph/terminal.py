"""What commands show and ask on the terminal."""

import signal
import sys

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

console = Console()
errors = Console(stderr=True)


def progress_bars() -> Progress:
    return Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def is_interactive() -> bool:
    """Whether somebody is there to read a question and to answer it."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask(question: str, *, default: bool) -> bool:
    """Raises `typer.Abort` for Ctrl-C, which the event loop would keep until after the answer."""
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return typer.confirm(question, default=default)
    finally:
        signal.signal(signal.SIGINT, kept)
