"""Accounts of agents and the keys of bots: who exists and may sign in."""

import asyncio
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import argon2
from bson import ObjectId

from domain.access import Actor, Permission
from domain.clock import Clock, sort_key
from domain.errors import Forbidden, NotFound, ValidationFailed
from domain.known_accounts import KnownAccounts, digest
from domain.search import fold
from domain.validation import NAME_LENGTH, Checks
from persistence.accounts import AccountStore
from persistence.database import Database, Transaction
from persistence.documents import evolve
from persistence.errors import Duplicate
from persistence.models import Agent, ApiKey, Role
from persistence.pages import Page, Window

# What every API key starts with, so that scanners and people recognise one.
API_KEY_MARK: Final = "tk_"


class Passwords:
    """argon2id; hashing takes tens of milliseconds by design, so it runs beside the event loop."""

    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher()
        # Verified for unknown accounts, so that they take as long to refuse as known ones.
        self._of_nobody = self._hasher.hash(secrets.token_hex(16))

    async def hash(self, password: str) -> str:
        return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, password_hash: str | None, password: str) -> bool:
        def verify() -> bool:
            try:
                return self._hasher.verify(password_hash or self._of_nobody, password)
            except argon2.exceptions.VerificationError:
                return False

        return await asyncio.to_thread(verify) and password_hash is not None


class Accounts:
    def __init__(
        self,
        *,
        database: Database,
        store: AccountStore,
        passwords: Passwords,
        clock: Clock,
        known: KnownAccounts,
    ) -> None:
        self._database = database
        self._store = store
        self._passwords = passwords
        self._clock = clock
        self._known = known

    # ---- agents ----------------------------------------------------------------------------

    async def find_agents(self, actor: Actor, keys: Iterable[ObjectId]) -> dict[ObjectId, Agent]:
        """None of them for who may not know who works here."""
        if not actor.may(Permission.READ_AGENTS):
            return {}
        return await self._known.agents(keys, self._store.find_agents)

    async def agents_page(self, actor: Actor, window: Window, *, active_only: bool) -> Page[Agent]:
        """By name. Raises Forbidden."""
        actor.require(Permission.READ_AGENTS)
        return await self._store.agents_page(window, active_only=active_only)

    async def count_agents(self, actor: Actor, *, active_only: bool) -> int:
        actor.require(Permission.READ_AGENTS)
        return await self._store.count_agents(active_only=active_only)

    async def any_agent(self) -> bool:
        """False on an installation that nobody can sign in to yet."""
        return await self._store.any_agent()

    async def create_agent(
        self, actor: Actor, *, name: str, email: str, password: str, role: Role
    ) -> Agent:
        """Raises ValidationFailed (also for an address that has an account), Forbidden."""
        actor.require(Permission.MANAGE_ACCOUNTS)
        checks = Checks()
        name = checks.text("name", name, longest=NAME_LENGTH, lines=False)
        email = checks.email("email", email)
        password = checks.password("password", password)
        _check_role(checks, role)
        checks.done()
        now = self._clock()
        key = ObjectId()
        agent = Agent(
            id=key,
            name=name,
            email=email,
            role=role,
            password_hash=await self._passwords.hash(password),
            created_at=now,
            updated_at=now,
            sort=_by_name(name, key),
        )
        try:
            await self._store.add_agent(agent)
        except Duplicate:
            raise ValidationFailed.of("email", "has an account already") from None
        return agent

    async def update_agent(
        self,
        actor: Actor,
        key: ObjectId,
        *,
        name: str | None = None,
        role: Role | None = None,
        is_active: bool | None = None,
        password: str | None = None,
    ) -> Agent:
        """Changes what is given. Deactivation and a new password sign the agent out everywhere.

        Raises ValidationFailed, NotFound, Forbidden (the last active admin must stay one).
        """
        actor.require(Permission.MANAGE_ACCOUNTS)
        checks = Checks()
        changes: dict[str, object] = {}
        if name is not None:
            changes["name"] = checks.text("name", name, longest=NAME_LENGTH, lines=False)
            changes["sort"] = _by_name(str(changes["name"]), key)
        if role is not None:
            _check_role(checks, role)
            changes["role"] = role
        if is_active is not None:
            changes["is_active"] = is_active
        if password is not None:
            checks.password("password", password)
        checks.done()
        if password is not None:
            changes["password_hash"] = await self._passwords.hash(password)

        async def write(session: Transaction) -> Agent:
            old = await self._store.find_agent(key, session=session)
            if old is None:
                raise NotFound("agent")
            now = self._clock()
            new = evolve(old, **changes, updated_at=now)
            was, stays = (each.role is Role.ADMIN and each.is_active for each in (old, new))
            must_another = was and not stays
            if must_another and not await self._store.hold_another_admin(key, now, session=session):
                raise Forbidden("This is the last active admin; make another one first.")
            await self._store.change_agent(old, new, session=session)
            if password is not None or not new.is_active:
                await self._store.end_sessions_of(key, session=session)
            return new

        agent = await self._database.transaction(write)
        self._known.forget()
        return agent

    # ---- API keys --------------------------------------------------------------------------

    async def api_keys_page(self, actor: Actor, window: Window) -> Page[ApiKey]:
        """Newest first. Raises Forbidden."""
        actor.require(Permission.MANAGE_ACCOUNTS)
        return await self._store.api_keys_page(window)

    async def count_api_keys(self, actor: Actor) -> int:
        actor.require(Permission.MANAGE_ACCOUNTS)
        return await self._store.count_api_keys()

    async def create_api_key(
        self, actor: Actor, *, name: str, expires_at: datetime | None = None
    ) -> tuple[ApiKey, str]:
        """The key and its secret, which is not kept and cannot be shown again.

        Raises ValidationFailed (a name, an instant that has passed), Forbidden.
        """
        actor.require(Permission.MANAGE_ACCOUNTS)
        now = self._clock()
        checks = Checks()
        name = checks.text("name", name, longest=NAME_LENGTH, lines=False)
        if expires_at is not None and expires_at <= now:
            checks.fault("expiresAt", "must be in the future")
        checks.done()
        prefix = API_KEY_MARK + secrets.token_hex(4)
        secret = f"{prefix}_{secrets.token_urlsafe(32)}"
        key = ObjectId()
        api_key = ApiKey(
            id=key,
            name=name,
            prefix=prefix,
            secret_hash=digest(secret),
            created_by=actor.ref,
            created_at=now,
            expires_at=expires_at,
            sort=sort_key(now, key),
        )
        await self._store.add_api_key(api_key)
        return api_key, secret

    async def revoke_api_key(self, actor: Actor, key: ObjectId) -> ApiKey:
        """For good; revoking again changes nothing. Raises NotFound, Forbidden."""
        actor.require(Permission.MANAGE_ACCOUNTS)
        await self._store.revoke_api_key(key, self._clock())
        self._known.forget()
        api_key = await self._store.find_api_key(key)
        if api_key is None:
            raise NotFound("API key")
        return api_key


def _check_role(checks: Checks, role: Role) -> None:
    if role is Role.BOT:
        checks.fault("role", "a bot has an API key instead of an account: createApiKey")


def _by_name(name: str, key: ObjectId) -> str:
    return f"{fold(name)}\x1f{key}"
