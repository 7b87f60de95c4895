"""A server that speaks as much of OpenAI's API as the assistant uses, and says what a test scripts.

The real SDK talks to it over real HTTP. It is as strict as the real one about what it is sent: an
input whose tool calls and outputs do not pair, or a tool that is not strict, is refused. Each
request for a response takes the next step of the script.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from graph.assistant.strict import strict_faults

Json = dict[str, Any]


# ---- steps of a script ---------------------------------------------------------------------


@dataclass(frozen=True)
class Say:
    """Text in pieces. At `pause` the test decides when the second half is said."""

    text: str
    pause: asyncio.Event | None = field(default=None, repr=False)
    began: asyncio.Event = field(default_factory=asyncio.Event, repr=False)


@dataclass(frozen=True)
class Call:
    """One tool call; `Calls` for several at once. `arguments` as text are sent as they are."""

    name: str
    arguments: Json | str
    call_id: str = "call_1"
    preamble: Say | None = None


@dataclass(frozen=True)
class Calls:
    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Refuse:
    """The model will not."""


@dataclass(frozen=True)
class Status:
    """An HTTP error instead of an answer."""

    code: int
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Fail:
    """`response.failed` with that code, after some text."""

    code: str


@dataclass(frozen=True)
class Incomplete:
    """`response.incomplete` for that reason, after some text."""

    reason: str


@dataclass(frozen=True)
class Hang:
    """The request is taken, and nothing comes until the client gives up."""

    began: asyncio.Event = field(default_factory=asyncio.Event, repr=False)


@dataclass(frozen=True)
class Cut:
    """The connection breaks after some text; `silently`, the stream ends as if it were whole."""

    silently: bool = False


@dataclass(frozen=True)
class Babble:
    """Something that is no event of the protocol."""

    data: str


Step = Say | Call | Calls | Refuse | Status | Fail | Incomplete | Hang | Cut | Babble
# A step that depends on what the model was asked.
Decide = Callable[[Json], Step]


class OutOfScript(AssertionError):
    pass


class ResponsesServer:
    """`script` is what is said to the next requests, `requests` what was asked so far."""

    def __init__(self) -> None:
        self.script: list[Step | Decide] = []
        # Said whenever the script has ended; None: the request is refused.
        self.otherwise: Step | None = None
        self.requests: list[Json] = []
        self.agents: dict[str, Json] = {}
        self.agents_fail = False
        # What an agent reads back as, whatever it was updated to.
        self.agents_insist: Json = {}
        self.agent_updates: asyncio.Queue[Json] = asyncio.Queue()
        self._server: asyncio.Server | None = None
        self._numbers = iter(range(1, 1_000_000))

    def will(self, *steps: Step | Decide, otherwise: Step | None = None) -> None:
        """Sets the script anew and forgets earlier requests."""
        self.script, self.otherwise, self.requests = list(steps), otherwise, []

    @property
    def url(self) -> str:
        assert self._server is not None, "the server runs"
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}/v1"

    @property
    def last(self) -> Json:
        return self.requests[-1]

    # ---- HTTP ------------------------------------------------------------------------------

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)

    @asynccontextmanager
    async def away(self) -> AsyncGenerator[None]:
        """Nobody listens at its address."""
        assert self._server is not None, "the server runs"
        port: int = self._server.sockets[0].getsockname()[1]
        await self.stop()
        try:
            yield
        finally:
            await self.start(port)

    async def stop(self) -> None:
        assert self._server is not None, "the server runs"
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            method, path, _ = head[0].split(" ")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            content = await reader.readexactly(int(headers.get("content-length", 0)))
            body: Json = json.loads(content) if content else {}
            if path == "/v1/responses":
                await self._respond(body, reader, writer)
            else:
                self._serve_agent(method, path.rsplit("/", 1)[-1], body, writer)
            await writer.drain()
        writer.close()

    async def _respond(
        self, body: Json, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.requests.append(body)
        if faults := list(faults_of(body)):
            _write_json(writer, 400, _error("invalid_request_error", "; ".join(faults)))
            return
        step = self._next(body)
        if isinstance(step, Status):
            _write_json(writer, step.code, _error("scripted", "as scripted"), step.headers)
        elif isinstance(step, Hang):
            step.began.set()
            # Until the client hangs up.
            await reader.read()
        elif body.get("stream"):
            await self._stream(step, body, writer)
        else:
            events = _Speech(f"resp_{next(self._numbers)}", body).events(step)
            _write_json(writer, 200, [event async for event in events][-1]["response"])

    def _next(self, body: Json) -> Step:
        if not self.script:
            return self.otherwise or Status(418)
        step = self.script.pop(0)
        return step(body) if callable(step) else step

    async def _stream(self, step: Step, body: Json, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        )
        if isinstance(step, Babble):
            _write_chunk(writer, f"data: {step.data}\n\n".encode())
        else:
            speech = _Speech(f"resp_{next(self._numbers)}", body)
            async for event in speech.events(step):
                data = json.dumps(event)
                _write_chunk(writer, f"event: {event['type']}\ndata: {data}\n\n".encode())
                await writer.drain()
            if isinstance(step, Cut) and not step.silently:
                writer.transport.abort()
                return
        writer.write(b"0\r\n\r\n")

    # ---- hosted agents ---------------------------------------------------------------------

    def _serve_agent(
        self, method: str, agent_id: str, body: Json, writer: asyncio.StreamWriter
    ) -> None:
        if self.agents_fail or agent_id not in self.agents:
            _write_json(writer, 404, _error("not_found", "No such agent."))
            return
        if method == "POST":
            self.agents[agent_id] |= body
            self.agent_updates.put_nowait(body)
        agent = self.agents[agent_id] | self.agents_insist
        _write_json(writer, 200, {"id": agent_id, "object": "agent", **agent})


@asynccontextmanager
async def running_responses_server() -> AsyncGenerator[ResponsesServer]:
    server = ResponsesServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def _write_json(
    writer: asyncio.StreamWriter, status: int, body: Json, headers: dict[str, str] | None = None
) -> None:
    content = json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status} Scripted",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def _write_chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def _error(code: str, message: str) -> Json:
    return {"error": {"message": message, "type": code, "param": None, "code": code}}


# ---- what the real one would refuse --------------------------------------------------------


def faults_of(body: Json) -> Iterator[str]:
    if body.get("store") is not False:
        yield "store must be false here: nothing may stay at the provider's"
    if "previous_response_id" in body:
        yield "what was not stored cannot be gone on from"
    for tool in body.get("tools", []):
        yield from strict_faults(tool["parameters"])
        if tool.get("strict") is not True:
            yield f"{tool['name']} is not strict"
    yield from _pairing_faults(body["input"])
    for item in body["input"]:
        if not _NEEDED[item.get("type", "message")] <= item.keys():
            yield f"no input item: {item}"


_NEEDED = {
    "message": {"role", "content"},
    "reasoning": {"id", "summary", "encrypted_content"},
    "function_call": {"call_id", "name", "arguments"},
    "function_call_output": {"call_id", "output"},
}


def _pairing_faults(items: list[Json]) -> Iterator[str]:
    called: list[str] = []
    for item in items:
        if item.get("type") == "function_call":
            called.append(item["call_id"])
        elif item.get("type") == "function_call_output":
            if item["call_id"] not in called:
                yield f"No tool call found for function call output {item['call_id']}"
            called = [each for each in called if each != item["call_id"]]
    for call_id in called:
        yield f"No tool output found for function call {call_id}"


# ---- what the real one would say -----------------------------------------------------------

USAGE: Json = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 0},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 120,
}


class _Speech:
    """The events of one response."""

    def __init__(self, response_id: str, body: Json) -> None:
        self._response: Json = {
            "id": response_id,
            "object": "response",
            "created_at": 1_795_000_000,
            "status": "in_progress",
            "model": body["model"],
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": body.get("tools", []),
            "instructions": body.get("instructions"),
            "error": None,
            "incomplete_details": None,
            "metadata": {},
            "temperature": 1.0,
            "top_p": 1.0,
            "usage": None,
        }
        self._sequence = iter(range(1_000_000))

    async def events(self, step: Step) -> AsyncGenerator[Json]:
        yield self._lifecycle("created")
        yield self._lifecycle("in_progress")
        for event in self._item(_reasoning(self._response["id"])):
            yield event
        async for event in self._content(step):
            yield event
        for event in self._end(step):
            yield event

    async def _content(self, step: Step) -> AsyncGenerator[Json]:
        match step:
            case Say():
                async for event in self._message(step):
                    yield event
            case Call() | Calls():
                calls = (step,) if isinstance(step, Call) else step.calls
                if calls[0].preamble is not None:
                    async for event in self._message(calls[0].preamble, "commentary"):
                        yield event
                for event in (event for call in calls for event in self._item(_call(call))):
                    yield event
            case Refuse():
                refusal = {"type": "refusal", "refusal": "I cannot help with that."}
                for event in self._item(_message(self._response["id"], [refusal])):
                    yield event
            case _:
                async for event in self._message(Say("Un momento, estoy"), finished=False):
                    yield event

    def _end(self, step: Step) -> Iterator[Json]:
        match step:
            case Fail():
                self._response["error"] = {"code": step.code, "message": "As scripted."}
                yield self._lifecycle("failed")
            case Incomplete():
                self._response["incomplete_details"] = {"reason": step.reason}
                yield self._lifecycle("incomplete")
            case Cut():
                pass
            case _:
                self._response["usage"] = USAGE
                yield self._lifecycle("completed")

    async def _message(
        self, say: Say, phase: str = "final_answer", *, finished: bool = True
    ) -> AsyncGenerator[Json]:
        message = _message(self._response["id"], [], phase)
        index, item_id = len(self._response["output"]), message["id"]
        place = {"item_id": item_id, "output_index": index, "content_index": 0}
        yield self._event("response.output_item.added", output_index=index, item=message)
        part: Json = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        yield self._event("response.content_part.added", **place, part=part)
        middle = len(say.text) // 2
        for start in range(0, len(say.text), 8):
            if say.pause is not None and start >= middle and not say.pause.is_set():
                say.began.set()
                await say.pause.wait()
            delta = say.text[start : start + 8]
            yield self._event("response.output_text.delta", **place, delta=delta, logprobs=[])
        if not finished:
            return
        part = {**part, "text": say.text}
        yield self._event("response.output_text.done", **place, text=say.text, logprobs=[])
        yield self._event("response.content_part.done", **place, part=part)
        whole = {**message, "status": "completed", "content": [part]}
        self._response["output"].append(whole)
        yield self._event("response.output_item.done", output_index=index, item=whole)

    def _item(self, item: Json) -> Iterator[Json]:
        index = len(self._response["output"])
        yield self._event("response.output_item.added", output_index=index, item=item)
        self._response["output"].append(item)
        yield self._event("response.output_item.done", output_index=index, item=item)

    def _lifecycle(self, status: str) -> Json:
        self._response["status"] = "in_progress" if status == "created" else status
        return self._event(f"response.{status}", response=self._response)

    def _event(self, kind: str, **fields: Any) -> Json:
        return {"type": kind, "sequence_number": next(self._sequence), **fields}


def _message(response_id: str, content: list[Json], phase: str = "final_answer") -> Json:
    return {
        "id": f"msg_{response_id}_{phase}",
        "type": "message",
        "role": "assistant",
        "status": "completed" if content else "in_progress",
        "phase": phase,
        "content": content,
    }


def _reasoning(response_id: str) -> Json:
    return {
        "id": f"rs_{response_id}",
        "type": "reasoning",
        "summary": [],
        "encrypted_content": "gAAAAA",
        "status": None,
    }


def _call(call: Call) -> Json:
    arguments = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)
    return {
        "id": f"fc_{call.call_id}",
        "type": "function_call",
        "status": "completed",
        "call_id": call.call_id,
        "name": call.name,
        "arguments": arguments,
    }


def outputs_of(body: Json) -> dict[str, Json]:
    """What the tools said to the model, by call, in a request's input."""
    return {
        item["call_id"]: json.loads(item["output"])
        for item in body["input"]
        if item.get("type") == "function_call_output"
    }
