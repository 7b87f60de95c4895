"""One embedded database and one server for the whole session, and who acts on it.

Tests share them, so each makes what it needs with `make` and counts nothing but its own. What needs
an empty database, other settings or a second process starts a server of its own with `servers`.
"""

import os
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from persistence.database import Database, connected
from persistence.embedded import EmbeddedDatabase
from tests.client import Api
from tests.factories import Bot, Factory, Person
from tests.past import Ago, services_of
from tests.servers import Server, Servers, new_database_name, running_server, settings

# The same examples in every run. For new ones: pytest --hypothesis-profile=explore
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=1_000)
hypothesis.settings.load_profile("ci")


@pytest.fixture(scope="session")
async def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[str]:
    """The embedded database, or that of TICKETS_TEST_MONGODB_URI: another one to test upon."""
    if other := os.environ.get("TICKETS_TEST_MONGODB_URI"):
        yield other
        return
    database = EmbeddedDatabase(tmp_path_factory.mktemp("database"))
    yield await database.start()
    await database.stop()


@pytest.fixture(scope="session")
async def database(mongodb_uri: str) -> AsyncGenerator[Database]:
    """With every index, and with nothing in it but what tests below the API store."""
    async with connected(mongodb_uri, new_database_name()) as database:
        await database.prepare()
        yield database


@pytest.fixture(scope="session")
async def server(
    mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Server]:
    environment = settings(mongodb_uri=mongodb_uri, database_name=new_database_name())
    log_file = tmp_path_factory.mktemp("server") / "server.log"
    async with running_server(environment, log_file) as server:
        yield server


@pytest.fixture
async def servers(mongodb_uri: str, tmp_path: Path) -> AsyncGenerator[Servers]:
    """Further servers for one test: `await servers.start(TICKETS_INTROSPECTION="false")`."""
    servers = Servers(tmp_path, mongodb_uri)
    yield servers
    await servers.stop()


@pytest.fixture(scope="session")
def anonymous(server: Server) -> Api:
    return server.api()


@pytest.fixture(scope="session")
async def admin(server: Server) -> Api:
    return await server.sign_in()


@pytest.fixture(scope="session")
def make(server: Server, admin: Api) -> Factory:
    return Factory(server, admin)


@pytest.fixture(scope="session")
async def supervisor(make: Factory) -> Person:
    return await make.person("SUPERVISOR")


@pytest.fixture(scope="session")
async def agent(make: Factory) -> Person:
    return await make.person("AGENT")


@pytest.fixture(scope="session")
async def colleague(make: Factory) -> Person:
    """Another agent, whose tickets `agent` does not see."""
    return await make.person("AGENT")


@pytest.fixture(scope="session")
async def bot(make: Factory) -> Bot:
    return await make.bot()


@pytest.fixture(scope="session")
async def ago(server: Server) -> AsyncGenerator[Ago]:
    """The domain as of some time ago: `ago(timedelta(days=4)).tickets`."""
    environment = server.environment
    async with connected(
        environment["TICKETS_MONGODB_URI"], environment["TICKETS_DATABASE_NAME"]
    ) as database:
        yield lambda back: services_of(database, back)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows the end of each server's log beside a failure."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for server in _servers_of(item.funcargs):
            report.sections.append((f"log of the server at {server.address}", server.log()))
    return report


def _servers_of(fixtures: dict[str, Any]) -> list[Server]:
    found = [each for each in fixtures.values() if isinstance(each, Server)]
    for each in fixtures.values():
        if isinstance(each, Servers):
            found += each.started
        elif isinstance(each, Factory):
            found.append(each.server)
    return list(dict.fromkeys(found))
