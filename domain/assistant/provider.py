"""The model's provider, through the official SDK. Nothing else speaks to it."""

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final, cast

import openai
import orjson
import structlog
from openai.types.beta.agent import Agent as ProviderAgent
from openai.types.responses import Response, ResponseOutputItem

from domain.assistant.exchange import JsonObject, Round, ToolCall
from domain.errors import DomainError, RateLimited, Upstream

log = structlog.stdlib.get_logger("tickets.assistant")

# The SDK's own defaults are ten minutes and two retries, which makes half an hour of one answer.
CONNECT_SECONDS: Final = 5.0
RETRIES: Final = 1
# Of one round, the model's reasoning included: room for any answer that fits a chat.
MAX_OUTPUT_TOKENS: Final = 8_000


class Provider:
    """Raises Upstream for whatever the provider does wrong, RateLimited where it asks for less.

    Messages name statuses and codes, and never what was said.
    """

    def __init__(
        self, *, api_key: str, base_url: str | None, model: str, timeout_seconds: float
    ) -> None:
        self.model = model
        self._client = openai.AsyncOpenAI(
            api_key=api_key,
            base_url=base_url,
            timeout=openai.Timeout(timeout_seconds, connect=CONNECT_SECONDS),
            max_retries=RETRIES,
        )

    async def respond(
        self,
        *,
        instructions: str,
        tools: Sequence[JsonObject],
        items: Sequence[JsonObject],
        safety_identifier: str,
        cache_key: str,
    ) -> AsyncGenerator[str | Round]:
        """The pieces of text as they are written, and at last the whole.

        Where the stream ends before the response is complete, Upstream is raised: `create` itself
        ends in silence, and the SDK's `stream` helper, which does not, parses the arguments of
        strict tools and fails over malformed ones, which the model should be told of instead.
        """
        with _errors_translated():
            stream = await self._client.responses.create(
                model=self.model,
                instructions=instructions,
                input=cast("Any", list(items)),
                tools=cast("Any", list(tools)),
                # Conversations stay here; the provider keeps none of them.
                store=False,
                include=["reasoning.encrypted_content"],
                safety_identifier=safety_identifier,
                prompt_cache_key=cache_key,
                max_output_tokens=MAX_OUTPUT_TOKENS,
                stream=True,
            )
            finished: list[ResponseOutputItem] = []
            async with stream:
                async for event in stream:
                    match event.type:
                        case "response.output_text.delta":
                            yield _text(event.delta)
                        case "response.output_item.done":
                            finished.append(event.item)
                        case "response.completed":
                            yield _round(event.response, finished)
                            return
                        case "response.failed" | "response.incomplete":
                            raise _unfinished(event.response)
                        case "error":
                            raise _failure(event.code)
                        case _:
                            pass
        raise Upstream("The model's answer was cut off.")

    async def update_agent(
        self, agent_id: str, *, instructions: str, tools: Sequence[JsonObject], revision: str
    ) -> str | None:
        """Brings a hosted agent in step and reads it back; what differs then, None for nothing."""
        functions = [
            {key: tool[key] for key in ("type", "name", "description", "parameters")}
            for tool in tools
        ]
        wanted = (instructions, functions, revision)
        agents = self._client.beta.agents
        with _errors_translated():
            before = await agents.retrieve(agent_id)
            await agents.update(
                agent_id,
                instructions=instructions,
                tools=cast("Any", functions),
                # All metadata is replaced; what others have put there stays.
                metadata={**(before.metadata or {}), "revision": revision},
            )
            found = _facts(await agents.retrieve(agent_id))
        names = ("instructions", "tools", "revision")
        different = [
            name for name, ours, theirs in zip(names, wanted, found, strict=True) if ours != theirs
        ]
        return f"the agent reads back with other {', '.join(different)}" if different else None

    async def close(self) -> None:
        await self._client.close()


def _facts(agent: ProviderAgent) -> tuple[str | None, list[JsonObject], str | None]:
    functions = [
        {key: tool.to_dict()[key] for key in ("type", "name", "description", "parameters")}
        for tool in agent.tools
        if tool.type == "function"
    ]
    return agent.instructions, functions, agent.metadata.get("revision")


def _round(response: Response, finished: list[ResponseOutputItem]) -> Round:
    """Raises anything for a response that is not one: the SDK does not validate what it builds."""
    output = response.output or finished
    texts: list[str] = []
    is_refusal = False
    calls: list[ToolCall] = []
    for item in output:
        if item.type == "function_call":
            calls.append(ToolCall(_text(item.call_id), _text(item.name), _text(item.arguments)))
        elif item.type == "message" and item.phase != "commentary":
            for content in item.content:
                if content.type == "output_text":
                    texts.append(_text(content.text))
                else:
                    is_refusal = True
    usage = response.usage
    details = getattr(usage, "input_tokens_details", None)
    return Round(
        # Nulls are answered with, and refused when sent back.
        items=[orjson.dumps(item.to_dict(exclude_none=True)).decode() for item in output],
        calls=calls,
        text="\n\n".join(text for text in texts if text.strip()),
        is_refusal=is_refusal,
        model=_text(response.model),
        input_tokens=_count(usage, "input_tokens"),
        cached_tokens=_count(details, "cached_tokens"),
        output_tokens=_count(usage, "output_tokens"),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} stands where a text should")
    return value


def _count(usage: object, name: str) -> int:
    """0 where a server does not count."""
    value = getattr(usage, name, None)
    return value if isinstance(value, int) else 0


def _unfinished(response: Response) -> DomainError:
    if response.error is not None:
        return _failure(response.error.code)
    reason = response.incomplete_details and response.incomplete_details.reason
    return Upstream(f"The model did not finish its answer: {reason or 'no reason given'}.")


def _failure(code: str | None) -> DomainError:
    if code == "rate_limit_exceeded":
        return RateLimited("The model's provider asks for less; try again in a moment.")
    return Upstream(f"The model's provider failed while it answered: {code or 'no code given'}.")


@contextmanager
def _errors_translated() -> Generator[None]:
    try:
        yield
    except openai.RateLimitError as error:
        _warn(error)
        raise RateLimited("The model's provider asks for less; try again in a moment.") from error
    except openai.APITimeoutError as error:
        _warn(error)
        raise Upstream("The model's provider did not answer in time.") from error
    except openai.APIConnectionError as error:
        _warn(error)
        raise Upstream("The model's provider cannot be reached, or hung up.") from error
    except openai.APIStatusError as error:
        _warn(error)
        code = f" ({error.code})" if error.code else ""
        raise Upstream(f"The model's provider answered HTTP {error.status_code}{code}.") from error
    except (
        openai.OpenAIError,
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        # Whatever reading an answer that breaks the protocol leads to.
        _warn(error)
        raise Upstream("The model's provider answered in a way that makes no sense.") from error


def _warn(error: Exception) -> None:
    """Without the error's text, in which a provider may quote what it was asked."""
    request_id = getattr(error, "request_id", None)
    log.warning("the provider failed", error=type(error).__name__, provider_request=request_id)
