"""What a model and its tools say to each other. `graph.assistant` defines and runs the tools."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bson import ObjectId

from domain.access import Actor
from domain.configuration import Configuration

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """As the model wrote it: `arguments` should be a JSON object, and may be anything.

    `call_id` is the provider's, unique within a conversation.
    """

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What the model is told: `output` is a JSON object, whatever happened."""

    call_id: str
    output: str


@dataclass(frozen=True, slots=True)
class Round:
    """One response of the model, complete.

    `items` are what it consists of, each as JSON: the next round's input goes on with them, the
    encrypted reasoning among them, since nothing is stored at the provider's. `text` is empty where
    it only calls tools.
    """

    items: list[str]
    calls: list[ToolCall]
    text: str
    is_refusal: bool
    model: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class ToolScope:
    """Whose matters a call is about; known from the caller, never from the model."""

    customer_id: ObjectId
    conversation_id: ObjectId | None


class RunTools(Protocol):
    async def __call__(
        self, actor: Actor, scope: ToolScope, calls: Sequence[ToolCall]
    ) -> list[ToolOutput]:
        """The output of each call, in order, each on its own.

        The caller has made sure that `scope` is one that the actor may speak for.
        """
        ...


# The definitions for the Responses API, as they are for a configuration.
DefineTools = Callable[[Configuration], list[JsonObject]]
