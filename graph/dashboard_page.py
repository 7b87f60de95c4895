"""The dashboard, served from the files that `dashboard/` is built into, and from nowhere else."""

import re
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

BUILT = Path(__file__).parent / "static" / "dashboard"

# connect-src 'self' covers the WebSocket of the same host.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'self'"
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Encoding",
}

_HASHED = re.compile(r".+-[A-Z0-9]{8}\.\w+")
# The best first; the build puts them beside each file that is worth it.
_COMPRESSED = {"br": ".br", "gzip": ".gz"}
_MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


def dashboard_pages(built: Path = BUILT) -> Route:
    """Everything under `/` that no other route answers; put it last.

    A built file by its name, and the page itself for every address within the dashboard. While it
    is not built, `/` leads to GraphiQL.
    """

    def page(request: Request) -> Response:
        index = built / "index.html"
        if not index.exists():
            if request.url.path == "/":
                return RedirectResponse("/graphql")
            raise HTTPException(404)
        file = (built / request.path_params["path"]).resolve()
        if file.is_file() and file.is_relative_to(built.resolve()):
            return _answer(request, file)
        # A file from before an upgrade is gone; any other address is one within the page.
        if file.suffix in _MEDIA_TYPES:
            raise HTTPException(404)
        return _answer(request, index)

    return Route("/{path:path}", page, name="dashboard")


def _answer(request: Request, file: Path) -> Response:
    kept = "public, max-age=31536000, immutable" if _HASHED.fullmatch(file.name) else "no-cache"
    headers = HEADERS | {"Cache-Control": kept}
    accepted = request.headers.get("accept-encoding", "")
    served = file
    for encoding, suffix in _COMPRESSED.items():
        compressed = file.with_name(file.name + suffix)
        if encoding in accepted and compressed.exists():
            served, headers["Content-Encoding"] = compressed, encoding
            break
    media_type = _MEDIA_TYPES.get(file.suffix, "application/octet-stream")
    return FileResponse(served, headers=headers, media_type=media_type)
