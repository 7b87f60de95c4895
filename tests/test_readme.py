"""What the README shows is what there is."""

import re
from pathlib import Path

from graph.cli import cli
from graph.settings import settings_table
from tests.client import Api
from tests.servers import ROOT

README = (ROOT / "README.md").read_text()


def test_the_settings_are_all_in_the_readme() -> None:
    """For a new one: tickets settings, between the marks."""
    (shown,) = re.findall(r"<!-- settings -->\n(.*?)\n<!-- /settings -->", README, re.DOTALL)
    assert shown == settings_table()


def test_every_command_is_in_the_readme() -> None:
    names = {
        command.name or getattr(command.callback, "__name__", "")
        for command in cli.registered_commands
    }
    assert names == set(re.findall(r"^\| `tickets ([a-z-]+)", README, re.MULTILINE))


async def test_the_first_query_is_answered(admin: Api) -> None:
    (query,) = re.findall(r"```graphql\n(.*?)```", README, re.DOTALL)
    data = await admin.query(query)
    assert data["viewer"]["role"] == "ADMIN"


def test_what_the_readme_points_to_is_there() -> None:
    pages = [ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")]
    missing = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text())
        if not (page.parent / link).exists()
    ]
    assert missing == []


def _is_screen(page: Path) -> bool:
    return len(page.read_text().split()) <= 600


def test_each_decision_fits_a_screen() -> None:
    records = list((ROOT / "docs" / "decisions").glob("*.md"))
    assert records
    assert [page.name for page in records if not _is_screen(page)] == []


def test_every_test_that_security_rests_upon_is_there() -> None:
    security = (ROOT / "SECURITY.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", security))
    written = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", file.read_text())
    }
    in_browser = re.findall(r"`(dashboard/e2e/[\w.-]+)`", security)
    assert named
    assert named <= written
    assert [path for path in in_browser if not (ROOT / path).exists()] == []
