"""What a bot that runs its own model loop records of it."""

from tests.client import Api
from tests.factories import Bot, Factory, Person
from tests.graph.assistant.test_respond import said_in


async def test_a_bots_own_answers_stand_in_the_conversation(
    bot: Bot, admin: Api, make: Factory
) -> None:
    conversation = await make.conversation()
    said = {"conversationId": conversation["id"], "externalId": "out.1"}
    for is_replay in (False, True):
        result = await bot.api.succeed("recordMessage", **said, text="¿Dónde?", author="ASSISTANT")
        assert result["replayed"] is is_replay
    assert await said_in(admin, conversation) == [("ASSISTANT", "¿Dónde?")]


async def test_an_answer_is_refused_once_a_person_has_taken_over(
    bot: Bot, agent: Person, admin: Api, make: Factory
) -> None:
    conversation = await make.conversation()
    await agent.api.succeed("takeOverConversation", conversationId=conversation["id"])
    problem = await bot.api.problem(
        "recordMessage", conversationId=conversation["id"], text="¿Dónde?", author="ASSISTANT"
    )
    assert problem["code"] == "CONFLICT"
    assert "do not send" in problem["message"]
    await bot.api.succeed("recordMessage", conversationId=conversation["id"], text="¿Hola?")
    assert await said_in(admin, conversation) == [("CUSTOMER", "¿Hola?")]


async def test_nobody_writes_in_anothers_name(bot: Bot, agent: Person, make: Factory) -> None:
    conversation = await make.conversation()
    for api, authors in ((bot.api, ["AGENT"]), (agent.api, ["CUSTOMER", "ASSISTANT"])):
        for author in authors:
            problem = await api.problem(
                "recordMessage", conversationId=conversation["id"], text="Hola", author=author
            )
            assert [each["path"] for each in problem["fields"]] == ["author"]
