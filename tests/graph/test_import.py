"""Imports by the real command, and what the API shows of them."""

import asyncio
import csv
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest

from persistence.database import Database, connected
from tests.client import Api, Data
from tests.commands import run, start, succeed
from tests.full_size import IS_FULL_SIZE
from tests.ledger import Ledger
from tests.servers import Servers, new_database_name, running_server, settings

SHARED = Path(__file__).parents[3] / "shared" / "data" / "support-tickets-multilang.csv"

# Of another system, in Spanish; lines 5 to 8 are bad.
COLUMNS = (
    "Folio;Asunto;Descripción;Prioridad;Categoría;Estado;Teléfono;Nombre;Fecha de creación;"
    "Fecha de cierre;Respuesta;Etiquetas"
)
EXPORT = f"""\ufeff{COLUMNS}
1;Lámpara apagada;No enciende.;alta;Falla de Luminaria;nuevo;55 1234 5678;Ana;05/03/2024 10:00;;;\
calle, noche
2;Cobro doble;Me cobraron de más.;baja;Facturación;cerrado;55 1234 5678;Ana Ruiz;\
06/03/2024 10:00;06/03/2024 12:30;Se devolvió el pago.;
3;Medidor;¿Cuándo lo cambian?;no sé;Trámites;abierto;;Luis Paz;07/03/2024;;Esta semana.;
4;;;alta;Otro;nuevo;;;;;;
5;Fecha rara;Algo pasó.;alta;Otro;nuevo;;;40/13/2024;;;
1;Repetido;Otra vez el mismo folio.;alta;Otro;nuevo;;;;;;
6;Corto;Le faltan columnas
"""
BAD_ROWS = {
    5: "subject: must not be empty; description: must not be empty",
    6: "created_at: '40/13/2024' is not a date that is understood; see --date-format",
    7: "repeats line 2",
    8: "has 3 columns where the header has 12",
}


@dataclass(frozen=True, slots=True)
class Office:
    """A data directory into which EXPORT came while nothing ran on it, and now a server on it."""

    output: str
    export: Path
    rejects: Path
    environment: dict[str, str]
    admin: Api


@pytest.fixture(scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Office]:
    directory = tmp_path_factory.mktemp("office")
    export, rejects = directory / "export.csv", directory / "rejects.csv"
    export.write_text(EXPORT, encoding="utf-8")
    environment = settings(data_dir=directory / "data")
    options = ["--yes", "--rejects", str(rejects)]
    output = await succeed("import", str(export), *options, environment=environment)
    async with running_server(environment, directory / "server.log") as server:
        yield Office(output, export, rejects, environment, await server.sign_in())


@pytest.fixture
def environment(mongodb_uri: str) -> dict[str, str]:
    """Of a database of its own, without anything in it."""
    return settings(mongodb_uri=mongodb_uri, database_name=new_database_name())


@pytest.fixture
async def imported(environment: dict[str, str]) -> AsyncGenerator[Database]:
    """The database of `environment`."""
    uri, name = environment["TICKETS_MONGODB_URI"], environment["TICKETS_DATABASE_NAME"]
    async with connected(uri, name) as database:
        yield database


async def tickets_by_subject(api: Api) -> dict[str, Data]:
    listed = await api.query("{ tickets(first: 100) { nodes { ticketId subject } } }")
    return {
        node["subject"]: await api.read(node["ticketId"]) for node in listed["tickets"]["nodes"]
    }


def rows(count: int) -> str:
    """An export of that many tickets that were answered."""
    lines = [f"{i},Ticket {i},Texto {i} de la lámpara,Listo {i}." for i in range(count)]
    return "\n".join(["id,subject,description,answer", *lines]) + "\n"


async def count(database: Database) -> int:
    return await database.named_collection("tickets").count_documents({})


# ---- what comes in -----------------------------------------------------------------------------


async def test_every_good_row_is_a_ticket_with_its_past(office: Office) -> None:
    found = await tickets_by_subject(office.admin)
    assert {"Lámpara apagada", "Cobro doble", "Medidor"} <= found.keys()
    assert "Repetido" not in found

    lamp = found["Lámpara apagada"]
    assert (lamp["status"], lamp["priority"]) == ("NEW", "HIGH")
    assert (lamp["category"]["id"], lamp["tags"]) == ("light_malfunction", ["calle", "noche"])
    assert lamp["ticketId"] == "LUX-2024-000001", "the year in which it was opened"
    # Ten o'clock in Mexico City, six hours behind.
    assert lamp["createdAt"].startswith("2024-03-05T16:00:00")
    assert lamp["sla"]["resolution"]["state"] == "BREACHED"
    assert lamp["sla"]["resolution"]["dueAt"].startswith("2024-03-06T16:00:00")
    assert (lamp["customer"]["phone"], lamp["customer"]["name"]) == ("+525512345678", "Ana")

    paid = found["Cobro doble"]
    assert (paid["status"], paid["category"]["id"]) == ("CLOSED", "billing")
    assert paid["resolution"]["summary"] == "Se devolvió el pago."
    assert paid["resolution"]["resolvedAt"].startswith("2024-03-06T18:30:00")
    assert paid["sla"]["resolution"]["state"] == "MET"
    assert paid["sla"]["resolution"]["elapsedSeconds"] == 2.5 * 3600
    assert [change["to"] for change in paid["statusHistory"]] == ["NEW", "RESOLVED", "CLOSED"]
    assert paid["customer"]["id"] == lamp["customer"]["id"]
    assert paid["customer"]["name"] == "Ana", "who is known keeps the known details"
    assert paid["customer"]["statistics"] == {"totalTickets": 2, "openTickets": 1}

    meter = found["Medidor"]
    assert (meter["status"], meter["priority"]) == ("OPEN", "MEDIUM")
    assert (meter["category"]["id"], meter["subcategory"]) == ("other", "Trámites")
    assert [(note["content"], note["visibility"]) for note in meter["notes"]["nodes"]] == [
        ("Customer: Luis Paz", "INTERNAL"),
        ("Esta semana.", "PUBLIC"),
    ]
    assert meter["sla"]["firstResponse"]["state"] == "MET"
    assert meter["customer"] is None


async def test_they_are_found_without_accents(office: Office) -> None:
    found = await office.admin.query('{ tickets(search: "LAMPARA") { nodes { subject } } }')
    assert found["tickets"]["nodes"] == [{"subject": "Lámpara apagada"}]


def test_the_mapping_the_changes_and_the_bad_rows_are_shown(office: Office) -> None:
    shown = [" ".join(line.replace("│", " ").split()) for line in office.output.splitlines()]
    assert "subject Asunto Lámpara apagada" in shown
    assert "customer_phone Teléfono 55 1234 5678" in shown
    assert "To import: 3. Imported before: 0. Left out: 4." in shown
    assert "1 category 'Trámites' is not configured: other 4" in shown
    assert "1 priority 'no sé' is not known: MEDIUM 4" in shown
    for line, reason in BAD_ROWS.items():
        assert f"{line} {reason}" in shown
    assert "Imported 3 tickets" in office.output


async def test_bad_rows_come_in_beside_a_server_once_they_are_mended(office: Office) -> None:
    with office.rejects.open(encoding="utf-8", newline="") as file:
        bad = list(csv.DictReader(file))
    assert {int(row["line"]): row["reason"] for row in bad} == BAD_ROWS
    mended = office.rejects.read_text(encoding="utf-8").replace("40/13/2024", "13/10/2024")
    file = office.rejects.with_name("mended.csv")
    file.write_text(mended, encoding="utf-8")
    await succeed("import", str(file), "--yes", environment=office.environment)
    found = await tickets_by_subject(office.admin)
    assert found["Fecha rara"]["createdAt"].startswith("2024-10-13")
    assert "Corto" in found


@pytest.mark.skipif(not SHARED.exists(), reason="the file is no part of the project")
async def test_a_real_export_goes_in_whole_and_is_found_without_accents(
    tmp_path: Path, servers: Servers, imported: Database, environment: dict[str, str]
) -> None:
    with SHARED.open(encoding="utf-8", newline="") as whole:
        columns, *lines = csv.reader(whole)
    if not IS_FULL_SIZE:
        lines = [line for line in lines if line[columns.index("language")] == "es"]
    file = tmp_path / SHARED.name
    with file.open("w", encoding="utf-8", newline="") as part:
        csv.writer(part).writerows([columns, *lines])
    output = await succeed("import", str(file), "--yes", environment=environment)
    assert f"Imported {len(lines):,} tickets" in output
    assert await count(imported) == len(lines)
    server = await servers.start(database_name=environment["TICKETS_DATABASE_NAME"])
    admin = await server.sign_in()
    found = await admin.query(
        """{
            spanish: tickets(filter: {tag: "es"}) { totalCount }
            plain: tickets(search: "atencion tecnica", filter: {tag: "es"}) { totalCount }
            accented: tickets(search: "atención técnica", filter: {tag: "es"}) { totalCount }
            one: tickets(search: "problema critico del servidor requiere atencion inmediata") {
                nodes { subject status resolution { summary } }
            }
        }"""
    )
    assert found["spanish"]["totalCount"] == 208
    assert found["plain"]["totalCount"] == found["accented"]["totalCount"] > 0
    subjects = [node["subject"] for node in found["one"]["nodes"]]
    assert "Problema crítico del servidor requiere atención inmediata" in subjects
    assert all(node["resolution"]["summary"] for node in found["one"]["nodes"])


# ---- nothing twice -----------------------------------------------------------------------------


async def test_importing_again_imports_nothing(office: Office) -> None:
    tickets = "{ tickets(first: 100) { nodes { ticketId subject version } } }"
    before = await office.admin.query(tickets)
    output = await succeed("import", str(office.export), "--yes", environment=office.environment)
    assert "To import: 0. Imported before: 3. Left out: 4." in output
    assert await office.admin.query(tickets) == before


async def test_an_import_that_was_killed_is_finished_by_the_next(
    tmp_path: Path, environment: dict[str, str], imported: Database
) -> None:
    total = 300
    file = tmp_path / "many.csv"
    file.write_text(rows(total))
    process = await start("import", str(file), "--yes", environment=environment)
    while await count(imported) == 0:
        assert process.returncode is None, "it ended before it could be killed"
    process.kill()
    await process.wait()
    halfway = await Ledger.read(imported)
    halfway.check()
    assert 0 < len(halfway.tickets) < total
    output = await succeed("import", str(file), "--yes", environment=environment)
    assert f"Imported before: {len(halfway.tickets)}" in output
    whole = await Ledger.read(imported)
    whole.check()
    assert len({ticket["subject"] for ticket in whole.tickets.values()}) == total
    assert len(whole.tickets) == total


async def test_two_imports_of_the_same_file_at_once_import_it_once(
    tmp_path: Path, environment: dict[str, str], imported: Database
) -> None:
    file = tmp_path / "many.csv"
    file.write_text(rows(100))
    await asyncio.gather(
        *[succeed("import", str(file), "--yes", environment=environment) for _ in range(2)]
    )
    ledger = await Ledger.read(imported)
    ledger.check()
    assert len(ledger.tickets) == 100


# ---- nothing unasked ---------------------------------------------------------------------------


async def test_nothing_comes_in_unasked(
    tmp_path: Path, environment: dict[str, str], imported: Database
) -> None:
    """Not in a dry run, and not where there is nobody to ask."""
    export = tmp_path / "export.csv"
    export.write_text(EXPORT, encoding="utf-8")
    output = await succeed("import", str(export), "--dry-run", environment=environment)
    assert "To import: 3." in output
    done = await run("import", str(export), environment=environment)
    assert done.status == 1
    assert "say --yes" in done.output
    assert await count(imported) == 0
    assert await imported.named_collection("customers").count_documents({}) == 0


async def test_what_cannot_be_read_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    export, directory = tmp_path / "export.csv", tmp_path / "data"
    export.write_text("asunto\nSin luz\n", encoding="utf-8")
    options = ["--map", "subject=Nada"]
    done = await run("import", str(export), *options, environment=settings(data_dir=directory))
    assert done.status == 1
    assert "the columns are asunto" in done.output
    assert not directory.exists()
