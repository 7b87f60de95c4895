"""Agents, their sessions, and API keys."""

from collections.abc import Iterable
from datetime import datetime

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from persistence.database import Database, Transaction
from persistence.documents import Document, from_document, projection, to_document
from persistence.errors import Duplicate
from persistence.models import Agent, ApiKey, Role, Session
from persistence.pages import Page, Window, count_items, read_page

_WITHOUT_PASSWORD = projection(Agent, without=("password_hash",))


class AccountStore:
    def __init__(self, database: Database) -> None:
        self._agents = database.collection(Agent)
        self._sessions = database.collection(Session)
        self._api_keys = database.collection(ApiKey)

    # ---- agents ----------------------------------------------------------------------------

    async def find_agent(
        self, key: ObjectId, *, session: Transaction | None = None
    ) -> Agent | None:
        found = await self._agents.find_one({"_id": key}, session=session)
        return from_document(Agent, found) if found else None

    async def find_agent_by_email(self, email: str) -> Agent | None:
        """`email` folded to lower case."""
        found = await self._agents.find_one({"email": email})
        return from_document(Agent, found) if found else None

    async def find_agents(self, keys: Iterable[ObjectId]) -> dict[ObjectId, Agent]:
        found = self._agents.find({"_id": {"$in": list(set(keys))}}, _WITHOUT_PASSWORD)
        agents = [from_document(Agent, document) for document in await found.to_list(None)]
        return {agent.id: agent for agent in agents}

    async def any_agent(self) -> bool:
        return await self._agents.find_one({}, {"_id": 1}) is not None

    async def hold_another_admin(
        self, key: ObjectId, at: datetime, *, session: Transaction
    ) -> bool:
        """Whether there is an active admin besides `key`, who stays one in this transaction.

        Writing to the other one makes two transactions meet that each count on whom the other
        takes away; the later one begins again and finds nobody.
        """
        held = await self._agents.update_one(
            {"_id": {"$ne": key}, "role": Role.ADMIN.value, "is_active": True},
            {"$set": {"updated_at": at}},
            session=session,
        )
        return held.matched_count == 1

    async def add_agent(self, agent: Agent) -> None:
        """Raises Duplicate where the address has an account."""
        try:
            await self._agents.insert_one(to_document(agent))
        except DuplicateKeyError as error:
            raise Duplicate("email") from error

    async def change_agent(self, old: Agent, new: Agent, *, session: Transaction) -> None:
        """Writes the fields that differ and no others."""
        before, after = to_document(old), to_document(new)
        changed = {field: value for field, value in after.items() if before[field] != value}
        await self._agents.update_one({"_id": old.id}, {"$set": changed}, session=session)

    async def agents_page(self, window: Window, *, active_only: bool) -> Page[Agent]:
        """By name."""
        return await read_page(
            self._agents,
            Agent,
            _active(active_only=active_only),
            window,
            key="sort",
            projection=_WITHOUT_PASSWORD,
        )

    async def count_agents(self, *, active_only: bool) -> int:
        return await count_items(self._agents, _active(active_only=active_only), key="sort")

    # ---- sessions --------------------------------------------------------------------------

    async def add_session(self, session: Session) -> None:
        await self._sessions.insert_one(to_document(session))

    async def find_session(self, key: ObjectId) -> Session | None:
        found = await self._sessions.find_one({"_id": key})
        return from_document(Session, found) if found else None

    async def rotate_session(
        self, key: ObjectId, *, old_hash: str, new_hash: str, expires_at: datetime
    ) -> bool:
        """Exchanges the refresh token; of two that present the same one, one succeeds."""
        updated = await self._sessions.update_one(
            {"_id": key, "refresh_hash": old_hash},
            {"$set": {"refresh_hash": new_hash, "expires_at": expires_at}},
        )
        return updated.modified_count == 1

    async def end_session(self, key: ObjectId) -> None:
        await self._sessions.delete_one({"_id": key})

    async def end_sessions_of(
        self, agent_id: ObjectId, *, session: Transaction | None = None
    ) -> None:
        await self._sessions.delete_many({"agent_id": agent_id}, session=session)

    # ---- API keys --------------------------------------------------------------------------

    async def add_api_key(self, api_key: ApiKey) -> None:
        await self._api_keys.insert_one(to_document(api_key))

    async def find_api_key(self, key: ObjectId) -> ApiKey | None:
        found = await self._api_keys.find_one({"_id": key})
        return from_document(ApiKey, found) if found else None

    async def find_api_key_by_hash(self, secret_hash: str) -> ApiKey | None:
        found = await self._api_keys.find_one({"secret_hash": secret_hash})
        return from_document(ApiKey, found) if found else None

    async def mark_api_key_used(self, key: ObjectId, at: datetime) -> None:
        await self._api_keys.update_one({"_id": key}, {"$set": {"last_used_at": at}})

    async def revoke_api_key(self, key: ObjectId, at: datetime) -> None:
        """Revoking again keeps the first instant."""
        await self._api_keys.update_one(
            {"_id": key, "revoked_at": None}, {"$set": {"revoked_at": at}}
        )

    async def api_keys_page(self, window: Window) -> Page[ApiKey]:
        """Newest first."""
        return await read_page(self._api_keys, ApiKey, {}, window, key="sort", descending=True)

    async def count_api_keys(self) -> int:
        return await count_items(self._api_keys, {}, key="sort")


def _active(*, active_only: bool) -> Document:
    return {"is_active": True} if active_only else {}
