"""Who works here and with what keys: agents, sessions, API keys, and the actor of a write."""

from datetime import datetime
from typing import Annotated

import strawberry

from domain.access import Actor as DomainActor
from domain.access import Permission
from domain.sessions import Tokens
from graph.context import Info
from graph.enums import Role
from graph.errors import SimpleProblem, ValidationProblem
from graph.fields import OfModel, of_model
from graph.nodes import (
    After,
    Connection,
    First,
    Node,
    connection,
    decode_id,
    encode_id,
    window,
)
from persistence import models


@strawberry.type(description="A person who signs in and works on tickets.")
class Agent(OfModel, Node):
    name: str = of_model("As shown to colleagues; customers never see it.")
    email: str = of_model("Unique; in lower case.")
    role: Role = of_model("What they may see and do.")
    is_active: bool = of_model("False: signed out for good; their history stays.")
    model: strawberry.Private[models.Agent]

    @classmethod
    def from_model(cls, agent: models.Agent) -> "Agent":
        return cls(key=agent.id, model=agent)


@strawberry.type(description="Who did something, as they were called then.")
class Actor:
    kind: str = strawberry.field(
        description="`AGENT`, `BOT`, `CUSTOMER` or `SYSTEM` (the installation itself)."
    )
    ref: strawberry.Private[models.ActorRef]

    @strawberry.field(
        description="Their name then. To a bot, every agent is called by the configured noun."
    )
    async def name(self, info: Info) -> str:
        if self.ref.kind is models.ActorKind.AGENT and not _may_know_agents(info):
            return (await info.context.configuration()).terminology.agent_noun
        return self.ref.name

    @strawberry.field(description="The agent, where it was one and the viewer may know.")
    async def agent(self, info: Info) -> Agent | None:
        if self.ref.kind is not models.ActorKind.AGENT or self.ref.key is None:
            return None
        agent = await info.context.loaders.agents.load(self.ref.key)
        return Agent.from_model(agent) if agent else None

    @classmethod
    def from_model(cls, ref: models.ActorRef) -> "Actor":
        return cls(kind=ref.kind.value, ref=ref)


def _may_know_agents(info: Info) -> bool:
    return info.context.actor.may(Permission.READ_AGENTS)


@strawberry.type(description="Whoever's credentials the request carries.")
class Viewer:
    id: strawberry.ID = strawberry.field(description="The id of the agent or of the API key.")
    name: str = strawberry.field(description="The agent's name or the API key's.")
    role: Role = strawberry.field(description="What the viewer may see and do.")
    permissions: list[str] = strawberry.field(
        description="What the role permits, as in `tickets:work`; sorted."
    )

    @classmethod
    def from_actor(cls, actor: DomainActor) -> "Viewer":
        assert actor.key is not None, "nobody signs in as the system"
        return cls(
            id=encode_id("ApiKey" if actor.is_bot else "Agent", actor.key),
            name=actor.name,
            role=actor.role,
            permissions=sorted(actor.permissions),
        )


@strawberry.type(description="A key with which a bot acts.")
class ApiKey:
    id: strawberry.ID = strawberry.field(description="For `revokeApiKey`.")
    name: str = strawberry.field(description="What the key is for; recorded on what it writes.")
    prefix: str = strawberry.field(
        description="The beginning of the secret, by which to recognise it."
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    expires_at: datetime | None = strawberry.field(description="When it stops working, if ever.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked, if it was.")
    last_used_at: datetime | None = strawberry.field(
        description="Its last use, to the minute; null before the first."
    )

    @classmethod
    def from_model(cls, key: models.ApiKey) -> "ApiKey":
        return cls(
            id=encode_id("ApiKey", key.id),
            name=key.name,
            prefix=key.prefix,
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            last_used_at=key.last_used_at,
        )


# ---- outcomes ------------------------------------------------------------------------------


@strawberry.type(description="A session has begun or goes on.")
class LoginPayload:
    access_token: str = strawberry.field(
        description="Send as `Authorization: Bearer …`; lasts minutes, see `expiresAt`."
    )
    expires_at: datetime = strawberry.field(description="When the access token stops working.")
    refresh_token: str = strawberry.field(
        description="For `refreshSession`, once. Presenting it twice ends the session."
    )
    viewer: Viewer = strawberry.field(description="Who signed in.")

    @classmethod
    def from_tokens(cls, tokens: Tokens) -> "LoginPayload":
        return cls(
            access_token=tokens.access_token,
            expires_at=tokens.expires_at,
            refresh_token=tokens.refresh_token,
            viewer=Viewer.from_actor(DomainActor.agent(tokens.agent)),
        )


LoginResult = Annotated[
    LoginPayload | ValidationProblem | SimpleProblem,
    strawberry.union("LoginResult", description="A session, or why there is none."),
]


@strawberry.type(description="The session has ended.")
class LogoutPayload:
    ended: bool = strawberry.field(
        description="False for an API key, which has no session: revoke it instead."
    )


LogoutResult = Annotated[
    LogoutPayload | SimpleProblem,
    strawberry.union("LogoutResult", description="The session's end, or why it goes on."),
]


@strawberry.type(description="The agent as they now are.")
class AgentPayload:
    agent: Agent = strawberry.field(description="The agent.")


AgentResult = Annotated[
    AgentPayload | ValidationProblem | SimpleProblem,
    strawberry.union("AgentResult", description="The agent, or why nothing was changed."),
]


@strawberry.type(description="The API key as it now is.")
class ApiKeyPayload:
    api_key: ApiKey = strawberry.field(description="The key.")
    secret: str | None = strawberry.field(
        description="What the bot sends as its bearer token. Shown on creation and never again."
    )


ApiKeyResult = Annotated[
    ApiKeyPayload | ValidationProblem | SimpleProblem,
    strawberry.union("ApiKeyResult", description="The API key, or why nothing was changed."),
]


# ---- inputs --------------------------------------------------------------------------------


@strawberry.input(description="Who signs in.")
class LoginInput:
    email: str = strawberry.field(description="The account's address, in any case.")
    password: str = strawberry.field(description="The account's password.")


@strawberry.input(description="Which session goes on.")
class RefreshSessionInput:
    refresh_token: str = strawberry.field(description="The last one that was given.")


@strawberry.input(description="A new account.")
class CreateAgentInput:
    name: str = strawberry.field(description="1 to 200 characters.")
    email: str = strawberry.field(description="Unique among accounts, in any case.")
    password: str = strawberry.field(description="10 to 200 characters.")
    role: Role = strawberry.field(description="`ADMIN`, `SUPERVISOR` or `AGENT`.")


@strawberry.input(description="What changes of an account; what is left out stays.")
class UpdateAgentInput:
    id: strawberry.ID = strawberry.field(description="The agent.")
    name: str | None = strawberry.field(default=None, description="1 to 200 characters.")
    role: Role | None = strawberry.field(
        default=None, description="`ADMIN`, `SUPERVISOR` or `AGENT`."
    )
    is_active: bool | None = strawberry.field(
        default=None, description="False signs them out everywhere and keeps their history."
    )
    password: str | None = strawberry.field(
        default=None, description="10 to 200 characters; signs them out everywhere."
    )


@strawberry.input(description="A new key for a bot.")
class CreateApiKeyInput:
    name: str = strawberry.field(description="What it is for, 1 to 200 characters.")
    expires_at: datetime | None = strawberry.field(
        default=None, description="When it stops working; without it, when it is revoked."
    )


# ---- root fields ---------------------------------------------------------------------------


@strawberry.type
class AccountQueries:
    @strawberry.field(description="Whoever asks; null without credentials.")
    def viewer(self, info: Info) -> Viewer | None:
        return None if info.context.is_anonymous else Viewer.from_actor(info.context.actor)

    @strawberry.field(description="The people who work here, by name. Not for bots.")
    async def agents(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        active_only: Annotated[
            bool | None,
            strawberry.argument(description="False lists those who have been deactivated too."),
        ] = True,
    ) -> Connection[Agent]:
        accounts, actor = info.context.services.accounts, info.context.actor
        only_active = active_only is not False
        page = await accounts.agents_page(
            actor, window("agents", first=first, after=after), active_only=only_active
        )
        return connection(
            "agents",
            page,
            node=Agent.from_model,
            count=lambda: accounts.count_agents(actor, active_only=only_active),
        )

    @strawberry.field(description="The keys of bots, newest first, revoked ones too. Admins only.")
    async def api_keys(
        self, info: Info, first: First = 20, after: After = None
    ) -> Connection[ApiKey]:
        accounts, actor = info.context.services.accounts, info.context.actor
        page = await accounts.api_keys_page(actor, window("apiKeys", first=first, after=after))
        return connection(
            "apiKeys",
            page,
            node=ApiKey.from_model,
            count=lambda: accounts.count_api_keys(actor),
        )


@strawberry.type
class AccountMutations:
    @strawberry.mutation(
        description="Begins a session. Needs no credentials. Problems: UNAUTHENTICATED, in the "
        "same words whether the address or the password is wrong; RATE_LIMITED for who tries too "
        "often; VALIDATION. Emits no event."
    )
    async def login(self, info: Info, input: LoginInput) -> LoginResult:
        tokens = await info.context.services.sessions.login(
            input.email, input.password, address=info.context.address
        )
        return LoginPayload.from_tokens(tokens)

    @strawberry.mutation(
        description="Exchanges a refresh token for a new pair of tokens. Needs no other "
        "credentials. Problems: UNAUTHENTICATED, and the session ends, where the token was used "
        "before. Emits no event."
    )
    async def refresh_session(self, info: Info, input: RefreshSessionInput) -> LoginResult:
        tokens = await info.context.services.sessions.refresh(input.refresh_token)
        return LoginPayload.from_tokens(tokens)

    @strawberry.mutation(
        description="Ends the session of the access token that the request carries; its refresh "
        "token stops working too. Problems: UNAUTHENTICATED. Emits no event."
    )
    async def logout(self, info: Info) -> LogoutResult:
        identity = info.context.identity
        await info.context.services.sessions.logout(identity)
        return LogoutPayload(ended=identity.session_id is not None)

    @strawberry.mutation(
        description="Makes an account. Admins only. Problems: VALIDATION (also an address that "
        "has an account), FORBIDDEN. Emits no event."
    )
    async def create_agent(self, info: Info, input: CreateAgentInput) -> AgentResult:
        agent = await info.context.services.accounts.create_agent(
            info.context.actor,
            name=input.name,
            email=input.email,
            password=input.password,
            role=input.role,
        )
        return AgentPayload(agent=Agent.from_model(agent))

    @strawberry.mutation(
        description="Changes an account. Deactivating it, or setting a password, signs it out "
        "everywhere. Admins only. Problems: VALIDATION, NOT_FOUND, FORBIDDEN (also for the last "
        "active admin's role). Emits no event."
    )
    async def update_agent(self, info: Info, input: UpdateAgentInput) -> AgentResult:
        agent = await info.context.services.accounts.update_agent(
            info.context.actor,
            decode_id("Agent", input.id, "id"),
            name=input.name,
            role=input.role,
            is_active=input.is_active,
            password=input.password,
        )
        return AgentPayload(agent=Agent.from_model(agent))

    @strawberry.mutation(
        description="Makes a key for a bot and shows its secret, once. Admins only. Problems: "
        "VALIDATION, FORBIDDEN. Emits no event."
    )
    async def create_api_key(self, info: Info, input: CreateApiKeyInput) -> ApiKeyResult:
        api_key, secret = await info.context.services.accounts.create_api_key(
            info.context.actor, name=input.name, expires_at=input.expires_at
        )
        return ApiKeyPayload(api_key=ApiKey.from_model(api_key), secret=secret)

    @strawberry.mutation(
        description="Ends a key for good; revoking it again changes nothing. Admins only. "
        "Problems: VALIDATION, NOT_FOUND, FORBIDDEN. Emits no event."
    )
    async def revoke_api_key(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The key.")],
    ) -> ApiKeyResult:
        api_key = await info.context.services.accounts.revoke_api_key(
            info.context.actor, decode_id("ApiKey", id, "id")
        )
        return ApiKeyPayload(api_key=ApiKey.from_model(api_key), secret=None)
