"""An answer as it is written, for those who watch from another process."""

import asyncio

from tests.client import Api, Data
from tests.factories import Bot, Factory, Person
from tests.feed.socket import Subscription, connected
from tests.graph.assistant.test_respond import respond, said_in
from tests.responses_server import Cut, Refuse, ResponsesServer, Say
from tests.servers import Server

ANSWERS = """
subscription($id: ID!) {
  answerStream(conversationId: $id) {
    __typename
    ... on AnswerWriting { text }
    ... on AnswerSent { message { text author } handedOver usage { rounds } }
    ... on AnswerDiscarded { usage { rounds } }
    ... on AnswerFailed { problem usage { rounds } }
  }
}
"""
LONG = "Con mucho gusto le ayudo a reportar esa falla, que ya quedó anotada."


async def progress(subscription: Subscription) -> Data:
    return (await subscription.data())["answerStream"]


async def until_ended(subscription: Subscription) -> tuple[list[str], Data]:
    """What was shown, and how it ended."""
    shown: list[str] = []
    while (each := await progress(subscription))["__typename"] == "AnswerWriting":
        shown.append(each["text"])
    return shown, each


async def test_who_comes_later_sees_what_is_written_so_far(
    server: Server, assistant: Api, bot: Bot, model: ResponsesServer, make: Factory
) -> None:
    customer = await make.customer()
    conversation = await make.conversation(customer)
    slow = Say(LONG, asyncio.Event())
    model.will(slow)
    answering = asyncio.create_task(respond(assistant, conversation))
    await slow.began.wait()
    async with connected(server, bot.secret, customer_id=customer["id"]) as socket:
        answers = await socket.subscribe(ANSWERS, id=conversation["id"])
        assert LONG.startswith((await progress(answers))["text"])
        assert slow.pause is not None
        slow.pause.set()
        _, sent = await until_ended(answers)
    assert sent["message"]["text"] == LONG
    await answering


async def test_an_answer_is_not_shown_as_sent_once_a_person_has_taken_over(
    server: Server, assistant: Api, agent: Person, model: ResponsesServer, make: Factory
) -> None:
    conversation = await make.conversation()
    slow = Say(LONG, asyncio.Event())
    model.will(slow)
    async with connected(server, agent.api.credential) as dashboard:
        answers = await dashboard.subscribe(ANSWERS, id=conversation["id"])
        await dashboard.until_served()
        answering = asyncio.create_task(respond(assistant, conversation))
        await slow.began.wait()
        await agent.api.succeed("takeOverConversation", conversationId=conversation["id"])
        assert slow.pause is not None
        slow.pause.set()
        _, ended = await until_ended(answers)
        assert ended["__typename"] == "AnswerDiscarded"
        # Nothing comes after it: the next thing is the next answer, or nothing at all.
        await answering
        await dashboard.until_served()
        assert answers.messages.empty()
    assert await said_in(agent.api, conversation) == [("CUSTOMER", "Hola")]


async def test_failures_and_the_hand_over_are_shown(
    server: Server, impatient: Server, assistant: Api, model: ResponsesServer, make: Factory
) -> None:
    customer = await make.customer()
    conversation = await make.conversation(customer)
    api = impatient.api(assistant.credential)
    model.will(Cut(), Refuse())
    secret = assistant.credential
    async with connected(server, secret, customer_id=customer["id"]) as dashboard:
        answers = await dashboard.subscribe(ANSWERS, id=conversation["id"])
        await dashboard.until_served()
        await respond(api, conversation)
        _, failed = await until_ended(answers)
        assert (failed["__typename"], failed["problem"]) == ("AnswerFailed", "UPSTREAM")
        await respond(api, conversation)
        _, last = await until_ended(answers)
        assert (last["__typename"], last["handedOver"]) == ("AnswerSent", True)
        assert last["message"]["text"].startswith("Disculpa")


async def test_who_may_not_see_the_conversation_follows_nothing(
    server: Server, bot: Bot, make: Factory
) -> None:
    customer = await make.customer()
    theirs = await make.conversation()
    async with connected(server, bot.secret, customer_id=customer["id"]) as socket:
        for conversation_id in (theirs["id"], "nonsense"):
            answers = await socket.subscribe(ANSWERS, id=conversation_id)
            message = await answers.message()
            assert message["type"] == "error"
            code = message["payload"][0]["extensions"]["code"]
            assert code == ("NOT_FOUND" if conversation_id == theirs["id"] else "VALIDATION")


async def test_a_revoked_key_sees_nothing_more(
    server: Server, assistant: Api, admin: Api, model: ResponsesServer, make: Factory
) -> None:
    customer = await make.customer()
    conversation = await make.conversation(customer)
    watcher = await make.bot()
    slow = Say(LONG, asyncio.Event())
    model.will(slow)
    async with connected(server, watcher.secret, customer_id=customer["id"]) as socket:
        answers = await socket.subscribe(ANSWERS, id=conversation["id"])
        answering = asyncio.create_task(respond(assistant, conversation))
        await slow.began.wait()
        await progress(answers)
        await admin.succeed("revokeApiKey", id=watcher.id)
        closed = await socket.closing()
        assert slow.pause is not None
        slow.pause.set()
        await answering
    assert closed.code == 4401


async def test_each_answer_is_shown_apart(
    server: Server, assistant: Api, agent: Person, model: ResponsesServer, make: Factory
) -> None:
    """Of a later answer, an earlier one's end is not shown again; nor its text."""
    conversation = await make.conversation()
    model.will(Say("Primera."), Say("Segunda."))
    await respond(assistant, conversation)
    async with connected(server, agent.api.credential) as dashboard:
        answers = await dashboard.subscribe(ANSWERS, id=conversation["id"])
        await dashboard.until_served()
        await respond(assistant, conversation, "Otra")
        shown, sent = await until_ended(answers)
    assert sent["message"]["text"] == "Segunda."
    assert all("Primera" not in text for text in shown)
