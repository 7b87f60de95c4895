"""A model provider that says what a test scripts, and a server that asks it."""

from collections.abc import AsyncGenerator

import pytest

from tests.client import Api
from tests.factories import Bot
from tests.responses_server import ResponsesServer, running_responses_server
from tests.servers import Server, running_server

API_KEY = "sk-of-no-provider"
MODEL = "scripted-1"


def settings_of(provider: ResponsesServer, *, seconds: float, failures: int = 3) -> dict[str, str]:
    """What a server's environment says of the assistant."""
    return {
        "OPENAI_API_KEY": API_KEY,
        "OPENAI_BASE_URL": provider.url,
        "OPENAI_MODEL": MODEL,
        "TICKETS_ASSISTANT_ANSWER_SECONDS": str(seconds),
        "TICKETS_ASSISTANT_FAILURES": str(failures),
    }


@pytest.fixture(scope="session")
async def provider() -> AsyncGenerator[ResponsesServer]:
    async with running_responses_server() as server:
        yield server


@pytest.fixture
def model(provider: ResponsesServer) -> ResponsesServer:
    """Without a script until the test gives one."""
    provider.will()
    return provider


@pytest.fixture(scope="session")
async def answering(
    server: Server, provider: ResponsesServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Server]:
    """A second process on the session's database, whose assistant is on."""
    environment = server.environment | settings_of(provider, seconds=20)
    log_file = tmp_path_factory.mktemp("answering") / "server.log"
    async with running_server(environment, log_file) as started:
        yield started


@pytest.fixture(scope="session")
async def impatient(
    server: Server, provider: ResponsesServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Server]:
    """A third process, which gives its model two seconds, and gives up after two failures."""
    environment = server.environment | settings_of(provider, seconds=2, failures=2)
    log_file = tmp_path_factory.mktemp("impatient") / "server.log"
    async with running_server(environment, log_file) as started:
        yield started


@pytest.fixture
def assistant(answering: Server, bot: Bot) -> Api:
    """The bot, at the server whose assistant is on."""
    return answering.api(bot.secret)
