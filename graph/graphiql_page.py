"""GraphiQL, served from the files that `graph/graphiql/build.mjs` makes, and from nowhere else."""

import os
from pathlib import Path

from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import PathLike, StaticFiles
from starlette.types import Scope

BUILT = Path(__file__).parent / "static" / "graphiql"

# connect-src 'self' covers the WebSocket of the same host.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # File names stay the same from build to build: ask each time, and mostly hear 304.
    "Cache-Control": "no-cache",
}

NOT_BUILT = """<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>GraphiQL is not built</title></head>
  <body>
    <h1>GraphiQL is not built</h1>
    <p>Start the server with <code>make serve</code>, which builds it.</p>
    <p>The API itself is running: it answers POST requests at this address.</p>
  </body>
</html>
"""


def graphiql_page(built: Path = BUILT) -> Response:
    """Answer a browser's `GET /graphql`; when not built, 503 and what to do about it."""
    try:
        page, status = (built / "index.html").read_text("utf-8"), 200
    except FileNotFoundError:
        page, status = NOT_BUILT, 503
    # The same address answers other clients with JSON.
    return HTMLResponse(page, status, HEADERS | {"Vary": "Accept"})


def graphiql_files(built: Path = BUILT) -> Mount:
    """Serve the script and the style sheet that the page names."""
    return Mount("/static/graphiql", _BuiltFiles(directory=built, check_dir=False), name="graphiql")


class _BuiltFiles(StaticFiles):
    async def check_config(self) -> None:
        """Leave a missing directory at 404: the page says what to do, and nothing is broken."""

    def file_response(
        self,
        full_path: PathLike,
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(HEADERS)
        return response
