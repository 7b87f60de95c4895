"""Signing in and staying so: access tokens that last minutes, refresh tokens that work once."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import jwt
from bson import ObjectId
from bson.errors import InvalidId

from domain.access import Actor
from domain.accounts import API_KEY_MARK, Passwords
from domain.clock import Clock
from domain.errors import Unauthenticated
from domain.known_accounts import Holder, KnownAccounts, digest
from domain.rates import LoginThrottle
from persistence.accounts import AccountStore
from persistence.models import Agent, ApiKey, Session

_ALGORITHM = "HS256"
# An API key's last use is known to this precision, so that reading does not always write.
_LAST_USE_PRECISION = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Tokens:
    """`refresh_token` works once, until `refresh_expires_at`, and yields the next pair."""

    access_token: str
    expires_at: datetime
    refresh_token: str
    agent: Agent


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a credential stands for; `expires_at` None where it does not expire."""

    actor: Actor
    expires_at: datetime | None
    session_id: ObjectId | None = None


class Sessions:
    def __init__(
        self,
        *,
        store: AccountStore,
        known: KnownAccounts,
        passwords: Passwords,
        throttle: LoginThrottle,
        clock: Clock,
        secret_key: str,
        access_lifetime: timedelta,
        refresh_lifetime: timedelta,
    ) -> None:
        self._store = store
        self._known = known
        self._passwords = passwords
        self._throttle = throttle
        self._clock = clock
        self._secret_key = secret_key
        self._access_lifetime = access_lifetime
        self._refresh_lifetime = refresh_lifetime
        # When this process last recorded the use of an API key.
        self._used: dict[ObjectId, datetime] = {}

    async def login(self, email: str, password: str, *, address: str | None = None) -> Tokens:
        """`address` is the client's, where it is known.

        Raises Unauthenticated, in the same time and words whatever is wrong, and RateLimited for
        who tries too often.
        """
        await self._throttle.attempt(email, address)
        agent = await self._store.find_agent_by_email(email.strip().lower())
        matches = await self._passwords.matches(agent.password_hash if agent else None, password)
        if agent is None or not matches or not agent.is_active:
            raise Unauthenticated("The e-mail address or the password is wrong.")
        await self._throttle.succeeded(email, address)
        now = self._clock()
        secret = secrets.token_urlsafe(32)
        session = Session(
            agent_id=agent.id,
            refresh_hash=digest(secret),
            created_at=now,
            expires_at=now + self._refresh_lifetime,
        )
        await self._store.add_session(session)
        return self._tokens(agent, session.id, secret, now)

    async def refresh(self, refresh_token: str) -> Tokens:
        """Exchanges a refresh token for a new pair.

        One that was used before has been stolen or was: the whole session ends. Raises
        Unauthenticated.
        """
        refused = Unauthenticated("The refresh token is not valid any more; sign in again.")
        session_id, secret = _parts(refresh_token)
        session = await self._store.find_session(session_id) if session_id else None
        now = self._clock()
        if session is None or session.expires_at <= now:
            raise refused
        agent = await self._store.find_agent(session.agent_id)
        new_secret = secrets.token_urlsafe(32)
        rotated = hmac.compare_digest(
            session.refresh_hash, digest(secret)
        ) and await self._store.rotate_session(
            session.id,
            old_hash=session.refresh_hash,
            new_hash=digest(new_secret),
            expires_at=now + self._refresh_lifetime,
        )
        if not rotated or agent is None or not agent.is_active:
            await self._store.end_session(session.id)
            self._known.forget()
            raise refused
        return self._tokens(agent, session.id, new_secret, now)

    async def logout(self, identity: Identity) -> None:
        """Ends the session of `identity`; its access and refresh tokens stop working."""
        if identity.session_id is not None:
            await self._store.end_session(identity.session_id)
            self._known.forget()

    async def identify(self, credential: str, customer_id: ObjectId | None = None) -> Identity:
        """Who presents `credential`, an access token or an API key.

        `customer_id` is the customer whom a bot names; of an agent it is ignored. Raises
        Unauthenticated for what is malformed, expired, revoked or of a deactivated account.
        """
        if credential.startswith(API_KEY_MARK):
            return await self._identify_bot(credential, customer_id)
        return await self._identify_agent(credential)

    async def _identify_bot(self, secret: str, customer_id: ObjectId | None) -> Identity:
        holder = await self._known.holder(secret, lambda: self._holder_of_key(secret))
        api_key, now = cast("ApiKey", holder.account), self._clock()
        if api_key.expires_at is not None and api_key.expires_at <= now:
            raise Unauthenticated("This API key has expired.")
        used_at = self._used.get(api_key.id, api_key.last_used_at)
        if used_at is None or now - used_at > _LAST_USE_PRECISION:
            await self._store.mark_api_key_used(api_key.id, now)
            self._used[api_key.id] = now
        return Identity(Actor.bot(api_key, customer_id), api_key.expires_at)

    async def _holder_of_key(self, secret: str) -> Holder:
        api_key = await self._store.find_api_key_by_hash(digest(secret))
        if api_key is None or api_key.revoked_at is not None:
            raise Unauthenticated("This API key is unknown or revoked.")
        return Holder(api_key, api_key.expires_at)

    async def _identify_agent(self, token: str) -> Identity:
        holder = await self._known.holder(token, lambda: self._holder_of_token(token))
        # Against our own clock, to the same instant as `expiresAt` said.
        if holder.expires_at is not None and holder.expires_at <= self._clock():
            raise Unauthenticated("The access token has expired; refresh the session.")
        agent = cast("Agent", holder.account)
        return Identity(Actor.agent(agent), holder.expires_at, holder.session_id)

    async def _holder_of_token(self, token: str) -> Holder:
        claims = self._claims(token)
        session_id, agent_id = ObjectId(claims["sid"]), ObjectId(claims["sub"])
        session = await self._store.find_session(session_id)
        agent = await self._store.find_agent(agent_id) if session else None
        if agent is None or not agent.is_active:
            raise Unauthenticated("This session has ended; sign in again.")
        expires_at = datetime.fromtimestamp(claims["exp"], tz=self._clock().tzinfo)
        return Holder(agent, expires_at, session_id)

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._secret_key,
                algorithms=[_ALGORITHM],
                options={"require": ["sub", "sid", "exp"], "verify_exp": False},
            )
        except jwt.InvalidTokenError:
            raise Unauthenticated("This is not a valid access token.") from None
        if claims["exp"] <= self._clock().timestamp():
            raise Unauthenticated("The access token has expired; refresh the session.")
        return claims

    def _tokens(self, agent: Agent, session_id: ObjectId, secret: str, now: datetime) -> Tokens:
        expires_at = (now + self._access_lifetime).replace(microsecond=0)
        claims = {"sub": str(agent.id), "sid": str(session_id), "exp": int(expires_at.timestamp())}
        return Tokens(
            access_token=jwt.encode(claims, self._secret_key, _ALGORITHM),
            expires_at=expires_at,
            refresh_token=f"{session_id}.{secret}",
            agent=agent,
        )


def _parts(refresh_token: str) -> tuple[ObjectId | None, str]:
    session_id, _, secret = refresh_token.partition(".")
    try:
        return ObjectId(session_id), secret
    except InvalidId:
        return None, ""
