"""The command line: `tickets serve` and what an operator needs beside it."""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory
from typing import Annotated, Any, TypeVar

import structlog
import typer
import uvicorn
from pydantic import SecretStr
from rich.markup import escape
from rich.panel import Panel
from uvicorn.supervisors import Multiprocess

from domain.access import SYSTEM
from domain.clock import utc_now
from domain.configuration.stored import assemble, problems_of
from domain.demo.company import SEED as DEMO_SEED
from domain.errors import DomainError
from domain.imports import Field
from graph.app import build_past, build_services, create_app, prepare, prepare_database
from graph.archiving import back_up, restoring
from graph.context import Services
from graph.demo import PASSWORD as DEMO_PASSWORD
from graph.demo import play_demo
from graph.importing import ImportOptions, import_export, read_export
from graph.logs import configure_logs
from graph.metrics import DIRECTORY_VARIABLE as METRICS_DIRECTORY
from graph.schema import sdl
from graph.server import HttpProtocol, WebSocketProtocol
from graph.settings import Settings, SettingsError, load_settings, settings_table
from graph.terminal import ask, console, errors, is_interactive
from persistence.configuration import ConfigurationStore
from persistence.database import Database, connected
from persistence.embedded import EmbeddedDatabase, embedded_or_running
from persistence.errors import STORAGE_ERRORS, StorageError, is_unavailable
from persistence.migrations import Migrations
from persistence.models import Role

T = TypeVar("T")

log = structlog.stdlib.get_logger("tickets.cli")
cli = typer.Typer(
    help="A support-ticket system with a GraphQL API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# How long a command waits for a database that is silent, and for the answer of one that is busy:
# whoever waits at a terminal waits rather than begins again.
COMMAND_TIMEOUT_SECONDS, COMMAND_PATIENCE_SECONDS = 30.0, 120.0

FIRST_QUERY = """{
  viewer { name role }
  tickets(first: 5) { totalCount nodes { ticketId subject status } }
}"""


def main() -> None:
    """The entry point. What can be expected to go wrong is told in a line, without a traceback."""
    try:
        cli()
    except (SettingsError, StorageError) as error:
        _fail(str(error))
    except DomainError as error:
        _fail(error.message)
    except STORAGE_ERRORS as error:
        if not is_unavailable(error):
            raise
        _fail(f"The database does not answer: {error}")


def _fail(message: str) -> None:
    errors.print(f"[bold red]✗[/] {escape(message)}", highlight=False)
    sys.exit(1)


def _run(work: Coroutine[Any, Any, T]) -> T:
    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop

    return uvloop.run(work)


# ---- the server ----------------------------------------------------------------------------


@cli.command()
def serve(
    demo: Annotated[
        bool | None,
        typer.Option(help="Fill an empty database with the demo company first, or do not ask."),
    ] = None,
) -> None:
    """Serve the API, with the embedded database unless TICKETS_MONGODB_URI is set."""
    settings = load_settings()
    configure_logs(settings)
    _run(_serve(settings, demo))


async def _serve(settings: Settings, demo: bool | None) -> None:
    if settings.mongodb_uri is not None:
        await _serve_on(settings, settings.mongodb_uri, demo)
        return
    embedded = EmbeddedDatabase(settings.data_dir)
    uri = await embedded.start()
    try:
        await _serve_on(_with_first_admin(settings), uri, demo)
    finally:
        await embedded.stop()


async def _serve_on(settings: Settings, uri: str, demo: bool | None) -> None:
    secret_key = secret_key_of(settings)
    async with connected(uri, settings.database_name) as database:
        services = build_services(database, settings, secret_key=secret_key)
        made_first_admin = await prepare(database, settings, services)
        if await _wants_demo(services, demo):
            past = build_past(database, settings, secret_key=secret_key)
            await play_demo(past, seed=DEMO_SEED, password=_demo_password())
    config = uvicorn.Config(
        "graph.app:from_environment"
        if settings.workers > 1
        else create_app(settings, database_uri=uri, secret_key=secret_key),
        factory=settings.workers > 1,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        http=HttpProtocol,
        ws=WebSocketProtocol,
        ws_max_size=settings.max_frame_bytes,
        # Its pings would close what only a cut ends; `graph.websocket` has its own.
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        # Longer than clients keep a connection that they do not use, which is a minute at most:
        # they would send a request just when it is closed.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
        # How long a worker may take to start, and one that hangs until it is replaced.
        timeout_worker_healthcheck=60,
    )
    listening = _listen(config)
    _welcome(settings, show_password=made_first_admin)
    if settings.workers == 1:
        await uvicorn.Server(config).serve(sockets=[listening])
        return
    # The workers read what was decided here from their environment.
    os.environ["TICKETS_MONGODB_URI"] = uri
    os.environ["TICKETS_SECRET_KEY"] = secret_key
    with TemporaryDirectory(prefix="tickets-metrics-") as counts:
        os.environ[METRICS_DIRECTORY] = counts
        supervisor = Multiprocess(config, sockets=[listening])
        await asyncio.to_thread(supervisor.run)


async def _wants_demo(services: Services, said: bool | None) -> bool:
    """Asks whom there is to ask, and only about a database that has never been used."""
    if said is False or await services.tickets.any_ticket():
        return False
    if said is None and not is_interactive():
        log.info("there are no tickets yet; tickets demo makes a demo company")
        return False
    return said or ask("There are no tickets yet. Fill it with a demo company?", default=True)


def _listen(config: uvicorn.Config) -> socket:
    """Raises SettingsError where the address is taken or not ours to listen on."""
    try:
        return config.bind_socket()
    except SystemExit:
        raise SettingsError(
            f"Cannot listen on {config.host}:{config.port}, as said above. Stop what listens "
            "there, or choose another address with TICKETS_PORT or TICKETS_HOST."
        ) from None


def secret_key_of(settings: Settings) -> str:
    """The key that signs access tokens: set, or, beside an embedded database, kept in its files."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    if settings.mongodb_uri is not None:
        raise SettingsError(
            "TICKETS_SECRET_KEY must be set together with TICKETS_MONGODB_URI, to the same value "
            "in every process: 32 random bytes or more, as from openssl rand -base64 32."
        )
    return _kept_secret(settings.data_dir / "secret-key")[0]


def _with_first_admin(settings: Settings) -> Settings:
    """`settings` with a first admin, whose password is made and kept in the data directory."""
    if settings.admin_password is not None:
        return settings
    password, _ = _kept_secret(settings.data_dir / "admin-password")
    return settings.model_copy(
        update={
            "admin_email": settings.admin_email or "admin@example.com",
            "admin_password": SecretStr(password),
        }
    )


def _kept_secret(path: Path) -> tuple[str, bool]:
    """The secret in `path`, made at first, readable by its owner alone; and whether it is new."""
    try:
        return path.read_text().strip(), False
    except FileNotFoundError:
        secret = secrets.token_urlsafe(24)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secret + "\n")
        return secret, True


def _welcome(settings: Settings, *, show_password: bool) -> None:
    address = f"http://{settings.host}:{settings.port}"
    lines = [
        f"Dashboard      {address}/",
        f"GraphiQL       {address}/graphql   (in a browser)",
        f"GraphQL        POST {address}/graphql",
        f"Health         {address}/health/ready",
    ]
    if show_password and settings.admin_email and settings.admin_password:
        password = settings.admin_password.get_secret_value()
        lines += ["", f"Sign in as     {settings.admin_email}", f"Password       {password}"]
    lines += ["", "A first query, to paste into GraphiQL after signing in:", "", FIRST_QUERY]
    console.print(Panel(escape("\n".join(lines)), title="tickets", expand=False), highlight=False)


# ---- what has happened before ---------------------------------------------------------------


@cli.command()
def demo(
    seed: Annotated[int, typer.Option(help="Another seed, another company.")] = DEMO_SEED,
) -> None:
    """Fill an empty database with a company: agents, customers, and its last 30 days."""
    settings = load_settings()
    configure_logs(settings)

    async def run() -> None:
        async with _database(settings) as database:
            past = build_past(database, settings, secret_key=secret_key_of(settings))
            prepared = settings if settings.mongodb_uri else _with_first_admin(settings)
            made_first_admin = await prepare(database, prepared, past.services)
            await play_demo(past, seed=seed, password=_demo_password())
            if made_first_admin and prepared.admin_password:
                password = prepared.admin_password.get_secret_value()
                console.print(f"Admin          {prepared.admin_email}", highlight=False)
                console.print(f"Password       {password}", highlight=False)

    _run(run())


def _demo_password() -> str:
    return os.environ.get("TICKETS_PASSWORD") or DEMO_PASSWORD


@cli.command("import")
def import_tickets(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CSV file.")],
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN",
            help=f"Which column a field is in; FIELD= for none. Fields: {', '.join(Field)}.",
        ),
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="Between columns; else guessed.")] = None,
    encoding: Annotated[str, typer.Option(help="Of the file, as cp1252 or utf-16.")] = "utf-8",
    source: Annotated[
        str, typer.Option(help="The system that the file is from: ids are unique within it.")
    ] = "csv",
    date_format: Annotated[
        str | None, typer.Option(help="How dates are written, as %m/%d/%Y %H:%M; else guessed.")
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Where to write the rows left out.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be imported, and stop.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Import without being asked.")] = False,
) -> None:
    """Import tickets from another system's export. What came in once does not come in again."""
    settings = load_settings()
    configure_logs(settings)
    options = ImportOptions(
        file=file,
        mapping=mapping or [],
        delimiter=delimiter,
        encoding=encoding,
        source=source,
        date_format=date_format,
        phone_region=settings.phone_region,
        rejects=rejects,
        dry_run=dry_run,
        yes=yes,
    )
    table, columns = read_export(options)

    async def run() -> None:
        async with _database(settings) as database:
            past = build_past(database, settings, secret_key=secret_key_of(settings))
            await prepare_database(database, settings, past.services)
            await import_export(past, table, columns, options)

    _run(run())


# ---- backups -------------------------------------------------------------------------------


@cli.command()
def backup(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="A new file.")],
) -> None:
    """Write everything to one file, as it is at one instant, beside running servers or not."""
    settings = load_settings()
    configure_logs(settings)

    async def run() -> None:
        async with _database(settings) as database:
            await back_up(database, file)

    _run(run())


@cli.command()
def restore(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="What tickets backup wrote.")
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Remove everything that is in the database first.")
    ] = False,
) -> None:
    """Put a backup into an empty database. Nothing is written before the file is verified."""
    settings = load_settings()
    configure_logs(settings)
    restore_into = restoring(settings, file, replace=replace)

    async def run() -> None:
        async with _database(settings) as database:
            await restore_into(database)

    _run(run())


# ---- accounts ------------------------------------------------------------------------------


@cli.command("create-agent")
def create_agent(
    email: Annotated[str, typer.Option(help="Their address, with which they sign in.")],
    name: Annotated[str, typer.Option(help="Their name.")],
    role: Annotated[Role, typer.Option(help="ADMIN, SUPERVISOR or AGENT.")] = Role.AGENT,
) -> None:
    """Make an account. The password is asked for, or taken from TICKETS_PASSWORD."""
    password = os.environ.get("TICKETS_PASSWORD") or typer.prompt(
        "Password", hide_input=True, confirmation_prompt=True
    )

    async def work(services: Services) -> None:
        agent = await services.accounts.create_agent(
            SYSTEM, name=name, email=email, password=password, role=role
        )
        console.print(f"Made {agent.role} {agent.name}, who signs in as {agent.email}.")

    _with_services(work)


@cli.command("create-api-key")
def create_api_key(
    name: Annotated[str, typer.Option(help="What it is for.")],
    days: Annotated[
        int | None, typer.Option(min=1, help="In how many days it expires; without it, never.")
    ] = None,
) -> None:
    """Make a key for a bot and print it, once."""

    async def work(services: Services) -> None:
        expires_at = utc_now() + timedelta(days=days) if days else None
        _, secret = await services.accounts.create_api_key(SYSTEM, name=name, expires_at=expires_at)
        errors.print("Send it as Authorization: Bearer …; it cannot be shown again:")
        # Alone on standard output, for scripts.
        print(secret)  # noqa: T201

    _with_services(work)


# ---- inspection ----------------------------------------------------------------------------


@cli.command()
def schema() -> None:
    """Print the schema in SDL, as schema.graphql holds it."""
    print(sdl(), end="")  # noqa: T201


@cli.command("settings")
def list_settings() -> None:
    """Print every setting with its default and meaning, as the README holds them."""
    print(settings_table())  # noqa: T201


@cli.command()
def check() -> None:
    """Verify settings, connection, server and indexes, and say what to mend."""
    settings = load_settings()
    configure_logs(settings)
    if not _run(_check(settings)):
        sys.exit(1)


async def _check(settings: Settings) -> bool:
    def say(what: str, problem: str | None = None) -> bool:
        mark = "[green]✓[/]" if problem is None else "[bold red]✗[/]"
        console.print(f"{mark} {escape(what if problem is None else f'{what}: {problem}')}")
        return problem is None

    say("settings are valid")
    async with _database_uri(settings) as uri, connected(uri, settings.database_name) as database:
        try:
            await database.ping()
        except STORAGE_ERRORS as error:
            return say("the database does not answer", f"{error}. Is TICKETS_MONGODB_URI right?")
        say("the database answers")
        try:
            await database.require_suitable_server()
        except StorageError as error:
            return say("the server is unsuitable", str(error))
        say("the server has transactions and change streams")
        try:
            pending = ", ".join(step.name for step in await Migrations(database).pending())
        except StorageError as error:
            return say("the database is not to be used", str(error))
        is_migrated = say(
            "every migration has been made" if not pending else "migrations are pending",
            f"{pending}. The next tickets serve makes them." if pending else None,
        )
        missing = await database.missing_indexes()
        problem = f"{', '.join(missing)}. The next tickets serve makes them."
        is_indexed = say(
            "every index is there" if not missing else "indexes are missing",
            problem if missing else None,
        )
        stored = await ConfigurationStore(database).settings()
        if not stored:
            nothing = "nothing is stored. The next tickets serve stores the defaults."
            return say("there is no configuration", nothing)
        faults = problems_of(assemble(stored, utc_now()))
        mend = f"{'; '.join(faults)}. Save, restore or reset it through the API."
        is_sound = say(
            "the configuration is sound" if not faults else "the configuration is damaged",
            mend if faults else None,
        )
        return is_migrated and is_indexed and is_sound


# ---- plumbing ------------------------------------------------------------------------------


def _with_services(work: Any) -> None:
    settings = load_settings()
    configure_logs(settings)

    async def run() -> None:
        async with _database(settings) as database:
            services = build_services(database, settings, secret_key=secret_key_of(settings))
            await prepare_database(database, settings, services)
            await work(services)

    _run(run())


@asynccontextmanager
async def _database(settings: Settings) -> AsyncGenerator[Database]:
    async with (
        _database_uri(settings) as uri,
        connected(
            uri,
            settings.database_name,
            timeout_seconds=COMMAND_TIMEOUT_SECONDS,
            patience_seconds=COMMAND_PATIENCE_SECONDS,
        ) as database,
    ):
        yield database


@asynccontextmanager
async def _database_uri(settings: Settings) -> AsyncGenerator[str]:
    """The database that is set, or that of the data directory, running or started for a moment."""
    if settings.mongodb_uri is not None:
        yield settings.mongodb_uri
        return
    async with embedded_or_running(settings.data_dir) as uri:
        yield uri
