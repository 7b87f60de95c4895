"""The configuration through the API, on a server whose configuration no other test reads."""

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

import pytest
from bson import ObjectId

from graph.nodes import encode_id
from persistence.database import Database, connected
from persistence.models import SystemSetting
from tests.client import WHOLE_CONFIGURATION, Api, Data
from tests.factories import Factory
from tests.servers import COMMAND, Server, new_database_name, running_server, settings

SECTIONS = {
    "TICKET_CATEGORIES": "ticketCategories",
    "ASSISTANT": "assistant",
    "TERMINOLOGY": "terminology",
    "TICKET_ID_FORMAT": "ticketIdFormat",
    "INSTRUCTIONS_TEMPLATE": "instructionsTemplate",
    "SLA_TARGETS": "slaTargets",
    "PRESETS": "presetsSection",
}
EDITABLE = [field for field in SECTIONS.values() if field != "presetsSection"]
# What a section says beside its own fields.
ABOUT = {
    "version", "isDefault", "isEditable", "updatedAt", "updatedBy", "problem", "example",
    "variables",
}  # fmt: skip
HISTORY = """
query($section: ConfigurationSection, $first: Int, $after: String) {
  configurationHistory(section: $section, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { id section version action subject changedAt changedBy { kind name } before after }
  }
}
"""
PREVIEW = """
query($draft: ConfigurationDraft, $presetId: String) {
  configurationPreview(draft: $draft, presetId: $presetId) {
    nextTicketId greeting instructions toolDefinitions problems { path message }
  }
}
"""
# Less than the whole, for those who ask often.
SET_CATEGORIES = """
mutation($input: UpdateTicketCategoriesInput!) {
  updateTicketCategories(input: $input) {
    __typename
    ... on ConfigurationConflictProblem {
      code section currentVersion configuration { ticketCategories { ...Categories } }
    }
  }
}
fragment Categories on TicketCategoriesSection {
  version categories { id label labelEn description icon color isRetired }
}
"""
CATEGORY = {"label": "Etiqueta", "icon": "tag", "color": "#123456"}


class Business:
    """A server of its own and its admin; `make` makes what tickets need."""

    def __init__(self, server: Server, database: Database, admin: Api) -> None:
        self.server = server
        self.database = database
        self.admin = admin
        self.make = Factory(server, admin)

    async def read(self, api: Api | None = None) -> Data:
        document = "{ configuration { ...WholeConfiguration } }" + WHOLE_CONFIGURATION
        return (await (api or self.admin).query(document))["configuration"]

    async def section(self, field: str) -> Data:
        return (await self.read())[field]

    async def change(self, field: str, *, by: Api | None = None, **changes: Any) -> Data:
        """What became of `changes` to the section as it is, whichever member of the result."""
        section = await self.section(field)
        value = {name: each for name, each in section.items() if name not in ABOUT}
        version = {"expectedVersion": section["version"]}
        return await (by or self.admin).mutate(update_of(field), **{**value, **version, **changes})

    async def changed(self, field: str, **changes: Any) -> Data:
        """The section after `changes`; a refusal fails the test."""
        result = await self.change(field, **changes)
        assert "code" not in result, result
        return result["configuration"][field]

    async def apply(self, preset: str) -> Data:
        return (await self.admin.succeed("applyPreset", id=preset))["configuration"]

    async def history(self, section: str | None = None, **page: Any) -> Data:
        variables = {"section": section, "first": 100} | page
        return (await self.admin.query(HISTORY, variables))["configurationHistory"]

    async def stored(self, key: str) -> Any:
        document = await self.settings.find_one({"key": key})
        assert document is not None
        return document["value"]

    @property
    def settings(self) -> Any:
        return self.database.collection(SystemSetting)

    async def damage(self, key: str, update: dict[str, Any]) -> None:
        """By hand, and until the server has heard of it."""
        await self.settings.update_one({"key": key}, update)
        async with asyncio.timeout(60):
            while key not in await self.readiness():  # noqa: ASYNC110 - only the server knows
                await asyncio.sleep(0.01)

    async def lock(self, *, is_editable: bool) -> None:
        """The terminology, by hand as well."""
        locked = {"$set": {"is_editable": is_editable}}
        await self.settings.update_one({"key": "ticket_terminology"}, locked)
        async with asyncio.timeout(60):
            while (await self.section("terminology"))["isEditable"] is not is_editable:
                pass

    async def readiness(self) -> str:
        return (await self.server.http.get("/health/ready")).json()["checks"]["configuration"]


def update_of(field: str) -> str:
    return f"update{field[0].upper()}{field[1:]}"


def ids(configuration: Data, *, retired: bool = False) -> list[str]:
    categories = configuration["ticketCategories"]["categories"]
    return [each["id"] for each in categories if each["isRetired"] is retired]


@pytest.fixture(scope="module")
async def installation(
    mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Business]:
    environment = settings(mongodb_uri=mongodb_uri, database_name=new_database_name())
    log_file = tmp_path_factory.mktemp("configuration") / "server.log"
    async with (
        running_server(environment, log_file) as server,
        connected(mongodb_uri, environment["TICKETS_DATABASE_NAME"]) as database,
    ):
        yield Business(server, database, await server.sign_in())


@pytest.fixture
async def business(installation: Business) -> Business:
    """At its defaults; categories that tickets of earlier tests have are there, retired."""
    await installation.admin.succeed("resetConfiguration")
    return installation


# ---- reading -------------------------------------------------------------------------------


async def test_a_new_installation_has_the_defaults(business: Business) -> None:
    configuration = await business.read()

    assert configuration["assistant"]["companyName"] == "LUXFREE"
    assert configuration["terminology"]["ticketPlural"] == "reportes"
    assert configuration["ticketIdFormat"]["example"] == f"LUX-{datetime.now().year}-000001"  # noqa: DTZ005 - where the business is
    assert configuration["slaTargets"]["urgent"] == {
        "firstResponseMinutes": 15,
        "resolutionMinutes": 240,
    }
    assert ids(configuration)[-1] == "other"
    assert [each["id"] for each in configuration["presetsSection"]["presets"]] == [
        "lighting", "restaurant", "ecommerce", "healthcare", "professional_services",
    ]  # fmt: skip
    for field in SECTIONS.values():
        assert configuration[field]["isDefault"], field
        assert configuration[field]["problem"] is None


async def test_everybody_reads_what_work_needs_and_admins_the_rest(business: Business) -> None:
    whole = await business.read()
    agent = (await business.make.person("SUPERVISOR")).api
    bot = (await business.make.bot()).api

    for api in (agent, bot):
        seen = await business.read(api)
        assert seen["terminology"]["ticketSingular"] == whole["terminology"]["ticketSingular"]
        assert seen["ticketCategories"]["categories"] == whole["ticketCategories"]["categories"]
        assert seen["ticketIdFormat"]["example"] == whole["ticketIdFormat"]["example"]
        hidden = ("assistant", "instructionsTemplate", "slaTargets", "presetsSection")
        assert [seen[field] for field in hidden] == [None] * 4
        presets = await api.query("{ configuration { presets { id } } }")
        assert presets == {"configuration": {"presets": None}}
        for document in (HISTORY, PREVIEW):
            (error,) = await api.errors(document)
            assert error["extensions"]["code"] == "FORBIDDEN"
    (error,) = await business.server.api().errors("{ configuration { terminology { version } } }")
    assert error["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("role", ["SUPERVISOR", "AGENT", "BOT"])
async def test_admins_alone_write(business: Business, role: str) -> None:
    api = (await business.make.bot() if role == "BOT" else await business.make.person(role)).api
    before = await business.read()
    (first, *_) = (await business.history(first=1))["nodes"]

    results = [await business.change(field, by=api) for field in EDITABLE]
    others: dict[str, Data] = {
        "resetConfiguration": {},
        "applyPreset": {"id": "restaurant"},
        "savePreset": {"id": "mine", "label": "Mine"},
        "importPreset": {"document": {}},
        "deletePreset": {"id": "restaurant"},
        "restoreConfiguration": {"changeId": first["id"]},
    }
    results += [await api.mutate(mutation, **given) for mutation, given in others.items()]

    assert {result["code"] for result in results} == {"FORBIDDEN"}
    assert await business.read() == before


# ---- changing ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "changes", "path"),
    [
        ("ticketCategories", {"categories": []}, "categories"),
        ("assistant", {"greetingMessage": "{quien}"}, "greetingMessage"),
        ("assistant", {"language": "fr"}, "language"),
        ("terminology", {"ticketSingular": ""}, "ticketSingular"),
        ("ticketIdFormat", {"prefix": "lux"}, "prefix"),
        ("instructionsTemplate", {"template": "{quien}"}, "template"),
        (
            "slaTargets",
            {"high": {"firstResponseMinutes": 61, "resolutionMinutes": 60}},
            "high.firstResponseMinutes",
        ),
    ],
)
async def test_a_wrong_value_is_refused_with_the_path_that_the_client_wrote(
    business: Business, field: str, changes: Data, path: str
) -> None:
    before = await business.section(field)

    result = await business.change(field, **changes)

    assert result["code"] == "VALIDATION"
    assert [each["path"] for each in result["fields"]] == [path]
    assert await business.section(field) == before


async def test_a_change_says_who_and_when_and_makes_a_version(business: Business) -> None:
    before = await business.section("terminology")

    after = await business.changed("terminology", ticketSingular="caso")

    assert after["version"] == before["version"] + 1
    assert after["updatedBy"] == {"kind": "AGENT", "name": "Admin"}
    assert after["updatedAt"] > before["updatedAt"]
    assert not after["isDefault"]
    (change, *_) = (await business.history("TERMINOLOGY"))["nodes"]
    assert change["action"] == "UPDATED"
    assert change["version"] == after["version"]
    assert change["changedBy"] == after["updatedBy"]
    assert change["changedAt"] == after["updatedAt"]
    assert change["before"]["ticketSingular"] == "reporte"
    assert change["after"]["ticketSingular"] == "caso"


async def test_of_twenty_admins_at_once_one_succeeds_and_the_others_are_told(
    business: Business,
) -> None:
    """Each adds a category to what they saw; whoever is refused adds it to what is there."""
    admins = [(await business.make.person("ADMIN")).api for _ in range(4)] * 5
    waiting = {f"of_{number}": api for number, api in enumerate(admins)}
    seen = (await business.read())["ticketCategories"]
    added: list[str] = []

    async def add(category_id: str, api: Api) -> Data:
        categories = [*seen["categories"], {**CATEGORY, "id": category_id}]
        wanted = {"categories": categories, "expectedVersion": seen["version"]}
        return (await api.query(SET_CATEGORIES, {"input": wanted}))["updateTicketCategories"]

    for _ in range(4):
        results = await asyncio.gather(*(add(*each) for each in waiting.items()))
        outcomes = dict(zip(waiting, results, strict=True))
        (winner,) = (
            each for each in outcomes if outcomes[each]["__typename"] == "ConfigurationPayload"
        )
        added.append(winner)
        del waiting[winner], outcomes[winner]
        expected, seen = seen["version"], await business.section("ticketCategories")
        assert seen["version"] == expected + 1
        for refused in outcomes.values():
            assert (refused["code"], refused["section"]) == ("CONFLICT", "TICKET_CATEGORIES")
            assert refused["currentVersion"] == seen["version"]
            told = refused["configuration"]["ticketCategories"]
            assert told["categories"] == seen["categories"]

    assert [each["id"] for each in seen["categories"]][-4:] == added
    history = (await business.history("TICKET_CATEGORIES", first=4))["nodes"]
    assert [each["after"][-1]["id"] for each in history] == added[::-1]


async def test_changes_of_different_sections_do_not_meet(business: Business) -> None:
    before = await business.read()
    changes: dict[str, Data] = {
        "ticketCategories": {"categories": [{**CATEGORY, "id": "other"}]},
        "assistant": {"companyName": "Uno"},
        "terminology": {"ticketSingular": "dos"},
        "ticketIdFormat": {"prefix": "TRES"},
        "instructionsTemplate": {"template": "cuatro"},
        "slaTargets": {"low": {"firstResponseMinutes": 5, "resolutionMinutes": 5}},
    }

    results = await asyncio.gather(
        *(business.change(field, **given) for field, given in changes.items())
    )

    assert not [result for result in results if "code" in result]
    after = await business.read()
    for field in changes:
        assert after[field]["version"] == before[field]["version"] + 1


@pytest.mark.parametrize("section", SECTIONS)
async def test_each_section_is_reset_alone(business: Business, section: str) -> None:
    await business.apply("restaurant")
    await business.changed("instructionsTemplate", template="Eres {assistantName}.")
    await business.changed("slaTargets", low={"firstResponseMinutes": 5, "resolutionMinutes": 50})
    await business.admin.succeed("savePreset", id="mine", label="Mine")
    before = await business.read()

    after = (await business.admin.succeed("resetConfiguration", section=section))["configuration"]

    for field in SECTIONS.values():
        if field == SECTIONS[section]:
            assert (before[field]["isDefault"], after[field]["isDefault"]) == (False, True)
        else:
            assert after[field] == before[field]


async def test_a_reset_of_all_is_the_default_in_everything(business: Business) -> None:
    await business.apply("healthcare")
    await business.admin.succeed("savePreset", id="mine", label="Mine")

    after = (await business.admin.succeed("resetConfiguration"))["configuration"]

    assert all(after[field]["isDefault"] for field in SECTIONS.values())


async def test_who_saw_another_version_does_not_reset_or_restore(business: Business) -> None:
    version = (await business.changed("terminology", ticketSingular="caso"))["version"]
    (change, *_) = (await business.history("TERMINOLOGY", first=1))["nodes"]

    for mutation, arguments in {
        "resetConfiguration": {"section": "TERMINOLOGY"},
        "restoreConfiguration": {"changeId": change["id"]},
    }.items():
        result = await business.admin.problem(mutation, **arguments, expectedVersion=version - 1)
        assert result["code"] == "CONFLICT"
        assert result["currentVersion"] == version
        assert result["configuration"]["terminology"]["ticketSingular"] == "caso"


async def test_a_locked_section_is_changed_by_nothing(business: Business) -> None:
    await business.lock(is_editable=False)
    try:
        before = await business.read()
        results = [
            await business.change("terminology", ticketSingular="caso"),
            await business.admin.mutate("applyPreset", id="restaurant"),
        ]
        after = await business.read()
    finally:
        await business.lock(is_editable=True)

    assert {result["code"] for result in results} == {"FORBIDDEN"}
    assert all("terminology is locked" in result["message"] for result in results)
    # A preset is applied whole or not at all.
    assert after == before
    assert ids(after)[0] == "solar_installation"


# ---- what follows --------------------------------------------------------------------------


async def test_each_preset_changes_everything_at_once_and_keeps_what_was(
    business: Business,
) -> None:
    """All five, one after the other, on the running server."""
    make, admin = business.make, business.admin
    bot = (await make.bot()).api
    agent = await make.person(name="Ana")
    customer = await make.customer()
    opened: dict[str, Data] = {}
    year = datetime.now().year  # noqa: DTZ005 - where the business is
    expected = {
        "lighting": (f"LUX-{year}-", "reporte", "installation", "#10B981"),
        "restaurant": ("FOOD-", "caso", "delivery_issue", "#F59E0B"),
        "ecommerce": (f"ORD-{year}-", "solicitud", "return_exchange", "#F59E0B"),
        "healthcare": (f"MED-{year}-", "consulta", "test_results", "#8B5CF6"),
        "professional_services": (f"PRO-{year}-", "solicitud", "complaint", "#EF4444"),
    }
    for preset, (number, noun, category, color) in expected.items():
        applied = await business.apply(preset)
        preview = (await admin.query(PREVIEW))["configurationPreview"]

        assert applied["terminology"]["ticketSingular"] == noun
        assert applied["ticketIdFormat"]["example"].startswith(number)
        refused = await admin.problem(
            "createTicket", subject="x", description="x", category="solar_installation"
        )
        assert [each["path"] for each in refused["fields"]] == ["category"]
        ticket = await make.ticket(
            by=bot.speaking_for(customer["id"]), category=category, customerId=customer["id"]
        )
        assert ticket["ticketId"] == preview["nextTicketId"]
        assert ticket["ticketId"].startswith(number)
        opened[ticket["ticketId"]] = {"category": category, "color": color}
        (create, look_up) = preview["toolDefinitions"]
        assert create["parameters"]["properties"]["category"]["enum"] == ids(applied)
        assert noun in look_up["description"]
        assert noun in preview["instructions"]

        for old, was in opened.items():
            found = await admin.read(old, "ticketId category { id label color isRetired }")
            assert found["category"]["id"] == was["category"]
            assert found["category"]["color"] == was["color"]
            assert found["category"]["label"] != was["category"]
            assert found["category"]["isRetired"] is (was["category"] != category)
        listed = await bot.speaking_for(customer["id"]).query("{ tickets { nodes { ticketId } } }")
        assert {each["ticketId"] for each in listed["tickets"]["nodes"]} == set(opened)
    assert agent.name == "Ana"


async def test_new_tickets_have_the_new_targets_and_old_ones_keep_theirs(
    business: Business,
) -> None:
    old = await business.make.ticket(priority="HIGH")
    before = await business.admin.read(old["ticketId"])

    await business.changed("slaTargets", high={"firstResponseMinutes": 7, "resolutionMinutes": 77})
    new = await business.make.ticket(priority="HIGH")

    kept = await business.admin.read(old["ticketId"])
    assert kept["sla"]["resolution"]["dueAt"] == before["sla"]["resolution"]["dueAt"]
    sla = (await business.admin.read(new["ticketId"]))["sla"]
    opened = datetime.fromisoformat(new["createdAt"])
    minutes = {
        name: (datetime.fromisoformat(sla[name]["dueAt"]) - opened).total_seconds() / 60
        for name in ("firstResponse", "resolution")
    }
    assert minutes == {"firstResponse": 7, "resolution": 77}


async def test_nouns_and_language_follow(business: Business) -> None:
    make = business.make
    agent, customer = await make.person(), await make.customer()
    bot = (await make.bot()).api.speaking_for(customer["id"])
    ticket = await make.ticket(customerId=customer["id"])
    await agent.api.succeed(
        "addTicketNote", ticketId=ticket["ticketId"], content="Voy.", visibility="PUBLIC"
    )

    async def author() -> str:
        (note,) = (await bot.read(ticket["ticketId"]))["notes"]["nodes"]
        return note["author"]["name"]

    assert await author() == "agente"
    await business.changed("terminology", agentNoun="mesero")
    assert await author() == "mesero"
    assert (await business.section("instructionsTemplate"))["template"].startswith("Eres")
    await business.changed("assistant", language="en")
    assert (await business.section("instructionsTemplate"))["template"].startswith("You are")


# ---- categories in use ---------------------------------------------------------------------


async def set_categories(business: Business, *categories: Data) -> Data:
    other = {**CATEGORY, "id": "other"}
    await business.changed("ticketCategories", categories=[*categories, other])
    return await business.read()


async def test_a_category_in_use_is_retired_and_an_unused_one_goes(business: Business) -> None:
    used, unused = ({**CATEGORY, "id": business.make.word()} for _ in range(2))
    await set_categories(business, used, unused)
    ticket = await business.make.ticket(category=used["id"])

    after = await set_categories(business)

    assert used["id"] in ids(after, retired=True)
    assert unused["id"] not in ids(after, retired=True)
    assert ids(after) == ["other"]
    found = await business.admin.read(
        ticket["ticketId"], "category { id label icon color isRetired }"
    )
    assert found["category"] == {**used, "isRetired": True}
    refused = await business.admin.problem(
        "createTicket", subject="x", description="x", category=used["id"]
    )
    assert refused["fields"][0]["path"] == "category"


async def test_a_retired_category_comes_back_when_it_is_listed_again(business: Business) -> None:
    used = {**CATEGORY, "id": business.make.word()}
    await set_categories(business, used)
    ticket = await business.make.ticket(category=used["id"])
    await set_categories(business)

    after = await set_categories(business, {**used, "label": "Otra vez", "color": "#ABCDEF"})

    assert used["id"] in ids(after)
    found = await business.admin.read(ticket["ticketId"], "category { label color isRetired }")
    assert found["category"] == {"label": "Otra vez", "color": "#ABCDEF", "isRetired": False}


async def test_a_category_may_be_retired_by_hand_and_is_kept_as_listed(
    business: Business,
) -> None:
    retired = {**CATEGORY, "id": business.make.word(), "isRetired": True}

    after = await set_categories(business, retired)

    listed = after["ticketCategories"]["categories"][0]
    assert (listed["id"], listed["isRetired"]) == (retired["id"], True)


@pytest.mark.parametrize("way", ["preset", "reset", "restore"])
async def test_no_way_of_changing_categories_loses_one_in_use(business: Business, way: str) -> None:
    (earlier, *_) = (await business.history("TICKET_CATEGORIES", first=1))["nodes"]
    used = {**CATEGORY, "id": business.make.word()}
    await set_categories(business, used)
    ticket = await business.make.ticket(category=used["id"])

    match way:
        case "preset":
            await business.apply("ecommerce")
        case "reset":
            await business.admin.succeed("resetConfiguration", section="TICKET_CATEGORIES")
        case _:
            await business.admin.succeed("restoreConfiguration", changeId=earlier["id"])

    found = await business.admin.read(ticket["ticketId"], "category { label color isRetired }")
    assert found["category"] == {"label": "Etiqueta", "color": "#123456", "isRetired": True}
    assert used["id"] in ids(await business.read(), retired=True)


# ---- history -------------------------------------------------------------------------------


async def test_every_version_comes_back_exactly_as_it_was(business: Business) -> None:
    for preset in ("restaurant", "healthcare"):
        await business.apply(preset)
    await set_categories(business, {**CATEGORY, "id": "a", "isRetired": True})
    await business.changed("assistant", greetingMessage="  Hola,\n{companyName} ñandú 💡 ")
    await business.changed("ticketIdFormat", separator="", padLength=12)
    await business.changed("instructionsTemplate", template='{"a": {categories}}')
    await business.changed("instructionsTemplate", template=None)
    await business.admin.succeed("savePreset", id="mine", label="Mine", labelEn="My own")
    await business.changed("slaTargets", low={"firstResponseMinutes": 1, "resolutionMinutes": 1})
    changes = (await business.history(first=40))["nodes"]
    keys = {
        "TICKET_CATEGORIES": "ticket_categories",
        "ASSISTANT": "assistant_configuration",
        "TERMINOLOGY": "ticket_terminology",
        "TICKET_ID_FORMAT": "ticket_id_format",
        "INSTRUCTIONS_TEMPLATE": "assistant_instructions_template",
        "SLA_TARGETS": "sla_targets",
        "PRESETS": "configuration_presets",
    }
    assert {change["section"] for change in changes} == set(keys)

    used = {each["category"] async for each in business.database.named_collection("tickets").find()}
    for change in changes:
        await business.admin.succeed("restoreConfiguration", changeId=change["id"])
        stored = await business.stored(keys[change["section"]])
        if change["section"] == "TICKET_CATEGORIES":
            # But for categories that tickets have and the list of then did not.
            then, now = len(change["after"]), stored
            stored, kept = now[:then], now[then:]
            assert all(each["isRetired"] and each["id"] in used for each in kept)
        assert stored == change["after"]


async def test_a_restoration_is_a_change_like_any_other(business: Business) -> None:
    first = await business.changed("terminology", ticketSingular="caso")
    (change, *_) = (await business.history("TERMINOLOGY", first=1))["nodes"]
    await business.changed("terminology", ticketSingular="asunto")

    after = (await business.admin.succeed("restoreConfiguration", changeId=change["id"]))[
        "configuration"
    ]["terminology"]

    assert after["ticketSingular"] == "caso"
    assert after["version"] == first["version"] + 2
    (restored, *_) = (await business.history("TERMINOLOGY", first=1))["nodes"]
    assert (restored["action"], restored["subject"]) == ("RESTORED", str(first["version"]))
    assert restored["before"]["ticketSingular"] == "asunto"


async def test_what_was_never_changed_cannot_be_restored(business: Business) -> None:
    ticket = await business.make.ticket()

    wrong = await business.admin.problem("restoreConfiguration", changeId=ticket["id"])
    unknown = await business.admin.problem(
        "restoreConfiguration", changeId=encode_id("ConfigurationChange", ObjectId())
    )

    assert (wrong["code"], wrong["fields"][0]["path"]) == ("VALIDATION", "changeId")
    assert unknown["code"] == "NOT_FOUND"


async def test_history_is_paged_newest_first(business: Business) -> None:
    for number in range(5):
        await business.changed("terminology", ticketSingular=f"caso {number}")
    whole = await business.history("TERMINOLOGY")
    pages: list[Data] = []
    after = None
    while True:
        page = await business.history("TERMINOLOGY", first=2, after=after)
        pages += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert pages == whole["nodes"]
    assert whole["totalCount"] == len(pages)
    versions = [each["version"] for each in pages]
    assert versions == sorted(versions, reverse=True)
    assert {each["section"] for each in pages} == {"TERMINOLOGY"}


# ---- presets -------------------------------------------------------------------------------


async def presets(business: Business) -> dict[str, Data]:
    section = await business.section("presetsSection")
    return {each["id"]: each for each in section["presets"]}


async def test_a_saved_preset_is_applied_exported_imported_and_deleted(
    business: Business,
) -> None:
    await business.apply("restaurant")
    await business.changed("assistant", companyName="Pizzería Nápoles", language="en")
    await business.changed("slaTargets", low={"firstResponseMinutes": 5, "resolutionMinutes": 9})
    mine = await business.read()
    await business.admin.succeed("savePreset", id="napoli", label="Nápoles", labelEn="Naples")
    exported = (await presets(business))["napoli"]
    await business.admin.succeed("resetConfiguration")
    assert "napoli" not in await presets(business)

    await business.admin.succeed("importPreset", document=exported["document"])
    assert (await presets(business))["napoli"] == exported
    after = await business.apply("napoli")

    for field in ("assistant", "terminology", "ticketIdFormat", "slaTargets"):
        said = [
            {name: value for name, value in each[field].items() if name not in ABOUT}
            for each in (after, mine)
        ]
        assert said[0] == said[1]
    assert ids(after) == ids(mine)
    assert not exported["isBuiltIn"]
    assert exported["sections"] == [section for section in SECTIONS if section != "PRESETS"]
    await business.admin.succeed("deletePreset", id="napoli")
    assert "napoli" not in await presets(business)
    assert (await business.read())["assistant"]["companyName"] == "Pizzería Nápoles"


async def test_saving_again_replaces_a_preset_of_ones_own(business: Business) -> None:
    await business.admin.succeed("savePreset", id="mine", label="One")
    await business.changed("ticketIdFormat", prefix="TWO")
    await business.admin.succeed("savePreset", id="mine", label="Two")

    saved = await presets(business)

    assert list(saved)[-1] == "mine"
    assert saved["mine"]["label"] == "Two"
    assert saved["mine"]["document"]["ticket_id_format"]["prefix"] == "TWO"


async def test_built_in_presets_stay_as_they_are(business: Business) -> None:
    before = await presets(business)
    document = {**before["restaurant"]["document"], "label": "Mine"}

    problems = [
        await business.admin.problem("deletePreset", id="restaurant"),
        await business.admin.problem("savePreset", id="restaurant", label="Mine"),
        await business.admin.problem("importPreset", document=document),
    ]

    assert [each["fields"][0]["path"] for each in problems] == ["id", "id", "document.id"]
    assert await presets(business) == before


async def test_an_unknown_preset_is_not_found(business: Business) -> None:
    for mutation in ("applyPreset", "deletePreset"):
        assert (await business.admin.problem(mutation, id="zoo"))["code"] == "NOT_FOUND"
    (error,) = await business.admin.errors(PREVIEW, {"presetId": "zoo"})
    assert error["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize("document", [None, 5, "x", [], {}, {"id": "x", "label": "x", "a": {}}])
async def test_what_is_no_preset_is_refused(business: Business, document: Any) -> None:
    answer = await business.admin.execute(
        "mutation($document: JSON!) { importPreset(input: {document: $document}) { __typename "
        "... on ValidationProblem { fields { path } } } }",
        {"document": document},
    )

    if document is None:
        assert answer.codes == ["VALIDATION"]
    else:
        assert answer.data is not None
        result = answer.data["importPreset"]
        assert result["__typename"] == "ValidationProblem"
        assert all(each["path"].startswith("document") for each in result["fields"])


async def test_presets_are_versioned_too(business: Business) -> None:
    version = (await business.section("presetsSection"))["version"]
    await business.admin.succeed("savePreset", id="one", label="One", expectedVersion=version)

    late = [
        await business.admin.problem("savePreset", id="two", label="2", expectedVersion=version),
        await business.admin.problem("deletePreset", id="one", expectedVersion=version),
    ]

    assert {each["code"] for each in late} == {"CONFLICT"}
    assert {each["currentVersion"] for each in late} == {version + 1}


# ---- preview -------------------------------------------------------------------------------


async def preview(business: Business, **arguments: Any) -> Data:
    return (await business.admin.query(PREVIEW, arguments))["configurationPreview"]


async def test_a_preview_shows_what_a_draft_would_do_and_does_nothing(
    business: Business,
) -> None:
    before, version = await business.read(), (await business.history(first=1))["nodes"][0]["id"]

    shown = await preview(
        business,
        draft={
            "assistant": {
                "assistantName": "Sol",
                "companyName": "{today}",
                "primaryServiceIssue": "x",
                "serviceType": "x",
                "greetingMessage": "{assistantName} de {companyName}: {categories}.",
                "language": "en",
            },
            "ticketCategories": {
                "categories": [
                    {**CATEGORY, "id": "a", "label": "Uno", "labelEn": "One"},
                    {**CATEGORY, "id": "other", "label": "Otro"},
                ]
            },
            "ticketIdFormat": {
                "prefix": "SOL",
                "includeYear": False,
                "padLength": 3,
                "separator": "/",
            },
            "instructionsTemplate": {"template": "{resolveVerb} {ticketNounPlural}"},
        },
    )

    assert shown["problems"] == []
    assert shown["nextTicketId"] == "SOL/001"
    assert shown["greeting"] == "Sol de {today}: One, Otro."
    assert shown["instructions"] == "resolver reportes"
    properties = shown["toolDefinitions"][0]["parameters"]["properties"]
    assert properties["category"]["enum"] == ["a", "other"]
    assert await business.read() == before
    assert (await business.history(first=1))["nodes"][0]["id"] == version
    assert (await preview(business))["nextTicketId"].startswith("LUX-")


async def test_a_preview_draws_no_number(business: Business) -> None:
    shown = [(await preview(business))["nextTicketId"] for _ in range(2)]

    ticket = await business.make.ticket()

    assert shown == [ticket["ticketId"]] * 2


async def test_a_preview_tells_what_would_be_refused_and_shows_the_rest(
    business: Business,
) -> None:
    shown = await preview(
        business,
        presetId="restaurant",
        draft={
            "ticketIdFormat": {
                "prefix": "x",
                "includeYear": True,
                "padLength": 6,
                "separator": "-",
            },
            "instructionsTemplate": {"template": "Llámate {assistantName}. {quien}"},
            "ticketCategories": {"categories": [{**CATEGORY, "id": "a", "color": "red"}]},
        },
    )

    assert [each["path"] for each in shown["problems"]] == [
        "ticketCategories.categories[0].color",
        "ticketIdFormat.prefix",
        "instructionsTemplate.template",
    ]
    assert shown["nextTicketId"].startswith("FOOD-")
    assert "Pizzería Roma" in shown["greeting"]


# ---- damage --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "field", "update", "fault"),
    [
        ("ticket_categories", "ticketCategories", {"$set": {"value": "gone"}}, "must be a list"),
        (
            "ticket_categories",
            "ticketCategories",
            {"$set": {"value.0.color": "red"}},
            "categories[0].color: must be written as #RRGGBB",
        ),
        ("ticket_id_format", "ticketIdFormat", {"$set": {"value": None}}, "must be an object"),
        ("ticket_id_format", "ticketIdFormat", {"$unset": {"version": 1}}, "version cannot be"),
        ("ticket_id_format", "ticketIdFormat", {"$set": {"updated_at": "x"}}, "updated_at cannot"),
        ("assistant_configuration", "assistant", {"$set": {"value.language": "xx"}}, "language:"),
        ("sla_targets", "slaTargets", {"$unset": {"value.HIGH": 1}}, "HIGH: is missing"),
        ("configuration_presets", "presetsSection", {"$set": {"value": [7]}}, "presets[0]:"),
    ],
)
async def test_a_damaged_section_runs_on_its_default_and_can_be_repaired(
    business: Business, key: str, field: str, update: Data, fault: str
) -> None:
    await business.apply("restaurant")
    whole = await business.section(field)
    await business.damage(key, update)

    damaged = await business.read()
    readiness = await business.readiness()
    ticket = await business.make.ticket()
    assert f"{key} runs on its default: " in readiness
    assert fault in readiness
    assert fault in damaged[field]["problem"]
    assert damaged[field]["isDefault"]
    assert (await business.server.http.get("/health/ready")).status_code == 200
    log = business.server.log_file.read_text("utf-8")
    assert "the configuration is damaged" in log
    assert fault in log
    assert ticket["ticketId"]

    if field == "presetsSection":
        result = await business.admin.succeed("resetConfiguration", section="PRESETS")
        repaired = result["configuration"][field]
    else:
        repaired = await business.changed(field)
    assert repaired["problem"] is None
    assert repaired["version"] > whole["version"]
    assert await business.readiness() == "is sound"


async def test_the_command_check_names_damage(business: Business) -> None:
    async def check() -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            COMMAND, "check", env=business.server.environment, stdout=PIPE
        )
        said, _ = await process.communicate()
        return process.returncode, " ".join(said.decode().split())

    sound = await check()
    await business.damage("sla_targets", {"$set": {"value": {}}})
    damaged = await check()
    await business.admin.succeed("resetConfiguration", section="SLA_TARGETS")

    assert (sound[0], damaged[0]) == (0, 1)
    assert "the configuration is sound" in sound[1]
    assert "sla_targets runs on its default: URGENT: is missing" in damaged[1]


async def test_tickets_show_their_categories_while_the_list_is_damaged_and_after(
    business: Business,
) -> None:
    await business.apply("healthcare")
    ticket = await business.make.ticket(category="prescription")
    await business.damage("ticket_categories", {"$set": {"value": [{}]}})
    expected = {"label": "Receta Médica", "color": "#10B981", "isRetired": True}

    async def shown() -> Data:
        selection = "category { label color isRetired }"
        return (await business.admin.read(ticket["ticketId"], selection))["category"]

    assert await shown() == expected
    await set_categories(business)
    assert await shown() == expected
    assert "prescription" in ids(await business.read(), retired=True)
