"""Every setting, read from the environment once, when the process starts."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import limits
import phonenumbers
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.media_types import KNOWN_TYPES
from persistence.database import TIMEOUT_SECONDS


class SettingsError(Exception):
    """A setting is wrong or missing; the message names the variable and says what to do."""


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        raise ValueError("must be an IANA time zone, as in America/Mexico_City") from None
    return name


def _region(name: str) -> str:
    if name not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("must be an ISO 3166-1 region, as in MX")
    return name


def _media_types(names: list[str]) -> list[str]:
    if unknown := set(names) - set(KNOWN_TYPES):
        raise ValueError(f"cannot tell {', '.join(unknown)}; known are {', '.join(KNOWN_TYPES)}")
    return names


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        return [each.strip() for each in value.split(",") if each.strip()]
    return value


def _nothing(value: Any) -> Any:
    """An empty variable is one that is not set: compose files and shells leave such behind."""
    return None if value == "" else value


def _rate(text: str) -> str:
    try:
        (rate,) = limits.parse_many(text)
    except ValueError:
        rate = None
    if rate is None or rate.amount < 1:
        raise ValueError("must be one number, from 1, and a time, as in 100 per 15 minutes")
    return text


Rate = Annotated[str, AfterValidator(_rate)]
Secret = Annotated[SecretStr | None, BeforeValidator(_nothing)]
Text = Annotated[str | None, BeforeValidator(_nothing)]


class Settings(BaseSettings):
    """The names are those of the environment without `TICKETS_`, unless an alias is given."""

    model_config = SettingsConfigDict(
        env_prefix="TICKETS_", populate_by_name=True, frozen=True, hide_input_in_errors=True
    )

    # Where things are
    data_dir: Path = Field(
        Path("data"), description="Where the embedded database, secrets and its log are kept."
    )
    mongodb_uri: Text = Field(
        None, description="A MongoDB 7.0+ replica set; without it, the embedded database."
    )
    database_name: str = Field("tickets", min_length=1, description="The database's name.")
    database_timeout_seconds: float = Field(
        TIMEOUT_SECONDS,
        gt=0,
        description="How long a database that is away is looked for, in seconds, before requests "
        "are refused at once; one that is there may take four times that to answer.",
    )
    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="The port to listen on.")
    workers: int = Field(1, ge=1, le=64, description="How many server processes.")
    production: bool = Field(
        False,
        description="Whether to refuse to start with what is fit for trying out alone: a weak "
        "secret, a guessable password, debugging lines.",
    )

    secrets_dir: Annotated[Path | None, BeforeValidator(_nothing)] = Field(
        None,
        description="A directory with a file for each setting that is not to be in the "
        "environment, named as the variable: tickets_secret_key, openai_api_key.",
    )

    # The business
    time_zone: Annotated[str, AfterValidator(_time_zone)] = Field(
        "America/Mexico_City",
        description="The business's IANA time zone: years in numbers, days in statistics.",
    )
    phone_region: Annotated[str, AfterValidator(_region)] = Field(
        "MX", description="The country of phone numbers written without one, ISO 3166-1."
    )

    # The life of the data
    event_retention_days: Annotated[int | None, BeforeValidator(_nothing)] = Field(
        None,
        ge=1,
        description="After how many days a ticket that is CLOSED and left alone loses the events "
        "that did not change its status; without it, never.",
    )

    # Access
    secret_key: Secret = Field(
        None,
        description="Signs access tokens and cursors: 32 random bytes or more, the same in every "
        "process. Beside an embedded database it is made and kept in the data directory.",
    )
    admin_email: Text = Field(None, description="The first admin's address, where there is none.")
    admin_password: Secret = Field(None, description="The first admin's password.")
    access_token_minutes: int = Field(
        15, ge=1, le=1440, description="How many minutes an access token lasts."
    )
    refresh_token_days: int = Field(
        30, ge=1, le=365, description="How many days a session lasts that is not used."
    )
    allowed_origins: Annotated[list[str], NoDecode, BeforeValidator(_listed)] = Field(
        default=[],
        description="Other origins whose pages may open WebSockets, separated by commas.",
    )
    introspection: bool | None = Field(
        None,
        description="Whether the schema may be asked for. Unless told, it may, but not in "
        "production.",
    )

    # Logs and figures
    metrics_token: Secret = Field(
        None,
        description="What Prometheus is to send as `Authorization: Bearer` to read /metrics. "
        "Without it anybody may, but nobody in production.",
    )
    log_format: Literal["console", "json"] = Field("console", description="How logs are written.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least serious lines to write."
    )

    # Limits
    login_rate: Rate = Field(
        "10 per 15 minutes",
        description="Attempts to sign in to one account from one address.",
    )
    login_rate_per_account: Rate = Field(
        "50 per hour",
        description="Attempts to sign in to one account from all addresses from which it was not "
        "signed in to in the last 90 days.",
    )
    login_rate_per_address: Rate = Field(
        "100 per 15 minutes", description="Attempts to sign in from one address."
    )
    request_rate_per_account: Rate = Field(
        "3000 per minute", description="Requests of one account, of all processes together."
    )
    request_rate_per_key: Rate = Field(
        "6000 per minute", description="Requests with one API key, of all processes together."
    )
    request_rate_per_address: Rate = Field(
        "600 per minute",
        description="Requests from one address by nobody who is signed in, of all processes "
        "together.",
    )
    max_body_bytes: int = Field(1_000_000, ge=1_000, description="A request body, in bytes.")
    max_attachment_bytes: int = Field(
        10_000_000, ge=1_000, description="A file that is attached to a ticket, in bytes."
    )
    attachment_types: Annotated[
        list[str], NoDecode, BeforeValidator(_listed), AfterValidator(_media_types)
    ] = Field(
        default=list(KNOWN_TYPES),
        description="Which files may be attached, by what is in them, separated by commas.",
    )
    max_frame_bytes: int = Field(128_000, ge=1_000, description="A WebSocket frame, in bytes.")
    max_query_depth: int = Field(15, ge=5, description="How deep fields may nest.")
    max_aliases: int = Field(50, ge=0, description="How many aliases an operation may use.")
    max_tokens: int = Field(4_000, ge=100, description="How many tokens a document may have.")
    max_cost: int = Field(20_000, ge=100, description="How many rows an operation may ask for.")
    max_connections: int = Field(2_000, ge=1, description="WebSockets and streams per process.")
    max_connections_per_address: int = Field(
        1_000, ge=1, description="WebSockets and streams per client address and process."
    )
    max_connections_per_identity: int = Field(
        200, ge=1, description="WebSockets and streams per account or API key and process."
    )
    max_subscriptions_per_connection: int = Field(
        50, ge=1, description="Subscriptions on one WebSocket."
    )
    feed_log_events: int = Field(
        1_000,
        ge=10,
        description="How many events a process keeps, some 10 kB each: how far a reader may lag "
        "behind, and a client resume without a query.",
    )
    ping_seconds: float = Field(
        20.0,
        gt=0,
        description="How often a stream's client is asked for a sign of life, and how long it may "
        "take before it is cut off, in seconds.",
    )
    connection_init_timeout_seconds: float = Field(
        5.0, gt=0, description="How long a WebSocket may take to send connection_init, in seconds."
    )

    # The configuration
    configuration_cache_seconds: float = Field(
        300.0,
        gt=0,
        description="For how long a process goes without looking for changes of the configuration "
        "that it was not told of, in seconds.",
    )

    # The first configuration, when the database is empty
    ticket_prefix: Text = Field(
        None, validation_alias="TICKET_PREFIX", description="First start: prefix of numbers."
    )
    assistant_name: Text = Field(
        None, validation_alias="ASSISTANT_NAME", description="First start: the assistant's name."
    )
    company_name: Text = Field(
        None, validation_alias="COMPANY_NAME", description="First start: the company's name."
    )
    primary_service_issue: Text = Field(
        None,
        validation_alias="PRIMARY_SERVICE_ISSUE",
        description="First start: what customers mostly report.",
    )
    ticket_noun: Text = Field(
        None, validation_alias="TICKET_NOUN", description="First start: what a ticket is called."
    )

    # The model provider
    openai_api_key: Secret = Field(
        None, validation_alias="OPENAI_API_KEY", description="Without it the assistant is off."
    )
    openai_base_url: Text = Field(
        None,
        validation_alias="OPENAI_BASE_URL",
        description="Another server that speaks the Responses API.",
    )
    openai_model: str = Field(
        "gpt-5-mini", validation_alias="OPENAI_MODEL", description="The model that answers."
    )
    openai_agent_id: Text = Field(
        None, validation_alias="OPENAI_AGENT_ID", description="A hosted agent to keep in step."
    )
    assistant_answer_seconds: float = Field(
        60.0, gt=0, le=60, description="How long the assistant may take for an answer, in seconds."
    )
    assistant_failures: int = Field(
        3,
        ge=1,
        description="After how many failures in a row a person is to go on in a conversation.",
    )
    assistant_auto_sync: bool = Field(
        True, description="Whether the assistant follows every change of the configuration."
    )

    @property
    def allows_introspection(self) -> bool:
        return not self.production if self.introspection is None else self.introspection

    def unsafe(self) -> list[str]:
        """What must not be so in production, each with what to do."""
        faults: list[str] = []
        if self.secret_key is not None and is_weak(self.secret_key.get_secret_value()):
            faults.append(
                f"TICKETS_SECRET_KEY: must be {SECRET_BYTES} random bytes or more, as from openssl "
                "rand -base64 32"
            )
        if self.admin_password is not None and is_weak(
            self.admin_password.get_secret_value(), length=ADMIN_PASSWORD_CHARACTERS
        ):
            faults.append(
                "TICKETS_ADMIN_PASSWORD: must be long and not to be guessed: "
                f"{ADMIN_PASSWORD_CHARACTERS} characters or more, as from openssl rand -base64 18"
            )
        if "*" in self.allowed_origins:
            faults.append("TICKETS_ALLOWED_ORIGINS: must name origins, as in https://example.com")
        if self.log_level == "debug":
            faults.append("TICKETS_LOG_LEVEL: must be info or higher")
        return faults


# As many as the signature HMAC-SHA256 makes use of.
SECRET_BYTES = 32
ADMIN_PASSWORD_CHARACTERS = 16
# Random text of that length has more; a word that is repeated or padded has fewer.
_DIFFERENT_CHARACTERS = 8


def is_weak(secret: str, *, length: int = SECRET_BYTES) -> bool:
    return len(secret.encode()) < length or len(set(secret)) < _DIFFERENT_CHARACTERS


def load_settings() -> Settings:
    """The settings of this process's environment, and of the files beside it.

    Raises SettingsError for those that are wrong, and in production for those that are not safe.
    """
    secrets_dir = os.environ.get("TICKETS_SECRETS_DIR") or None
    if secrets_dir is not None and not Path(secrets_dir).is_dir():
        raise SettingsError(f"TICKETS_SECRETS_DIR: {secrets_dir} is not a directory")
    try:
        # Every field comes from the environment, and the keyword is the library's.
        settings = Settings(_secrets_dir=secrets_dir)  # pyright: ignore[reportCallIssue]
    except ValidationError as error:
        faults = [f"{_variable(fault['loc'])}: {fault['msg']}" for fault in error.errors()]
        raise SettingsError("; ".join(faults)) from None
    if settings.production and (faults := settings.unsafe()):
        raise SettingsError("Not fit for production. " + "; ".join(faults) + ".")
    return settings


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0])
    return name if name.isupper() else f"TICKETS_{name.upper()}"


def settings_table() -> str:
    """Every setting with its default and meaning, as a Markdown table; the README holds it."""
    rows = ["| variable | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        variable = field.validation_alias or f"TICKETS_{name.upper()}"
        value: Any = field.default
        if isinstance(value, list):
            value = ",".join(cast("list[str]", value))
        default = "" if value in (None, "") else f"`{value}`"
        rows.append(f"| `{variable}` | {default} | {field.description} |")
    return "\n".join(rows)
