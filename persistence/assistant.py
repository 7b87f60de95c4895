"""The assistant's answers, the drafts they grow from, and the revisions of what it is told."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from persistence.database import Database, Transaction
from persistence.documents import from_document, to_document
from persistence.models import (
    AnswerDraft,
    AnswerOutcome,
    AssistantActivation,
    AssistantAnswer,
    AssistantRevision,
    HostedSync,
)
from persistence.pages import Page, Window, count_items, read_page

# The outcomes after which a message needs no further answer.
_ANSWERED = [AnswerOutcome.SENT.value, AnswerOutcome.HANDED_OVER.value]


class AssistantStore:
    def __init__(self, database: Database) -> None:
        self._answers = database.collection(AssistantAnswer)
        self._drafts = database.collection(AnswerDraft)
        self._revisions = database.collection(AssistantRevision)
        self._activations = database.collection(AssistantActivation)

    # ---- drafts ----------------------------------------------------------------------------

    async def take_draft(
        self, conversation_id: ObjectId, *, token: str, now: datetime, until: datetime
    ) -> AnswerDraft | None:
        """The conversation's draft, held by `token` until `until`; None while another holds it.

        Of any number that ask at once, one gets it. What an earlier holder left, by failing or by
        dying, is still in it.
        """
        held = {"token": token, "held_until": until}
        taken = await self._drafts.update_one(
            {"_id": conversation_id, "held_until": {"$lte": now}}, {"$set": held}
        )
        if taken.matched_count == 0:
            draft = AnswerDraft(id=conversation_id, token=token, held_until=until)
            try:
                await self._drafts.insert_one(to_document(draft))
            except DuplicateKeyError:
                return None
            return draft
        found = await self._drafts.find_one({"_id": conversation_id, "token": token})
        return from_document(AnswerDraft, found) if found else None

    async def extend_draft(
        self, conversation_id: ObjectId, token: str, items: Sequence[str]
    ) -> bool:
        """Adds to what has been said; False where the draft is held by another meanwhile."""
        updated = await self._drafts.update_one(
            {"_id": conversation_id, "token": token}, {"$push": {"items": {"$each": list(items)}}}
        )
        return updated.matched_count == 1

    async def show_draft(self, conversation_id: ObjectId, token: str, text: str) -> bool:
        """Replaces the text for those who watch; False as `extend_draft`."""
        updated = await self._drafts.update_one(
            {"_id": conversation_id, "token": token}, {"$set": {"text": text}}
        )
        return updated.matched_count == 1

    async def find_draft(self, conversation_id: ObjectId) -> AnswerDraft | None:
        found = await self._drafts.find_one({"_id": conversation_id}, {"items": 0})
        return from_document(AnswerDraft, found) if found else None

    async def release_draft(self, conversation_id: ObjectId, token: str, at: datetime) -> None:
        """Lets the next one go on; without effect where it is gone or held by another meanwhile."""
        await self._drafts.update_one(
            {"_id": conversation_id, "token": token}, {"$set": {"held_until": at, "text": ""}}
        )

    async def remove_draft(
        self, conversation_id: ObjectId, token: str, *, session: Transaction | None = None
    ) -> bool:
        """False where the draft is held by another meanwhile, and not removed."""
        deleted = await self._drafts.delete_one(
            {"_id": conversation_id, "token": token}, session=session
        )
        return deleted.deleted_count == 1

    async def discard_draft(self, conversation_id: ObjectId, *, session: Transaction) -> None:
        """Whoever holds it; their attempt comes to nothing."""
        await self._drafts.delete_one({"_id": conversation_id}, session=session)

    # ---- answers ---------------------------------------------------------------------------

    async def add_answer(
        self, answer: AssistantAnswer, *, session: Transaction | None = None
    ) -> None:
        await self._answers.insert_one(to_document(answer), session=session)

    async def find_answers_to(self, messages: Iterable[ObjectId]) -> list[AssistantAnswer]:
        """Those answers that any of the messages got; attempts that came to nothing are none."""
        found = self._answers.find(
            {"questions": {"$in": list(messages)}, "outcome": {"$in": _ANSWERED}}
        )
        return [from_document(AssistantAnswer, document) for document in await found.to_list(None)]

    async def latest_answer(self, conversation_id: ObjectId) -> AssistantAnswer | None:
        """The attempt that ended last."""
        found = await self._answers.find_one(
            {"conversation_id": conversation_id, "sort": {"$gte": ""}}, sort=[("sort", -1)]
        )
        return from_document(AssistantAnswer, found) if found else None

    async def answers_page(
        self, conversation_id: ObjectId, window: Window
    ) -> Page[AssistantAnswer]:
        """Every attempt, newest first."""
        return await read_page(
            self._answers,
            AssistantAnswer,
            {"conversation_id": conversation_id},
            window,
            key="sort",
            descending=True,
        )

    async def count_answers(self, conversation_id: ObjectId) -> int:
        return await self._answers.count_documents({"conversation_id": conversation_id})

    # ---- revisions -------------------------------------------------------------------------

    async def find_revisions(self, hashes: Iterable[str]) -> dict[str, AssistantRevision]:
        found = self._revisions.find({"_id": {"$in": list(set(hashes))}})
        revisions = [
            from_document(AssistantRevision, document) for document in await found.to_list(None)
        ]
        return {revision.id: revision for revision in revisions}

    async def find_revision(
        self, content_hash: str, *, session: Transaction | None = None
    ) -> AssistantRevision | None:
        found = await self._revisions.find_one({"_id": content_hash}, session=session)
        return from_document(AssistantRevision, found) if found else None

    async def add_revision(self, revision: AssistantRevision, *, session: Transaction) -> None:
        """Without effect where there is one with that hash, which is the same."""
        document = to_document(revision)
        key = document.pop("_id")
        await self._revisions.update_one(
            {"_id": key}, {"$setOnInsert": document}, upsert=True, session=session
        )

    async def latest_activation(
        self, *, session: Transaction | None = None
    ) -> AssistantActivation | None:
        found = await self._activations.find_one(
            {"position": {"$gte": 1}}, sort=[("position", -1)], session=session
        )
        return from_document(AssistantActivation, found) if found else None

    async def add_activation(
        self, activation: AssistantActivation, *, session: Transaction
    ) -> None:
        """Of two at the same position one is committed, and the other's transaction tried again."""
        await self._activations.insert_one(to_document(activation), session=session)

    async def claim_hosted(self, activation: ObjectId, claim: HostedSync) -> bool:
        """Of any number of processes that ask, one is told that it is the one to bring in step."""
        updated = await self._activations.update_one(
            {"_id": activation, "hosted": None}, {"$set": {"hosted": to_document(claim)}}
        )
        return updated.modified_count == 1

    async def set_hosted(self, activation: ObjectId, hosted: HostedSync) -> None:
        await self._activations.update_one(
            {"_id": activation}, {"$set": {"hosted": to_document(hosted)}}
        )

    async def activations_page(self, window: Window) -> Page[AssistantActivation]:
        """Newest first."""
        return await read_page(
            self._activations, AssistantActivation, {}, window, key="position", descending=True
        )

    async def count_activations(self) -> int:
        return await count_items(self._activations, {}, key="position")
