"""`tickets import`: another system's export, shown before it is brought in."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape
from rich.table import Table as Grid

from domain.importer import Importer, Review
from domain.imports import (
    BadRow,
    ColumnMapping,
    ImportRefused,
    RowReader,
    Table,
    decode,
    map_columns,
    read_table,
)
from graph.app import Past
from graph.terminal import ask, console, is_interactive, progress_bars

# More than these are counted, and written out in full by --rejects.
SHOWN_BAD_ROWS = 20
SHOWN_CHANGES = 15


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """As they are given on the command line."""

    file: Path
    mapping: Sequence[str]
    delimiter: str | None
    encoding: str
    source: str
    date_format: str | None
    phone_region: str
    rejects: Path | None
    dry_run: bool
    yes: bool


def read_export(options: ImportOptions) -> tuple[Table, ColumnMapping]:
    """Reads the file, and shows which column is taken for what. Raises ImportRefused."""
    rejects = options.rejects
    if rejects is not None and rejects.exists() and rejects.samefile(options.file):
        raise ImportRefused("--rejects names the file that is to be imported.")
    table = read_table(decode(options.file.read_bytes(), options.encoding), options.delimiter)
    mapping = map_columns(table.headers, options.mapping)
    grid = Grid("Field", "Column", "For example")
    for field, columns in mapping.items():
        cells = (row.cells[column].strip() for row in table.rows for column in columns)
        example = " ".join(next(filter(None, cells), "")[:60].split())
        grid.add_row(field, escape(", ".join(columns)), escape(example))
    console.print(grid)
    taken = {column for columns in mapping.values() for column in columns}
    if ignored := [header for header in table.headers if header not in taken]:
        console.print(f"Left out: {escape(', '.join(ignored))}", highlight=False)
    return table, mapping


async def import_export(
    past: Past, table: Table, mapping: ColumnMapping, options: ImportOptions
) -> None:
    """Shows what would come in, asks unless told not to, and brings it in.

    Raises ImportRefused where nobody can be asked.
    """
    services = past.services
    importer = Importer(
        tickets=services.tickets,
        customers=services.customers,
        drafts=past.drafts,
        clock=past.clock,
    )
    reader = RowReader(
        mapping,
        await services.configuration.current(),
        source=options.source,
        time_zone=services.time_zone,
        phone_region=options.phone_region,
        now=past.clock(),
        date_format=options.date_format,
    )
    review = await importer.review(table, reader)
    _show(review)
    if options.rejects is not None and review.bad:
        _write_rejects(options.rejects, table, review.bad)
        console.print(f"The rows that are left out are in {escape(str(options.rejects))}.")
    if options.dry_run or not review.new:
        return
    if not options.yes:
        if not is_interactive():
            raise ImportRefused("Nothing was imported: say --yes to import without being asked.")
        if not ask(f"Import {len(review.new):,} tickets?", default=True):
            return
    with progress_bars() as progress:
        bar = progress.add_task("Importing tickets", total=len(review.new))
        await importer.bring_in(review.new, lambda done: progress.update(bar, completed=done))
    console.print(f"[green]✓[/] Imported {len(review.new):,} tickets.", highlight=False)


def _show(review: Review) -> None:
    console.print(
        f"To import: {len(review.new):,}. Imported before: {review.known:,}. "
        f"Left out: {len(review.bad):,}.",
        highlight=False,
    )
    changes: dict[str, list[int]] = {}
    for ticket in review.new:
        for change in ticket.changes:
            changes.setdefault(change, []).append(ticket.line)
    if changes:
        grid = Grid("Rows", "Changed to fit", "First in line")
        often = sorted(changes.items(), key=lambda change: -len(change[1]))
        for change, lines in often[:SHOWN_CHANGES]:
            grid.add_row(f"{len(lines):,}", escape(change), str(lines[0]))
        console.print(grid)
        _say_more(len(often) - SHOWN_CHANGES, "kinds of changes")
    if review.bad:
        grid = Grid("Line", "Left out because it")
        for bad in review.bad[:SHOWN_BAD_ROWS]:
            grid.add_row(str(bad.line), escape(bad.reason))
        console.print(grid)
        _say_more(len(review.bad) - SHOWN_BAD_ROWS, "rows; --rejects FILE writes all of them")


def _say_more(count: int, what: str) -> None:
    if count > 0:
        console.print(f"… and {count:,} more {what}", highlight=False)


def _write_rejects(path: Path, table: Table, bad: Sequence[BadRow]) -> None:
    """As a file that can be mended and imported in its turn."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["line", "reason", *table.headers])
        for row in bad:
            cells = [row.cells.get(header, "") for header in table.headers]
            writer.writerow([row.line, row.reason, *cells])
