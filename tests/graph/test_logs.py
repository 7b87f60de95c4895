"""Logs: one event a line, whoever wrote it."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from graph.logs import configure_logs
from graph.settings import Settings


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def configure(monkeypatch: pytest.MonkeyPatch, *, log_format: str = "json") -> None:
    monkeypatch.setenv("TICKETS_LOG_FORMAT", log_format)
    configure_logs(Settings())  # pyright: ignore[reportCallIssue]  # all comes from the environment


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    return json.loads(capsys.readouterr().err.splitlines()[-1])


def test_a_library_s_line_and_ours_carry_the_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(monkeypatch)
    structlog.contextvars.bind_contextvars(request_id="r-1")
    structlog.stdlib.get_logger("tickets.test").info("ticket closed", ticket="LUX-2026-000001")
    ours = last_line(capsys)
    logging.getLogger("uvicorn.error").warning("%s connections", 3)
    library = last_line(capsys)

    assert ours["event"] == "ticket closed"
    assert ours["ticket"] == "LUX-2026-000001"
    assert library["event"] == "3 connections"
    assert library["logger"] == "uvicorn.error"
    assert ours["request_id"] == library["request_id"] == "r-1"
    assert str(ours["timestamp"]).endswith("Z")


def log_a_failure(password: str) -> None:
    try:
        int(f"no number but {len(password)} letters")
    except ValueError:
        logging.getLogger("tickets.test").exception("it failed")


def test_an_exception_is_one_line_of_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(monkeypatch)
    log_a_failure("secret")
    errors = capsys.readouterr().err
    assert len(errors.splitlines()) == 1
    assert "no number but 6 letters" in errors


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_does_not_show_what_variables_hold(
    log_format: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(monkeypatch, log_format=log_format)
    log_a_failure("secret")
    errors = capsys.readouterr().err
    assert "log_a_failure" in errors
    assert "secret" not in errors


def test_levels_below_the_setting_are_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TICKETS_LOG_LEVEL", "warning")
    configure(monkeypatch)
    logging.getLogger("tickets.test").info("quiet")
    assert capsys.readouterr().err == ""
