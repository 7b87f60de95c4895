"""Files that belong to tickets. Who may see which is decided as for notes."""

import hashlib
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final, Protocol

import structlog
from bson import ObjectId

from domain.access import Actor, permission_to_write, readable_notes
from domain.clock import Clock
from domain.errors import DomainError, NotFound
from domain.idempotency import KeyedRequest
from domain.media_types import MediaType
from domain.tickets import Outcome, Tickets
from domain.validation import KEY_LENGTH, Checks
from persistence.attachments import AttachmentStore
from persistence.errors import Duplicate
from persistence.models import Attachment, NoteVisibility

log = structlog.stdlib.get_logger("tickets.attachments")

FILE_NAME_LENGTH: Final = 200
_CHUNK_BYTES: Final = 256 * 1024
# A content that belongs to nothing may be about to, for so long.
_ORPHANED_AFTER: Final = timedelta(hours=24)
_BATCH: Final = 500


class Upload(Protocol):
    """A file on its way in, as a request brought it."""

    @property
    def filename(self) -> str | None: ...

    async def read(self, size: int = -1) -> bytes: ...

    async def seek(self, offset: int) -> None: ...


@dataclass(frozen=True, slots=True)
class AttachmentLimits:
    max_bytes: int
    types: Collection[str]


class Attachments:
    def __init__(
        self,
        *,
        store: AttachmentStore,
        tickets: Tickets,
        limits: AttachmentLimits,
        clock: Clock,
    ) -> None:
        self._store = store
        self._tickets = tickets
        self._limits = limits
        self._clock = clock

    async def attach(
        self,
        actor: Actor,
        ticket_id: str,
        upload: Upload,
        *,
        visibility: NoteVisibility,
        idempotency_key: str | None = None,
    ) -> Outcome:
        """Stores the file, then adds it to the ticket: a file that comes to nothing is removed.

        Raises ValidationFailed (its name, size or type, too many), NotFound, Forbidden,
        IdempotencyMismatch.
        """
        actor.require(permission_to_write(visibility))
        file = await self._inspect(upload)
        request = _request(actor, ticket_id, file, visibility, idempotency_key)
        if request and (replay := await self._tickets.replay(request)):
            return replay
        ticket = await self._tickets.find(actor, ticket_id)
        if ticket is None:
            raise NotFound("ticket")
        attachment = Attachment(
            ticket_key=ticket.id,
            position=ticket.version + 1,
            visibility=visibility,
            uploaded_by=actor.ref,
            created_at=self._clock(),
            **file,
        )
        await self._store.write_content(attachment.id, _chunks(upload))
        try:
            return Outcome(await self._tickets.attach(actor, ticket_id, attachment, request))
        except (DomainError, Duplicate) as error:
            # After a failure of the database nobody knows: then `remove_orphans` finds out.
            await self._store.remove_content(attachment.id)
            if isinstance(error, Duplicate) and request is not None:
                replay = await self._tickets.replay(request)
                if replay is not None:
                    return replay
            raise

    async def _inspect(self, upload: Upload) -> dict[str, Any]:
        """What an `Attachment` says of its file."""
        checks = Checks()
        name = checks.text(
            "file", _base_name(upload.filename or ""), longest=FILE_NAME_LENGTH, lines=False
        )
        size, digest, media_type = 0, hashlib.sha256(), MediaType()
        async for chunk in _chunks(upload):
            size += len(chunk)
            digest.update(chunk)
            media_type.feed(chunk)
        content_type = media_type.found()
        if size == 0:
            checks.fault("file", "must not be empty")
        elif size > self._limits.max_bytes:
            checks.fault(
                "file", f"must have at most {self._limits.max_bytes:,} bytes, has {size:,}"
            )
        elif content_type not in self._limits.types:
            what = content_type or "of a type that is not known"
            checks.fault("file", f"is {what}, and not one of {', '.join(self._limits.types)}")
        checks.done()
        return {
            "file_name": name,
            "content_type": content_type,
            "size_bytes": size,
            "sha256": digest.hexdigest(),
        }

    async def of_tickets(
        self, actor: Actor, keys: Iterable[ObjectId]
    ) -> dict[ObjectId, list[Attachment]]:
        """Of tickets that the caller has already been allowed to see, the oldest first."""
        wanted = list(keys)
        grouped: dict[ObjectId, list[Attachment]] = {key: [] for key in wanted}
        for attachment in await self._store.of_tickets(wanted, readable_notes(actor)):
            grouped[attachment.ticket_key].append(attachment)
        return grouped

    async def find(self, actor: Actor, key: ObjectId) -> Attachment | None:
        attachment = await self._store.find(key)
        if attachment is None or attachment.visibility not in readable_notes(actor):
            return None
        readable = await self._tickets.find_by_keys(actor, [attachment.ticket_key])
        return attachment if readable else None

    async def open(self, actor: Actor, key: ObjectId) -> tuple[Attachment, AsyncIterator[bytes]]:
        """The attachment and its content. Raises NotFound."""
        attachment = await self.find(actor, key)
        content = await self._store.read_content(key) if attachment else None
        if attachment is None or content is None:
            raise NotFound("attachment")
        return attachment, content

    async def remove_orphans(self) -> None:
        """Contents whose upload was cut off between its storing and its belonging to a ticket."""
        before, removed = self._clock() - _ORPHANED_AFTER, 0
        while (found := await self._store.remove_orphans(before, contents=_BATCH)) is not None:
            removed += found
        if removed:
            log.info("removed orphaned contents", contents=removed)


def _request(
    actor: Actor,
    ticket_id: str,
    file: dict[str, Any],
    visibility: NoteVisibility,
    idempotency_key: str | None,
) -> KeyedRequest | None:
    if idempotency_key is None:
        return None
    checks = Checks()
    key = checks.text("idempotencyKey", idempotency_key, longest=KEY_LENGTH, lines=False)
    checks.done()
    inputs = {"ticketId": ticket_id, "visibility": visibility.value, **file}
    return KeyedRequest.of(actor, "attachToTicket", key, inputs)


async def _chunks(upload: Upload) -> AsyncIterator[bytes]:
    """From its beginning."""
    await upload.seek(0)
    while chunk := await upload.read(_CHUNK_BYTES):
        yield chunk


def _base_name(name: str) -> str:
    """Without the folders that some browsers and every forger put before it."""
    return PurePosixPath(PureWindowsPath(name).name).name
