from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette

from graph.dashboard_page import dashboard_pages

PAGE = "<!doctype html><title>Tickets</title>"
BROTLI = b"not really brotli"


def serving(built: Path) -> AsyncClient:
    app = Starlette(routes=[dashboard_pages(built)])
    return AsyncClient(transport=ASGITransport(app), base_url="http://tickets.test")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    built = tmp_path / "dashboard"
    built.mkdir()
    (built / "index.html").write_text(PAGE, "utf-8")
    (built / "main-ABCD1234.js").write_text("// script", "utf-8")
    (built / "main-ABCD1234.js.br").write_bytes(BROTLI)
    (tmp_path / "secret.txt").write_text("not to be served", "utf-8")
    return built


@pytest.mark.parametrize("address", ["/", "/tickets", "/tickets/LUX-2026-000001", "/a/b?c=d"])
async def test_every_address_within_the_dashboard_is_its_page(built: Path, address: str) -> None:
    response = await serving(built).get(address)

    assert response.status_code == 200
    assert response.text == PAGE
    assert response.headers["cache-control"] == "no-cache"


async def test_page_allows_neither_inline_scripts_nor_other_hosts(built: Path) -> None:
    response = await serving(built).get("/")

    directives = response.headers["content-security-policy"].split("; ")
    policy = dict(directive.split(" ", 1) for directive in directives)
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_files_named_by_their_content_are_kept_for_good(built: Path) -> None:
    response = await serving(built).get("/main-ABCD1234.js", headers={"Accept-Encoding": "gzip"})

    assert response.text == "// script"
    assert "immutable" in response.headers["cache-control"]
    assert "content-encoding" not in response.headers


async def test_files_come_compressed_to_those_who_accept_it(built: Path) -> None:
    address = "/main-ABCD1234.js"
    async with serving(built).stream(
        "GET", address, headers={"Accept-Encoding": "gzip, br"}
    ) as response:
        assert response.headers["content-encoding"] == "br"
        assert response.headers["content-type"].startswith("text/javascript")
        assert response.headers["vary"] == "Accept-Encoding"
        assert b"".join([chunk async for chunk in response.aiter_raw()]) == BROTLI


async def test_file_from_before_an_upgrade_is_not_answered_with_a_page(built: Path) -> None:
    assert (await serving(built).get("/main-OLDOLDXX.js")).status_code == 404


@pytest.mark.parametrize("address", ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt"])
async def test_nothing_outside_the_built_files_is_served(built: Path, address: str) -> None:
    assert "not to be served" not in (await serving(built).get(address)).text


async def test_address_leads_to_graphiql_while_the_dashboard_is_not_built(tmp_path: Path) -> None:
    response = await serving(tmp_path / "missing").get("/")

    assert response.status_code == 307
    assert response.headers["location"] == "/graphql"
    assert (await serving(tmp_path / "missing").get("/tickets")).status_code == 404
