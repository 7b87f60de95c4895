import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from graph.graphiql_page import BUILT, graphiql_files, graphiql_page

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "graph" / "graphiql" / "src"
PAGE = (SOURCES / "index.html").read_text("utf-8")
SCHEMA = ROOT / "schema.graphql"


def serving(built: Path) -> AsyncClient:
    async def page(_: Request) -> Response:
        return graphiql_page(built)

    app = Starlette(routes=[Route("/graphql", page), graphiql_files(built)])
    return AsyncClient(transport=ASGITransport(app), base_url="http://tickets.test")


def references(page: str) -> list[str]:
    return re.findall(r'(?:src|href|action)="([^"]*)"', page)


@pytest.fixture
def client(tmp_path: Path) -> AsyncClient:
    (tmp_path / "index.html").write_text(PAGE, "utf-8")
    (tmp_path / "index.js").write_text("// script", "utf-8")
    (tmp_path / "index.css").write_text("/* style */", "utf-8")
    return serving(tmp_path)


async def test_page_allows_neither_inline_scripts_nor_other_hosts(client: AsyncClient) -> None:
    response = await client.get("/graphql")

    directives = response.headers["content-security-policy"].split("; ")
    policy = dict(directive.split(" ", 1) for directive in directives)
    assert response.status_code == 200
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["vary"] == "Accept"


def test_page_stays_within_its_own_policy() -> None:
    assert all(url.startswith(("/static/graphiql/", "data:")) for url in references(PAGE))
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", PAGE)


async def test_every_file_the_page_names_is_served(client: AsyncClient) -> None:
    files = [url for url in references((await client.get("/graphql")).text) if url.startswith("/")]

    assert len(files) == 2
    for url in files:
        assert (await client.get(url)).status_code == 200, url


async def test_files_are_revalidated_rather_than_kept_past_an_upgrade(client: AsyncClient) -> None:
    first = await client.get("/static/graphiql/index.js")
    again = await client.get(
        "/static/graphiql/index.js", headers={"If-None-Match": first.headers["etag"]}
    )

    assert first.headers["cache-control"] == "no-cache"
    assert first.headers["x-content-type-options"] == "nosniff"
    assert again.status_code == 304


async def test_page_says_what_to_do_when_not_built(tmp_path: Path) -> None:
    client = serving(tmp_path / "missing")

    response = await client.get("/graphql")

    assert response.status_code == 503
    assert "make serve" in response.text
    assert "content-security-policy" in response.headers
    assert (await client.get("/static/graphiql/index.js")).status_code == 404


@pytest.mark.skipif(not BUILT.is_dir(), reason="GraphiQL is not built: make test builds it")
async def test_built_files_need_nothing_from_elsewhere() -> None:
    client = serving(BUILT)

    script = await client.get("/static/graphiql/index.js")
    style = await client.get("/static/graphiql/index.css")

    assert script.status_code == style.status_code == 200
    assert script.headers["content-type"].startswith("text/javascript")
    assert not re.search(r"url\((?!\"?data:image/)|@import|@font-face", style.text)
    assert not re.search(r"\bimport\s*\(|\bnew Worker\b", script.text)


@pytest.mark.skipif(not SCHEMA.exists(), reason="schema.graphql is not printed yet")
@pytest.mark.parametrize("document", sorted(SOURCES.glob("*.graphql")), ids=lambda path: path.stem)
def test_documents_that_the_page_offers_fit_the_schema(document: Path) -> None:
    schema = build_schema(SCHEMA.read_text("utf-8"))

    assert validate(schema, parse(document.read_text("utf-8"))) == []
