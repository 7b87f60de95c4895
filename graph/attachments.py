"""Files of tickets: what the API says of them, and where they are downloaded."""

from datetime import datetime
from urllib.parse import quote

import strawberry
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from domain.attachments import Attachments
from domain.errors import DomainError, NotFound, ProblemCode
from domain.rates import RequestRates, TooMany
from domain.sessions import Identity, Sessions
from graph.accounts import Actor
from graph.credentials import CUSTOMER_HEADER, address_of, identity_or_refusal
from graph.enums import NoteVisibility
from graph.http import refusal, too_many
from graph.nodes import Node, encode_id, split_id
from persistence import models
from persistence.models import Attachment as AttachmentModel

PATH = "/attachments/{id}"

# Whatever is in a file, a browser saves it and does nothing else with it, and nobody keeps it.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}
_STATUS = {
    ProblemCode.UNAUTHENTICATED: 401,
    ProblemCode.NOT_FOUND: 404,
    ProblemCode.UNAVAILABLE: 503,
}


@strawberry.type(description="A file that belongs to a ticket.")
class Attachment(Node):
    file_name: str = strawberry.field(description="As it was uploaded, without folders.")
    content_type: str = strawberry.field(description="Its media type, found from its content.")
    size_bytes: int = strawberry.field(description="Its size in bytes.")
    visibility: NoteVisibility = strawberry.field(description="Who may see it.")
    uploaded_by: Actor = strawberry.field(description="Who brought it.")
    created_at: datetime = strawberry.field(description="When.")

    @strawberry.field(
        description="Where it is downloaded, on this server, with the same Authorization header "
        "as anything else (and X-Customer-Id, for bots)."
    )
    def url(self) -> str:
        return PATH.format(id=encode_id("Attachment", self.key))

    @classmethod
    def from_model(cls, attachment: models.Attachment) -> "Attachment":
        return cls(
            key=attachment.id,
            file_name=attachment.file_name,
            content_type=attachment.content_type,
            size_bytes=attachment.size_bytes,
            visibility=attachment.visibility,
            uploaded_by=Actor.from_model(attachment.uploaded_by),
            created_at=attachment.created_at,
        )


class Downloads:
    def __init__(
        self, *, attachments: Attachments, sessions: Sessions, rates: RequestRates
    ) -> None:
        self._attachments = attachments
        self._sessions = sessions
        self._rates = rates

    async def serve(self, request: Request) -> Response:
        try:
            return await self._serve(request)
        except TooMany as refused:
            return too_many(refused)
        except DomainError as refused:
            status = _STATUS.get(ProblemCode(refused.code), 400)
            return refusal(refused.message, status=status, code=refused.code.value)

    async def _serve(self, request: Request) -> Response:
        """Raises DomainError."""
        identity = await identity_or_refusal(
            self._sessions,
            request.headers.get("authorization", ""),
            request.headers.get(CUSTOMER_HEADER, ""),
        )
        actor = identity.actor if isinstance(identity, Identity) else None
        await self._rates.take(actor, address_of(request))
        if not isinstance(identity, Identity):
            raise identity
        kind, key = split_id(request.path_params["id"]) or (None, None)
        if kind != "Attachment" or key is None:
            raise NotFound("attachment")
        attachment, content = await self._attachments.open(identity.actor, key)
        return StreamingResponse(content, headers=_headers_of(attachment))


def _headers_of(attachment: AttachmentModel) -> dict[str, str]:
    is_text = attachment.content_type.startswith("text/")
    return {
        **_HEADERS,
        "Content-Type": attachment.content_type + ("; charset=utf-8" if is_text else ""),
        "Content-Length": str(attachment.size_bytes),
        "Content-Disposition": _disposition(attachment.file_name),
    }


def _disposition(name: str) -> str:
    """RFC 6266: the name as it is, and, for who does not know that, as far as ASCII goes."""
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\%' else "_"
        for letter in name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
