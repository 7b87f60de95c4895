"""Answering customers: `respondToCustomer`, with a model that says what the test scripts."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.clock import utc_now
from graph.nodes import decode_id
from persistence.assistant import AssistantStore
from persistence.database import connected
from tests.client import Api, Data
from tests.factories import Bot, Factory, Person
from tests.graph.assistant.conftest import MODEL, settings_of
from tests.responses_server import (
    Babble,
    Call,
    Calls,
    Cut,
    Fail,
    Hang,
    Incomplete,
    Json,
    Refuse,
    ResponsesServer,
    Say,
    Status,
    Step,
    faults_of,
    outputs_of,
)
from tests.servers import Server, start_server

REPORT = {
    "subject": "Lámpara apagada",
    "description": "No prende la lámpara de la esquina desde ayer.",
    "category": "light_malfunction",
    "priority": None,
    "location": "Calle 5",
}
CREATE = Call("create_ticket_report", REPORT)
RECENT = Call("get_ticket_information", {"ticket_id": None, "lookup_recent": True})


def look_up(number: str) -> Call:
    return Call("get_ticket_information", {"ticket_id": number, "lookup_recent": None})


async def respond(api: Api, conversation: Data, text: str = "Hola", **details: Any) -> Data:
    return await api.mutate(
        "respondToCustomer", conversationId=conversation["id"], text=text, **details
    )


async def said_in(api: Api, conversation: Data) -> list[tuple[str, str]]:
    """Who said what, in order."""
    found = await api.query(
        "query($id: ID!) { conversation(id: $id) {"
        " messages(first: 100) { nodes { author text } } } }",
        {"id": conversation["id"]},
    )
    return [(each["author"], each["text"]) for each in found["conversation"]["messages"]["nodes"]]


async def attempts_in(admin: Api, conversation: Data) -> list[Data]:
    """What became of each attempt to answer, latest first."""
    found = await admin.query(
        "query($id: ID!) { conversation(id: $id) { handler answers { totalCount nodes {"
        " outcome problem messageId questionIds createdAt usage { rounds inputTokens revision }"
        " } } } }",
        {"id": conversation["id"]},
    )
    return found["conversation"]["answers"]["nodes"]


async def tickets_in(admin: Api, conversation: Data) -> list[str]:
    found = await admin.query(
        "query($id: ID!) { tickets(filter: {conversationId: $id}) { nodes { ticketId } } }",
        {"id": conversation["id"]},
    )
    return [each["ticketId"] for each in found["tickets"]["nodes"]]


# ---- what a model is told, and what is kept ------------------------------------------------


async def test_the_model_is_told_what_was_said_before_and_by_whom(
    assistant: Api, agent: Person, bot: Bot, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    await bot.api.succeed("recordMessage", conversationId=conversation["id"], text="¿Abren hoy?")
    await agent.api.succeed("recordMessage", conversationId=conversation["id"], text="Sí, a las 9.")
    model.will(Say("De nada."), Say("Hasta luego."))
    await respond(assistant, conversation, "Gracias")
    await respond(assistant, conversation, "Adiós")
    assert model.last["input"] == [
        {"role": "user", "content": "¿Abren hoy?"},
        {"role": "assistant", "content": "Sí, a las 9."},
        {"role": "user", "content": "Gracias"},
        {"role": "assistant", "content": "De nada."},
        {"role": "user", "content": "Adiós"},
    ]


async def test_the_model_is_told_the_latest_of_a_long_conversation(
    assistant: Api, bot: Bot, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    for number in range(45):
        text = f"{number} " + "x" * (9_000 if number == 43 else 0)
        await bot.api.succeed("recordMessage", conversationId=conversation["id"], text=text)
    model.will(Say("Sí."))
    await respond(assistant, conversation, "x" * 9_999)
    contents = [item["content"] for item in model.last["input"]]
    assert len(contents) == 40
    assert contents[0] == "6"
    assert contents[-1] == "x" * 9_999
    model.will(Say("Sí."))
    for _ in range(4):
        await bot.api.succeed("recordMessage", conversationId=conversation["id"], text="y" * 9_999)
    await respond(assistant, conversation, "¿Y?")
    contents = [item["content"] for item in model.last["input"]]
    assert sum(map(len, contents)) <= 40_000
    assert contents[-1] == "¿Y?"


async def test_what_the_provider_is_told(
    assistant: Api, admin: Api, model: ResponsesServer, make: Factory
) -> None:
    """The active revision, and nothing by which it could know or keep who the customer is."""
    # Which other tests change.
    await admin.succeed("resetConfiguration", section="INSTRUCTIONS_TEMPLATE")
    customer = await make.customer(name="Zutana Secreta")
    model.will(Say("Hola."), Say("Hola."), Say("Hola."))
    await respond(assistant, await make.conversation(customer))
    await respond(assistant, await make.conversation(customer))
    await respond(assistant, await make.conversation())
    found = await admin.query(
        "{ configuration { assistantSync { state activeRevision { hash instructions tools } } } }"
    )
    active = found["configuration"]["assistantSync"]["activeRevision"]
    first, second, other = model.requests
    before, _, after = active["instructions"].partition("{today}")
    today = first["instructions"].removeprefix(before).removesuffix(after)
    assert abs(date.fromisoformat(today) - datetime.now(UTC).date()) <= timedelta(days=1)
    assert first["tools"] == active["tools"]
    assert first["model"] == MODEL
    assert first["store"] is False
    assert first["stream"] is True
    assert first["max_output_tokens"] > 0
    assert len(first["safety_identifier"]) == 64
    assert first["safety_identifier"] == second["safety_identifier"] != other["safety_identifier"]
    told = str(model.requests)
    assert all(text not in told for text in ("Zutana", customer["phone"], customer["id"]))


async def test_usage_is_kept_with_the_answer(
    assistant: Api, admin: Api, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    model.will(RECENT, Say("No tienes reportes."))
    usage = (await respond(assistant, conversation))["usage"]
    assert {name: usage[name] for name in ("model", "rounds")} == {"model": MODEL, "rounds": 2}
    assert usage["inputTokens"] == 200
    assert usage["cachedTokens"] == 80
    assert usage["outputTokens"] == 40
    assert 0 < usage["milliseconds"] < 20_000
    (attempt,) = await attempts_in(admin, conversation)
    assert attempt["usage"]["inputTokens"] == 200
    assert attempt["usage"]["revision"] == usage["revision"]
    assert len(attempt["questionIds"]) == 1
    assert attempt["messageId"] is not None


async def test_only_staff_read_the_attempts(
    assistant: Api, agent: Person, model: ResponsesServer, make: Factory
) -> None:
    customer = await make.customer()
    conversation = await make.conversation(customer)
    model.will(Say("Hola."))
    await respond(assistant, conversation)
    assert len(await attempts_in(agent.api, conversation)) == 1
    assert await attempts_in(assistant.speaking_for(customer["id"]), conversation) == []


async def test_several_calls_at_once_and_commentary_between_them(
    assistant: Api, admin: Api, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    second = Call("create_ticket_report", REPORT | {"subject": "Fuga"}, "call_2")
    first = Call("create_ticket_report", REPORT, "call_1", Say("Déjame abrirlos."))
    model.will(Calls((first, second, Call("no_such_tool", {}, "call_3"))), Say("Listo."))
    answer = await respond(assistant, conversation)
    assert answer["message"]["text"] == "Listo."
    outputs = outputs_of(model.last)
    assert [outputs[f"call_{each}"]["success"] for each in (1, 2, 3)] == [True, True, False]
    assert len(await tickets_in(admin, conversation)) == 2
    # The model's reasoning goes back to it, since the provider keeps nothing.
    assert "reasoning" in [item.get("type") for item in model.last["input"]]


async def test_an_answer_is_kept_as_text_that_can_be_sent(
    assistant: Api, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    model.will(Say("  Hola\0\x1b[31m\nadiós  "), Say("palabra " * 2_000))
    assert (await respond(assistant, conversation))["message"]["text"] == "Hola[31m\nadiós"
    long = (await respond(assistant, conversation))["message"]["text"]
    assert len(long) <= 10_000
    assert long.endswith("palabra…")


# ---- the same message again ----------------------------------------------------------------


async def test_a_message_delivered_again_gets_the_answer_that_it_got(
    assistant: Api, admin: Api, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    model.will(Say("Hola."))
    first = await respond(assistant, conversation, externalId="wamid.1")
    again = await respond(assistant, conversation, externalId="wamid.1")
    assert first["replayed"] is False
    assert again["replayed"] is True
    assert again["message"] == first["message"]
    assert again["usage"] == first["usage"]
    assert len(model.requests) == 1
    assert len(await said_in(admin, conversation)) == 2


async def test_a_message_delivered_to_two_processes_at_once_is_answered_once(
    assistant: Api, impatient: Server, admin: Api, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    elsewhere = impatient.api(assistant.credential)
    model.will(CREATE, Say("Listo."))
    answers = await asyncio.gather(
        *(
            respond(api, conversation, externalId="wamid.2")
            for api in (assistant, elsewhere, assistant, elsewhere)
        )
    )
    assert {answer["message"]["text"] for answer in answers} == {"Listo."}
    assert sorted(answer["replayed"] for answer in answers) == [False, True, True, True]
    assert len(model.requests) == 2
    assert len(await tickets_in(admin, conversation)) == 1
    assert len(await said_in(admin, conversation)) == 2


async def test_messages_that_come_while_an_answer_is_written_are_answered_together(
    assistant: Api, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    pause = asyncio.Event()
    slow = Say("Hola, ¿en qué te ayudo?", pause)
    model.will(slow, Say("Anotado todo."))
    first = asyncio.create_task(respond(assistant, conversation, "Hola"))
    await slow.began.wait()
    said = {"wamid.7": "Se fue la luz", "wamid.8": "En toda la calle"}
    for key, text in said.items():
        await assistant.succeed(
            "recordMessage", conversationId=conversation["id"], text=text, externalId=key
        )
    waiting = [
        asyncio.create_task(respond(assistant, conversation, text, externalId=key))
        for key, text in said.items()
    ]
    pause.set()
    assert (await first)["message"]["text"] == "Hola, ¿en qué te ayudo?"
    answers = await asyncio.gather(*waiting)
    assert [each["message"]["text"] for each in answers] == ["Anotado todo."] * 2
    assert sorted(each["replayed"] for each in answers) == [False, True]
    assert len(model.requests) == 2
    assert [item["content"] for item in model.last["input"][-2:]] == list(said.values())


# ---- a person takes over -------------------------------------------------------------------


async def test_an_answer_being_written_when_a_person_takes_over_is_never_sent(
    assistant: Api, admin: Api, agent: Person, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    pause = asyncio.Event()
    slow = Say("Una respuesta que llega tarde.", pause)
    model.will(slow)
    answering = asyncio.create_task(respond(assistant, conversation))
    await slow.began.wait()
    await agent.api.succeed("takeOverConversation", conversationId=conversation["id"])
    pause.set()
    answer = await answering
    assert answer["message"] is None
    assert answer["handedOver"] is True
    assert answer["conversation"]["handler"] == "HUMAN"
    assert await said_in(admin, conversation) == [("CUSTOMER", "Hola")]
    (attempt,) = await attempts_in(admin, conversation)
    assert (attempt["outcome"], attempt["messageId"]) == ("DISCARDED", None)


async def test_a_model_does_nothing_any_more_once_a_person_has_taken_over(
    assistant: Api, admin: Api, agent: Person, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    slow = Say("Déjame abrirlo.", asyncio.Event())
    model.will(Call("create_ticket_report", REPORT, "call_1", slow), Say("Listo."))
    answering = asyncio.create_task(respond(assistant, conversation))
    await slow.began.wait()
    await agent.api.succeed("takeOverConversation", conversationId=conversation["id"])
    assert slow.pause is not None
    slow.pause.set()
    assert (await answering)["message"] is None
    assert await tickets_in(admin, conversation) == []
    assert len(model.requests) == 1


# ---- the provider fails --------------------------------------------------------------------

FAILURES: list[tuple[Step, str, str]] = [
    (Status(500), "UPSTREAM", "HTTP 500"),
    (Status(400), "UPSTREAM", "HTTP 400"),
    (Status(401), "UPSTREAM", "HTTP 401"),
    (Status(429), "RATE_LIMITED", "asks for less"),
    (Refuse(), "UPSTREAM", "refused"),
    (Cut(), "UPSTREAM", "hung up"),
    (Cut(silently=True), "UPSTREAM", "cut off"),
    (Fail("server_error"), "UPSTREAM", "server_error"),
    (Fail("rate_limit_exceeded"), "RATE_LIMITED", "asks for less"),
    (Incomplete("max_output_tokens"), "UPSTREAM", "max_output_tokens"),
    (Incomplete("content_filter"), "UPSTREAM", "content_filter"),
    (Say("  "), "UPSTREAM", "nothing"),
    (Babble("{"), "UPSTREAM", "makes no sense"),
    (Babble('{"type": "response.completed"}'), "UPSTREAM", "makes no sense"),
    (Babble('{"type": "error", "code": "overloaded", "message": "x"}'), "UPSTREAM", "overloaded"),
    (Babble("[DONE]"), "UPSTREAM", "cut off"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=str)
async def test_what_goes_wrong_at_the_provider_is_a_problem_and_loses_nothing(
    assistant: Api,
    admin: Api,
    model: ResponsesServer,
    make: Factory,
    failure: tuple[Step, str, str],
) -> None:
    step, code, message = failure
    conversation = await make.conversation()
    model.will(otherwise=step)
    problem = await respond(assistant, conversation, "Se fue la luz", externalId="wamid.3")
    assert problem["code"] == code
    assert message in problem["message"]
    assert await said_in(admin, conversation) == [("CUSTOMER", "Se fue la luz")]
    (attempt,) = await attempts_in(admin, conversation)
    assert (attempt["outcome"], attempt["problem"]) == ("FAILED", code)
    # And then it is as if nothing had been.
    model.will(Say("Aquí estoy."))
    answer = await respond(assistant, conversation, "Se fue la luz", externalId="wamid.3")
    assert answer["message"]["text"] == "Aquí estoy."
    assert len(await said_in(admin, conversation)) == 2


async def test_a_hiccup_is_gone_over_by_itself(
    assistant: Api, model: ResponsesServer, make: Factory
) -> None:
    model.will(Status(503), Say("Aquí estoy."))
    answer = await respond(assistant, await make.conversation())
    assert answer["message"]["text"] == "Aquí estoy."


@pytest.mark.parametrize("step", [Hang(), Status(429, {"Retry-After": "30"})], ids=str)
async def test_a_provider_that_does_not_answer_is_waited_for_no_longer_than_is_set(
    impatient: Server, bot: Bot, model: ResponsesServer, make: Factory, step: Step
) -> None:
    """Nor for one that asks to be left alone for longer."""
    model.will(step)
    began = time.monotonic()
    problem = await respond(impatient.api(bot.secret), await make.conversation())
    assert problem["code"] == "UPSTREAM"
    assert "2 s" in problem["message"]
    assert time.monotonic() - began < 30


async def test_an_answer_that_is_written_for_ever_is_waited_for_no_longer_than_is_set(
    impatient: Server, bot: Bot, model: ResponsesServer, make: Factory
) -> None:
    slow = Say("Esto no acaba nunca.", asyncio.Event())
    model.will(slow)
    conversation = await make.conversation()
    problem = await respond(impatient.api(bot.secret), conversation)
    assert (problem["code"], slow.began.is_set()) == ("UPSTREAM", True)
    assert slow.pause is not None
    slow.pause.set()


async def test_who_waits_too_long_for_another_answer_is_told_so(
    assistant: Api, impatient: Server, admin: Api, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    slow = Say("Un momento.", asyncio.Event())
    model.will(slow)
    first = asyncio.create_task(respond(assistant, conversation))
    await slow.began.wait()
    problem = await respond(impatient.api(assistant.credential), conversation, "¿Y?")
    assert problem["code"] == "RATE_LIMITED"
    assert "recorded" in problem["message"]
    assert slow.pause is not None
    slow.pause.set()
    assert (await first)["message"]["text"] == "Un momento."
    assert ("CUSTOMER", "¿Y?") in await said_in(admin, conversation)


async def test_a_provider_that_is_not_there(
    assistant: Api, model: ResponsesServer, make: Factory
) -> None:
    async with model.away():
        problem = await respond(assistant, await make.conversation())
    assert problem["code"] == "UPSTREAM"
    assert "cannot be reached" in problem["message"]


async def test_a_model_that_calls_tools_for_ever_is_stopped_and_opens_one_ticket(
    assistant: Api, admin: Api, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    calls = [Call("create_ticket_report", REPORT, f"call_{number}") for number in range(20)]
    model.will(*calls)
    problem = await respond(assistant, conversation)
    assert problem["code"] == "UPSTREAM"
    assert len(model.requests) == 8
    assert len(await tickets_in(admin, conversation)) == 1
    (attempt,) = await attempts_in(admin, conversation)
    assert attempt["usage"]["rounds"] == 8


@pytest.mark.parametrize("call_id", ["call_1", "call_of_the_retry"])
async def test_a_retry_goes_on_where_the_first_attempt_failed(
    assistant: Api, admin: Api, model: ResponsesServer, make: Factory, call_id: str
) -> None:
    """Its tools have opened a ticket, which the model is told, and does not open again."""
    conversation = await make.conversation()
    model.will(CREATE, Cut())
    problem = await respond(assistant, conversation, externalId="wamid.4")
    assert problem["code"] == "UPSTREAM"
    (number,) = await tickets_in(admin, conversation)
    model.will(Call("create_ticket_report", REPORT, call_id), Say("Listo."))
    answer = await respond(assistant, conversation, externalId="wamid.4")
    assert answer["message"]["text"] == "Listo."
    assert outputs_of(model.requests[0])["call_1"]["ticketId"] == number
    assert await tickets_in(admin, conversation) == [number]


async def test_a_crash_in_the_middle_of_an_answer_loses_nothing_that_was_done(
    assistant: Api, admin: Api, model: ResponsesServer, make: Factory, tmp_path: Path
) -> None:
    server, conversation = make.server, await make.conversation()
    environment = server.environment | settings_of(model, seconds=20)
    doomed = await start_server(environment, tmp_path / "doomed.log")
    stuck = Hang()
    model.will(CREATE, stuck)
    answering = asyncio.create_task(
        respond(doomed.api(assistant.credential), conversation, externalId="wamid.9")
    )
    await stuck.began.wait()
    await doomed.kill()
    with pytest.raises(httpx.TransportError):
        await answering
    await doomed.stop()
    await time_passes(server, conversation)
    model.will(Say("Listo."))
    answer = await respond(assistant, conversation, externalId="wamid.9")
    assert answer["message"]["text"] == "Listo."
    (number,) = await tickets_in(admin, conversation)
    assert outputs_of(model.last)["call_1"]["ticketId"] == number


async def test_a_call_that_was_written_down_and_not_run_is_run_by_the_next_attempt(
    server: Server, assistant: Api, admin: Api, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    key = decode_id("Conversation", conversation["id"], "id")
    item = {
        "type": "function_call",
        "call_id": "call_1",
        "name": "create_ticket_report",
        "arguments": json.dumps(REPORT),
    }
    async with store_of(server) as store:
        now = utc_now()
        draft = await store.take_draft(key, token="dead", now=now, until=now)
        assert draft is not None
        await store.extend_draft(key, draft.token, [json.dumps(item)])
    model.will(Say("Listo."))
    await respond(assistant, conversation)
    (number,) = await tickets_in(admin, conversation)
    assert outputs_of(model.last)["call_1"]["ticketId"] == number


@asynccontextmanager
async def store_of(server: Server) -> AsyncGenerator[AssistantStore]:
    environment = server.environment
    async with connected(
        environment["TICKETS_MONGODB_URI"], environment["TICKETS_DATABASE_NAME"]
    ) as database:
        yield AssistantStore(database)


async def time_passes(server: Server, conversation: Data) -> None:
    """As much as it takes for a dead process's hold on the conversation to end."""
    key = decode_id("Conversation", conversation["id"], "id")
    async with store_of(server) as store:
        draft = await store.find_draft(key)
        assert draft is not None
        await store.release_draft(key, draft.token, utc_now())


async def test_after_failures_in_a_row_a_person_is_to_go_on(
    assistant: Api, admin: Api, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    model.will(Refuse(), Refuse(), Say("Hola."), otherwise=Refuse())
    results = [await respond(assistant, conversation, f"{each}") for each in range(6)]
    assert [result.get("code") for result in results] == [
        *("UPSTREAM", "UPSTREAM", None),
        # An answer between them begins the count anew.
        *("UPSTREAM", "UPSTREAM", None),
    ]
    assert results[2]["message"]["text"] == "Hola."
    last = results[5]
    assert last["handedOver"] is True
    assert last["conversation"]["handler"] == "HUMAN"
    assert last["message"]["text"] == (
        "Disculpa, en este momento no puedo responderte. En breve continuará contigo un agente."
    )
    assert (await said_in(admin, conversation))[-1] == ("ASSISTANT", last["message"]["text"])
    latest = (await attempts_in(admin, conversation))[0]
    assert (latest["outcome"], latest["problem"]) == ("HANDED_OVER", "UPSTREAM")
    # From then on the assistant is silent.
    model.will()
    assert (await respond(assistant, conversation))["message"] is None
    assert model.requests == []


async def test_the_last_failure_is_replayed_as_a_hand_over(
    impatient: Server, bot: Bot, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    api = impatient.api(bot.secret)
    model.will(otherwise=Refuse())
    await respond(api, conversation, externalId="wamid.5")
    last = await respond(api, conversation, externalId="wamid.5")
    again = await respond(api, conversation, externalId="wamid.5")
    assert last["handedOver"] is again["handedOver"] is True
    assert again["message"] == last["message"]
    assert again["replayed"] is True


async def test_malformed_arguments_are_for_the_model_to_mend(
    assistant: Api, admin: Api, model: ResponsesServer, make: Factory
) -> None:
    """A server that does not keep to strict calling must not fail the answer."""
    conversation = await make.conversation()
    model.will(
        Call("create_ticket_report", '{"subject": '),
        Call("create_ticket_report", REPORT, "call_2"),
        Say("Listo."),
    )
    assert (await respond(assistant, conversation))["message"]["text"] == "Listo."
    assert outputs_of(model.last)["call_1"]["success"] is False
    assert len(await tickets_in(admin, conversation)) == 1


# ---- who may, and without a provider -------------------------------------------------------


async def test_without_a_key_the_message_is_kept_and_the_refusal_typed(
    bot: Bot, admin: Api, make: Factory
) -> None:
    conversation = await make.conversation()
    problem = await respond(bot.api, conversation, "Se fue la luz", externalId="wamid.6")
    assert problem["code"] == "NOT_CONFIGURED"
    assert "OPENAI_API_KEY" in problem["message"]
    assert await said_in(admin, conversation) == [("CUSTOMER", "Se fue la luz")]


async def test_only_bots_and_admins_let_the_assistant_answer(
    answering: Server, agent: Person, make: Factory, bot: Bot, model: ResponsesServer
) -> None:
    conversation = await make.conversation()
    api = answering.api(agent.api.credential)
    assert (await respond(api, conversation))["code"] == "FORBIDDEN"
    other = await make.customer()
    speaking = answering.api(bot.secret, customer_id=other["id"])
    assert (await respond(speaking, conversation))["code"] == "NOT_FOUND"
    assert (await respond(answering.api(bot.secret), conversation, " "))["code"] == "VALIDATION"
    assert model.requests == []


async def test_nothing_that_is_said_is_logged(
    answering: Server, assistant: Api, model: ResponsesServer, make: Factory
) -> None:
    asked, answered, reported = make.word(), make.word(), make.word()
    report = REPORT | {"description": reported}
    model.will(Call("create_ticket_report", report), Say(answered), Refuse())
    conversation = await make.conversation()
    await respond(assistant, conversation, asked)
    await respond(assistant, conversation, asked)
    log = answering.log(lines=1_000)
    assert "outcome=SENT" in log
    assert "outcome=FAILED" in log
    assert all(word not in log for word in (asked, answered, reported))


def test_the_scripted_server_refuses_what_the_real_one_would() -> None:
    """Else tests could not show that the loop keeps to the protocol."""
    body: Json = {"store": False, "input": [{"role": "user", "content": "Hola"}], "tools": []}
    assert list(faults_of(body)) == []
    output = {"type": "function_call_output", "call_id": "1", "output": "{}"}
    call = {"type": "function_call", "call_id": "1", "name": "a", "arguments": "{}"}
    assert list(faults_of(body | {"input": [output]}))
    assert list(faults_of(body | {"input": [call]}))
    assert list(faults_of(body | {"input": [call, output]})) == []
    assert list(faults_of(body | {"store": True}))
    assert list(faults_of(body | {"previous_response_id": "resp_1"}))
