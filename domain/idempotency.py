"""Requests that may be sent again: one effect per actor and key, however often they arrive."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId

from domain.access import Actor
from domain.errors import IdempotencyMismatch
from persistence.database import Transaction
from persistence.idempotency import IdempotencyStore
from persistence.models import IdempotencyRecord


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with the client's key: who sent what, digested."""

    record_id: str
    fingerprint: str

    @classmethod
    def of(
        cls, actor: Actor, operation: str, key: str, inputs: Mapping[str, Any]
    ) -> "KeyedRequest":
        """`inputs` is what makes another request another, as JSON values.

        So does the customer for whom a bot speaks.
        """
        return cls(
            _digest([actor.kind, str(actor.key), operation, key]),
            _digest([operation, actor.customer_id, inputs]),
        )


class Idempotency:
    def __init__(self, store: IdempotencyStore) -> None:
        self._store = store

    async def earlier_result(
        self, request: KeyedRequest, now: datetime, *, session: Transaction | None = None
    ) -> ObjectId | None:
        """The key of what the same request made before, None where it is new.

        Raises IdempotencyMismatch where the key came with another input within 24 hours.
        """
        record = await self._store.find(request.record_id, session=session)
        if record is None:
            return None
        if now - record.created_at >= timedelta(seconds=IdempotencyRecord.KEPT_SECONDS):
            return None
        if record.fingerprint != request.fingerprint:
            raise IdempotencyMismatch
        return record.result_key

    async def remember(
        self, request: KeyedRequest, result_key: ObjectId, now: datetime, *, session: Transaction
    ) -> None:
        """Belongs in the transaction of the effect.

        Raises `persistence.errors.Duplicate` where another delivery of the request was quicker,
        whose result is then there to be read.
        """
        await self._store.add(
            IdempotencyRecord(
                id=request.record_id,
                fingerprint=request.fingerprint,
                result_key=result_key,
                created_at=now,
            ),
            session=session,
        )


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
