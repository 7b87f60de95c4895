"""How often may be tried what should not be tried without end; all processes count together."""

import asyncio
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from limits import RateLimitItem, RateLimitItemPerDay
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter

from domain.access import Actor
from domain.clock import Clock
from domain.errors import RateLimited
from domain.known_accounts import digest
from persistence.errors import STORAGE_ERRORS, is_unavailable
from persistence.rates import RateWindows

# For how long an address is known as one from which somebody signs in.
FAMILIAR = RateLimitItemPerDay(1, 90)


class TooMany(RateLimited):
    """`retry_after` is in whole seconds."""

    def __init__(self, message: str, name: str, limit: RateLimitItem, retry_after: int) -> None:
        super().__init__(
            f"{message} Try again in {_duration(retry_after)}.",
            {"limit": {"name": name, "value": str(limit)}, "retryAfterSeconds": retry_after},
        )
        self.retry_after = retry_after


def _duration(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    number, unit = (minutes, "minute") if minutes > 1 else (seconds, "second")
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


@dataclass(frozen=True, slots=True)
class LoginLimits:
    """`per_account`: from addresses from which the account has not signed in lately."""

    per_address: RateLimitItem
    per_account_and_address: RateLimitItem
    per_account: RateLimitItem


class LoginThrottle:
    """Slows down who guesses passwords, without locking out whose account it is.

    Who guesses at an account spends what its own address may try, and what all addresses together
    may that the account does not know. An address from which somebody has signed in lately is not
    among those.
    """

    def __init__(self, windows: RateWindows, clock: Clock, limits: LoginLimits) -> None:
        self._limiter = FixedWindowRateLimiter(windows)
        self._clock = clock
        self._limits = limits

    async def attempt(self, email: str, address: str | None) -> None:
        """Counts an attempt to sign in. Raises TooMany."""
        account, network = _account(email), _network(address)
        await self._count("loginsPerAddress", self._limits.per_address, network)
        await self._count(
            "loginsPerAccountAndAddress", self._limits.per_account_and_address, account, network
        )
        if await self._limiter.test(FAMILIAR, "familiar", account, network):
            await self._count("loginsPerAccount", self._limits.per_account, account)

    async def succeeded(self, email: str, address: str | None) -> None:
        """Forgets the failures before, and remembers the address."""
        account, network = _account(email), _network(address)
        pair = self._limits.per_account_and_address
        await self._limiter.clear(pair, "loginsPerAccountAndAddress", account, network)
        await self._limiter.clear(FAMILIAR, "familiar", account, network)
        await self._limiter.hit(FAMILIAR, "familiar", account, network)

    async def _count(self, name: str, limit: RateLimitItem, *who: str) -> None:
        if not await self._limiter.hit(limit, name, *who):
            window = await self._limiter.get_window_stats(limit, name, *who)
            retry_after = max(math.ceil(window.reset_time - self._clock().timestamp()), 1)
            raise TooMany("Too many attempts to sign in.", name, limit, retry_after)


def _account(email: str) -> str:
    """Nothing personal is kept in counts."""
    return digest(email.strip().lower())


def _network(address: str | None) -> str:
    """Of an IPv6 address the network, of which a single house has one and all its addresses."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address or "unknown"
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))


# ---- requests ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Lease:
    """`is_last`: there is no more until the window ends."""

    left: int
    until: datetime
    is_last: bool = False

    def is_used_up(self, now: datetime) -> bool:
        """Whether to ask for another."""
        return self.until <= now or (self.left == 0 and not self.is_last)


class RequestRate:
    """How many requests somebody may make in a time, over all processes.

    A process takes a share of the limit at a time, and asks the database for more when it is used
    up: so hardly a request costs a query. Since shares may be left over, the limit may be met by
    one share for each process too early, and never too late.
    """

    SHARES = 20
    # Of how many people and bots a process knows what they have left.
    REMEMBERED = 10_000

    def __init__(self, name: str, limit: RateLimitItem, windows: Storage, clock: Clock) -> None:
        self._name = name
        self._limit = limit
        self._share = max(limit.amount // self.SHARES, 1)
        self._limiter = FixedWindowRateLimiter(windows)
        self._clock = clock
        self._leases: dict[str, _Lease] = {}
        self._renewals: dict[str, asyncio.Task[None]] = {}

    async def take(self, who: str) -> None:
        """Counts a request. Raises TooMany."""
        while (lease := self._leases.get(who)) is None or lease.is_used_up(self._clock()):
            await self._renew(who)
        if lease.left == 0:
            retry_after = max(math.ceil((lease.until - self._clock()).total_seconds()), 1)
            raise TooMany("Too many requests.", self._name, self._limit, retry_after)
        lease.left -= 1

    async def _renew(self, who: str) -> None:
        """Takes one more share, for all who ask for it at the same time."""
        renewal = self._renewals.get(who)
        if renewal is None:
            renewal = self._renewals[who] = asyncio.create_task(self._renewal(who))
        await asyncio.shield(renewal)

    async def _renewal(self, who: str) -> None:
        try:
            self._leases[who] = await self._lease(who)
            if len(self._leases) > self.REMEMBERED:
                del self._leases[next(iter(self._leases))]
        finally:
            # Not by a callback, a turn later: who came in between would find it done, with a
            # share that others have used up, and ask it again without end.
            del self._renewals[who]

    async def _lease(self, who: str) -> _Lease:
        now = self._clock()
        try:
            granted = await self._limiter.hit(self._limit, self._name, who, cost=self._share)
            window = await self._limiter.get_window_stats(self._limit, self._name, who)
        except STORAGE_ERRORS as error:
            if not is_unavailable(error):
                raise
            # The request itself will say so.
            return _Lease(self._share, now + timedelta(seconds=1))
        until = datetime.fromtimestamp(window.reset_time, tz=now.tzinfo)
        return _Lease(self._share if granted else 0, until, is_last=not granted)


class RequestRates:
    """Of people by their account, of bots by their key, of anybody else by the address."""

    def __init__(
        self,
        windows: RateWindows,
        clock: Clock,
        *,
        per_account: RateLimitItem,
        per_key: RateLimitItem,
        per_address: RateLimitItem,
    ) -> None:
        self._per_account = RequestRate("requestsPerAccount", per_account, windows, clock)
        self._per_key = RequestRate("requestsPerApiKey", per_key, windows, clock)
        self._per_address = RequestRate("requestsPerAddress", per_address, windows, clock)

    async def take(self, actor: Actor | None, address: str | None) -> None:
        """Counts a request of `actor`, None where nobody is signed in. Raises TooMany."""
        if actor is None:
            await self._per_address.take(_network(address))
        elif actor.is_bot:
            await self._per_key.take(str(actor.key))
        else:
            await self._per_account.take(str(actor.key))
