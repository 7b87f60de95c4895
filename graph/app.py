"""The composition root: what the process is made of, wired in one place."""

import asyncio
import gc
import hmac
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import structlog
from limits import parse
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from domain.access import SYSTEM
from domain.accounts import Accounts, Passwords
from domain.assistant.hosted import HostedAgent
from domain.assistant.on_demand import ProviderOnDemand
from domain.assistant.revisions import Revisions
from domain.assistant.service import AnswerLimits, Assistant
from domain.assistant.stream import AnswerStreams
from domain.attachments import AttachmentLimits, Attachments
from domain.clock import Clock, SetClock, utc_now
from domain.configuration.defaults import built_in
from domain.configuration.editor import ConfigurationEditor
from domain.configuration.preview import ConfigurationPreviews
from domain.configuration.stored import StoredConfiguration
from domain.conversations import Conversations
from domain.customers import Customers
from domain.erasure import Erasure
from domain.errors import ProblemCode, ValidationFailed
from domain.feed import Feed
from domain.housekeeping import Chore, Housekeeping
from domain.idempotency import Idempotency
from domain.known_accounts import KnownAccounts
from domain.known_customers import KnownConversations, KnownCustomers
from domain.live_conversations import LiveConversations
from domain.live_statistics import LiveStatistics
from domain.rates import LoginLimits, LoginThrottle, RequestRates
from domain.retention import EventRetention
from domain.sessions import Sessions
from domain.shared_readings import SharedReadings
from domain.sla import state_of
from domain.statistics import StatisticsReader
from domain.tickets import Tickets
from domain.watches import Watches
from graph.assistant.mcp import McpEndpoint
from graph.assistant.tools import define_tools
from graph.attachments import PATH as ATTACHMENT_PATH
from graph.attachments import Downloads
from graph.connections import Connections
from graph.context import Services
from graph.dashboard_page import dashboard_pages
from graph.endpoint import GraphQLEndpoint
from graph.enums import ToolFormat
from graph.event_stream import EventStreams
from graph.graphiql_page import graphiql_files
from graph.http import LimitBody, TraceRequests, masked_failure, refusal
from graph.journal import Journal
from graph.limits import OperationLimits
from graph.logs import configure_logs
from graph.metrics import MEDIA_TYPE, Metrics
from graph.schema import Schema, schema_types
from graph.server import end_with_supervisor
from graph.settings import Settings, SettingsError, load_settings
from graph.streams import Streams
from graph.traces import traces_from_environment
from graph.uploads import FORM_BYTES
from graph.websocket import SocketLimits, Sockets
from persistence.accounts import AccountStore
from persistence.assistant import AssistantStore
from persistence.attachments import AttachmentStore
from persistence.channel import Change, Channel, Topic
from persistence.configuration import ConfigurationStore
from persistence.counters import CounterStore
from persistence.customers import CustomerStore
from persistence.database import Database
from persistence.drafts import DraftConversations, Drafts, DraftTickets
from persistence.errors import STORAGE_ERRORS
from persistence.idempotency import IdempotencyStore
from persistence.leases import Leases
from persistence.migrations import Migrations
from persistence.models import AssistantAnswer, Role
from persistence.rates import RateWindows
from persistence.statistics import StatisticsStore
from persistence.tickets import TicketStore

if TYPE_CHECKING:
    from domain.assistant.provider import Provider

log = structlog.stdlib.get_logger("tickets.app")


@dataclass(frozen=True, slots=True)
class Past:
    """Services that write what has happened before: as of the `clock`, into the `drafts`."""

    services: Services
    clock: SetClock
    drafts: Drafts


def build_services(
    database: Database,
    settings: Settings,
    *,
    secret_key: str,
    clock: Clock = utc_now,
    drafts: Drafts | None = None,
) -> Services:
    """The domain over `database`.

    `secret_key` signs access tokens and cursors: the same in every process. The channel is silent
    until it is started. With `drafts`, tickets and conversations are kept there, for who will store
    them.
    """
    channel = Channel(database)
    time_zone = ZoneInfo(settings.time_zone)
    ticket_store = DraftTickets(database, drafts) if drafts else TicketStore(database)
    customer_store = DraftConversations(database, drafts) if drafts else CustomerStore(database)
    account_store = AccountStore(database)
    counters = CounterStore(database)
    idempotency_store = IdempotencyStore(database)
    attachment_store = AttachmentStore(database)
    configuration_store = ConfigurationStore(database)
    configuration = StoredConfiguration(
        configuration_store,
        lifetime=timedelta(seconds=settings.configuration_cache_seconds),
        clock=clock,
    )
    passwords = Passwords()
    windows = RateWindows(database, clock)
    known_customers = KnownCustomers(channel)
    known_conversations = KnownConversations(channel)
    customers = Customers(
        database=database,
        store=customer_store,
        known=known_customers,
        known_conversations=known_conversations,
        tickets=ticket_store,
        clock=clock,
        phone_region=settings.phone_region,
    )
    tickets = Tickets(
        database=database,
        store=ticket_store,
        attachments=attachment_store,
        customers=customers,
        accounts=account_store,
        counters=counters,
        idempotency=Idempotency(idempotency_store),
        configuration=configuration,
        clock=clock,
        time_zone=time_zone,
    )
    customers.on_change(tickets.customer_changed)
    conversations = Conversations(
        database=database,
        store=customer_store,
        known_conversations=known_conversations,
        customers=customers,
        tickets=tickets,
        clock=clock,
    )
    configuration_editor = ConfigurationEditor(
        database=database,
        store=configuration_store,
        source=configuration,
        tickets=ticket_store,
        clock=clock,
    )
    assistant_store = AssistantStore(database)
    provider = _provider(settings)
    # Only once somebody asks: few of those who build services need a schema.
    core = cache(schema_types)
    revisions = Revisions(
        database=database,
        store=assistant_store,
        settings=configuration_store,
        define_tools=lambda configured: define_tools(core(), configured, ToolFormat.RESPONSES),
        hosted=_hosted_agent(settings, provider, assistant_store, configuration, channel, clock),
        clock=clock,
        auto_sync=settings.assistant_auto_sync,
    )
    configuration_editor.on_change(revisions.configuration_changed)
    known_accounts = KnownAccounts(channel)
    sessions = Sessions(
        store=account_store,
        known=known_accounts,
        passwords=passwords,
        throttle=LoginThrottle(
            windows,
            clock,
            LoginLimits(
                per_address=parse(settings.login_rate_per_address),
                per_account_and_address=parse(settings.login_rate),
                per_account=parse(settings.login_rate_per_account),
            ),
        ),
        clock=clock,
        secret_key=secret_key,
        access_lifetime=timedelta(minutes=settings.access_token_minutes),
        refresh_lifetime=timedelta(days=settings.refresh_token_days),
    )
    statistics = StatisticsReader(
        store=StatisticsStore(database, state_of=state_of),
        shared=SharedReadings(database, channel),
        time_zone=time_zone,
    )
    feed = Feed(
        channel=channel,
        tickets=ticket_store,
        secret_key=secret_key,
        log_events=settings.feed_log_events,
        clock=clock,
    )
    return Services(
        tickets=tickets,
        customers=customers,
        conversations=conversations,
        attachments=Attachments(
            store=attachment_store,
            tickets=tickets,
            limits=AttachmentLimits(
                max_bytes=settings.max_attachment_bytes, types=settings.attachment_types
            ),
            clock=clock,
        ),
        erasure=Erasure(
            database=database,
            customers=customer_store,
            known=known_customers,
            known_conversations=known_conversations,
            tickets=ticket_store,
            attachments=attachment_store,
            assistant=assistant_store,
            idempotency=idempotency_store,
            clock=clock,
        ),
        accounts=Accounts(
            database=database,
            store=account_store,
            passwords=passwords,
            clock=clock,
            known=known_accounts,
        ),
        sessions=sessions,
        statistics=statistics,
        configuration=configuration,
        configuration_editor=configuration_editor,
        configuration_previews=ConfigurationPreviews(
            source=configuration, counters=counters, clock=clock, time_zone=time_zone
        ),
        assistant=Assistant(
            database=database,
            store=assistant_store,
            customer_store=customer_store,
            known_conversations=known_conversations,
            customers=customers,
            conversations=conversations,
            revisions=revisions,
            configuration=configuration,
            provider=provider,
            limits=AnswerLimits(
                seconds=settings.assistant_answer_seconds, failures=settings.assistant_failures
            ),
            clock=clock,
            time_zone=time_zone,
            secret_key=secret_key,
        ),
        revisions=revisions,
        clock=clock,
        time_zone=time_zone,
        channel=channel,
        watches=Watches(sessions=sessions, channel=channel, clock=clock),
        feed=feed,
        live_statistics=LiveStatistics(feed=feed, reader=statistics, clock=clock),
        live_conversations=LiveConversations(customers=customers, channel=channel),
        answer_streams=AnswerStreams(
            store=assistant_store,
            customer_store=customer_store,
            customers=customers,
            channel=channel,
        ),
        rates=RequestRates(
            windows,
            clock,
            per_account=parse(settings.request_rate_per_account),
            per_key=parse(settings.request_rate_per_key),
            per_address=parse(settings.request_rate_per_address),
        ),
        configuration_signal=channel.signal(Topic.CONFIGURATION),
    )


def _housekeeping(database: Database, settings: Settings, services: Services) -> Housekeeping:
    chores: dict[str, Chore] = {"remove orphaned files": services.attachments.remove_orphans}
    if settings.event_retention_days is not None:
        retention = EventRetention(
            store=TicketStore(database),
            clock=services.clock,
            kept=timedelta(days=settings.event_retention_days),
        )
        chores["prune events"] = retention.prune
    return Housekeeping(leases=Leases(database), chores=chores)


def _provider(settings: Settings) -> ProviderOnDemand | None:
    api_key = settings.openai_api_key
    if api_key is None:
        return None

    def load() -> "Provider":
        from domain.assistant.provider import Provider

        return Provider(
            api_key=api_key.get_secret_value(),
            base_url=settings.openai_base_url,
            model=settings.openai_model,
            timeout_seconds=settings.assistant_answer_seconds,
        )

    return ProviderOnDemand(load)


def _hosted_agent(
    settings: Settings,
    provider: ProviderOnDemand | None,
    store: AssistantStore,
    configuration: StoredConfiguration,
    channel: Channel,
    clock: Clock,
) -> HostedAgent | None:
    if settings.openai_agent_id is None or provider is None:
        return None
    return HostedAgent(
        agent_id=settings.openai_agent_id,
        provider=provider,
        store=store,
        configuration=configuration,
        channel=channel,
        clock=clock,
    )


def build_past(database: Database, settings: Settings, *, secret_key: str) -> Past:
    clock, drafts = SetClock(utc_now()), Drafts(database)
    services = build_services(database, settings, secret_key=secret_key, clock=clock, drafts=drafts)
    return Past(services, clock, drafts)


async def prepare_database(database: Database, settings: Settings, services: Services) -> None:
    """Checks the server, migrates, and makes indexes and first configuration where there is none.

    Raises `persistence.errors.UnsuitableServer`, what `Migrations.run` raises, and ValidationFailed
    for a variable that the first configuration cannot take.
    """
    await database.require_suitable_server()
    await Migrations(database).run()
    await database.prepare()
    await services.configuration_editor.seed(_overrides(settings))
    await services.revisions.start()


async def prepare(database: Database, settings: Settings, services: Services) -> bool:
    """As `prepare_database`, and makes the first admin; says whether it did."""
    await prepare_database(database, settings, services)
    if await services.accounts.any_agent():
        return False
    if settings.admin_email is None or settings.admin_password is None:
        log.warning(
            "nobody can sign in yet: set TICKETS_ADMIN_EMAIL and TICKETS_ADMIN_PASSWORD, or run "
            "tickets create-agent"
        )
        return False
    try:
        await services.accounts.create_agent(
            SYSTEM,
            name="Admin",
            email=settings.admin_email,
            password=settings.admin_password.get_secret_value(),
            role=Role.ADMIN,
        )
    except ValidationFailed:
        # A process that started at the same time may have been quicker.
        if await services.accounts.any_agent():
            return False
        raise
    log.info("made the first admin", email=settings.admin_email)
    return True


def _overrides(settings: Settings) -> dict[str, str]:
    """What the environment replaces of the default configuration."""
    values = {name: getattr(settings, name.lower()) for name in built_in()["environment"]}
    return {name: value for name, value in values.items() if value is not None}


def create_app(settings: Settings, *, database_uri: str, secret_key: str) -> Starlette:
    """The ASGI application. It connects when it starts, and serves only what is ready.

    Raises SettingsError for OpenTelemetry's variables, which are read here.
    """
    metrics = Metrics()
    traces = traces_from_environment()
    journal = Journal(metrics, traces)
    schema = Schema(
        OperationLimits(
            depth=settings.max_query_depth,
            aliases=settings.max_aliases,
            tokens=settings.max_tokens,
            cost=settings.max_cost,
        ),
        introspection=settings.allows_introspection,
        journal=journal,
    )
    database = Database(
        database_uri,
        settings.database_name,
        timeout_seconds=settings.database_timeout_seconds,
        on_connections=metrics.database_connections,
        on_calls=metrics.database_calls,
    )
    services = build_services(database, settings, secret_key=secret_key)
    housekeeping = _housekeeping(database, settings, services)
    channel, configuration = services.channel, services.configuration
    channel.listen(
        Topic.CONFIGURATION,
        lambda _: configuration.forget(),
        on_gap=lambda _: configuration.forget(),
    )
    channel.listen(Topic.TICKET_EVENTS, lambda change: _measure_delay(metrics, change))
    services.assistant.on_answer(lambda answer: _count_answer(metrics, answer))
    downloads = Downloads(
        attachments=services.attachments, sessions=services.sessions, rates=services.rates
    )
    streams = Streams(schema, journal, on_rendering=metrics.rendered)
    connections = Connections(
        total=settings.max_connections,
        per_address=settings.max_connections_per_address,
        per_identity=settings.max_connections_per_identity,
        on_change=metrics.connected,
    )
    endpoint = GraphQLEndpoint(
        schema,
        services,
        sockets=Sockets(
            schema=schema,
            services=services,
            streams=streams,
            connections=connections,
            limits=SocketLimits(
                init_seconds=settings.connection_init_timeout_seconds,
                ping_seconds=settings.ping_seconds,
                operations=settings.max_subscriptions_per_connection,
                frame_bytes=settings.max_frame_bytes,
            ),
        ),
        event_streams=EventStreams(
            services=services,
            streams=streams,
            connections=connections,
            ping_seconds=settings.ping_seconds,
        ),
        allowed_origins=settings.allowed_origins,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        await prepare(database, settings, services)
        database.refuse_replacement()
        await channel.start()
        following = asyncio.create_task(services.revisions.follow())
        keeping_house = asyncio.create_task(housekeeping.run())
        _spare_the_collector()
        try:
            yield
        finally:
            following.cancel()
            keeping_house.cancel()
            await channel.stop()
            await services.assistant.close()
            await database.close()
            if traces is not None:
                await asyncio.to_thread(traces.close)

    async def ready(_: Request) -> Response:
        began = time.monotonic()
        checks = {"feed": "follows the database" if channel.is_alive else "has lost the database"}
        is_ready = channel.is_alive
        try:
            await database.ping()
        except STORAGE_ERRORS as error:
            checks["database"] = f"does not answer: {type(error).__name__}"
            is_ready = False
        else:
            milliseconds = round((time.monotonic() - began) * 1000, 1)
            checks["database"] = f"answers in {milliseconds} ms"
            checks["configuration"] = "; ".join(await configuration.problems()) or "is sound"
        status = "ready" if is_ready else "unavailable"
        return JSONResponse({"status": status, "checks": checks}, 200 if is_ready else 503)

    return Starlette(
        routes=[
            Route("/graphql", endpoint),
            WebSocketRoute("/graphql", endpoint),
            Route("/mcp", McpEndpoint(schema, services)),
            Route(ATTACHMENT_PATH, downloads.serve),
            Route("/health/live", _live),
            Route("/health/ready", ready),
            Route("/metrics", _measured(metrics, settings)),
            graphiql_files(),
            dashboard_pages(),
        ],
        middleware=[
            Middleware(TraceRequests),
            Middleware(
                LimitBody,
                max_bytes=settings.max_body_bytes,
                max_form_bytes=settings.max_attachment_bytes + FORM_BYTES,
            ),
        ],
        exception_handlers={Exception: masked_failure},
        lifespan=lifespan,
    )


def from_environment() -> Starlette:
    """The application for an ASGI server: `uvicorn --factory graph.app:from_environment`.

    Needs TICKETS_MONGODB_URI and TICKETS_SECRET_KEY; raises SettingsError without them.
    """
    end_with_supervisor()
    settings = load_settings()
    configure_logs(settings)
    if settings.mongodb_uri is None or settings.secret_key is None:
        raise SettingsError("Set TICKETS_MONGODB_URI and TICKETS_SECRET_KEY, or use tickets serve.")
    return create_app(
        settings,
        database_uri=settings.mongodb_uri,
        secret_key=settings.secret_key.get_secret_value(),
    )


def _measured(metrics: Metrics, settings: Settings) -> Callable[[Request], Awaitable[Response]]:
    async def measured(request: Request) -> Response:
        token = settings.metrics_token
        if token is None and settings.production:
            return refusal(
                "Metrics are shown in production only with TICKETS_METRICS_TOKEN.",
                status=404,
                code=ProblemCode.NOT_CONFIGURED.value,
            )
        given = request.headers.get("authorization", "").encode()
        if token is not None and not hmac.compare_digest(
            given, f"Bearer {token.get_secret_value()}".encode()
        ):
            return refusal(
                "Metrics need Authorization: Bearer, with TICKETS_METRICS_TOKEN.",
                status=401,
                code=ProblemCode.UNAUTHENTICATED.value,
            )
        return Response(metrics.text(), media_type=MEDIA_TYPE)

    return measured


def _measure_delay(metrics: Metrics, change: Change) -> None:
    if change.document is not None:
        happened: datetime = change.document["occurred_at"]
        metrics.heard((utc_now() - happened).total_seconds())


def _count_answer(metrics: Metrics, answer: AssistantAnswer) -> None:
    usage = answer.usage
    metrics.answered(
        input_tokens=usage.input_tokens,
        cached_tokens=usage.cached_tokens,
        output_tokens=usage.output_tokens,
    )


def _spare_the_collector() -> None:
    """What a process has made when it starts it keeps: it need not be searched for garbage again.

    What a request leaves is searched for less often than Python would, since most of it is small
    and freed at once.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


async def _live(_: Request) -> Response:
    return JSONResponse({"status": "live"})
