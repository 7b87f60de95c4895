"""The rules of the configuration: each with a value that breaks it, and the path that it names."""

from datetime import date
from typing import Any

import pytest

from domain.configuration import (
    SECTION_TYPES,
    Configuration,
    ConfigurationSection,
    Preset,
    default_configuration,
)
from domain.configuration.configuration import seeded_sections
from domain.configuration.defaults import built_in, built_in_instructions
from domain.errors import ValidationFailed
from domain.templates import VARIABLES, unknown_variables
from persistence.models import TicketPriority

CATEGORY = {"id": "a", "label": "A", "icon": "sun", "color": "#123456"}
OTHER = {"id": "other", "label": "Otro", "icon": "more-horizontal", "color": "#9CA3AF"}


def faults(section: ConfigurationSection, value: Any) -> dict[str, str]:
    """Of each fault of `value` the path and the message."""
    with pytest.raises(ValidationFailed) as refused:
        SECTION_TYPES[section].parse(value)
    return {each.path: each.message for each in refused.value.fields}


def default(section: ConfigurationSection) -> dict[str, Any]:
    return default_configuration().section(section).model_dump(by_alias=True, mode="json")


@pytest.mark.parametrize("section", ConfigurationSection)
def test_every_default_keeps_the_rules_and_comes_back_from_storage(
    section: ConfigurationSection,
) -> None:
    value = default_configuration().section(section)

    assert SECTION_TYPES[section].from_stored(value.to_stored()) == value


@pytest.mark.parametrize("section", ["ticket_categories", "sla_targets", "ticket_id_format"])
def test_sections_are_stored_as_the_defaults_are_written(section: str) -> None:
    stored = default_configuration().section(ConfigurationSection(section)).to_stored()

    assert stored == built_in()["defaults"][section]


# ---- categories ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "wrong", "message"),
    [
        ("id", "", "lower-case"),
        ("id", "Solar", "lower-case"),
        ("id", "solar panel", "lower-case"),
        ("id", "a__b", "lower-case"),
        ("id", "_a", "lower-case"),
        ("id", "ñ", "lower-case"),
        ("id", "a\n", "lower-case"),
        ("id", "a" * 41, "1 to 40"),
        ("label", "  ", "must not be empty"),
        ("label", "x" * 81, "at most 80 characters, has 81"),
        ("label", "two\nlines", "cannot be stored"),
        ("labelEn", "x" * 81, "at most 80"),
        ("description", "x" * 501, "at most 500"),
        ("icon", "Sun", "lucide"),
        ("icon", "sun--rise", "lucide"),
        ("icon", "<svg>", "lucide"),
        ("icon", "x" * 61, "lucide"),
        ("color", "red", "#RRGGBB"),
        ("color", "#12345", "#RRGGBB"),
        ("color", "#1234567", "#RRGGBB"),
        ("color", "#GGGGGG", "#RRGGBB"),
        ("color", "#123456\n", "#RRGGBB"),
        ("isRetired", "maybe", "true or false"),
        ("isRetired", None, "true or false"),
        ("size", 3, "is not known"),
    ],
)
def test_a_wrong_category_is_named_by_its_place(field: str, wrong: Any, message: str) -> None:
    value = {"categories": [OTHER, CATEGORY, {**CATEGORY, "id": "b", field: wrong}]}

    found = faults(ConfigurationSection.TICKET_CATEGORIES, value)

    assert list(found) == [f"categories[2].{field}"]
    assert message in found[f"categories[2].{field}"]


@pytest.mark.parametrize("field", ["id", "label", "icon", "color"])
def test_a_category_needs_its_fields(field: str) -> None:
    lacking = {name: value for name, value in CATEGORY.items() if name != field}

    found = faults(ConfigurationSection.TICKET_CATEGORIES, {"categories": [lacking, OTHER]})

    assert found == {f"categories[0].{field}": "is missing"}


@pytest.mark.parametrize(
    ("categories", "path", "message"),
    [
        ([], "categories", "must hold the category other"),
        ([CATEGORY], "categories", "must hold the category other"),
        ([CATEGORY, OTHER, CATEGORY], "categories[2].id", "a is the id of number 0 too"),
        ([CATEGORY, {**OTHER, "isRetired": True}], "categories[1].isRetired", "must stay"),
        (
            [OTHER, *({**CATEGORY, "id": f"c{number}"} for number in range(100))],
            "categories",
            "must be at most 100",
        ),
        ("solar", "categories", "must be a list"),
        ({}, "categories", "must be a list"),
        (None, "categories", "must be a list"),
        (["solar"], "categories[0]", "must be an object"),
    ],
)
def test_a_wrong_list_of_categories_is_refused(categories: Any, path: str, message: str) -> None:
    found = faults(ConfigurationSection.TICKET_CATEGORIES, {"categories": categories})

    assert list(found) == [path]
    assert message in found[path]


def test_retired_categories_do_not_count_against_the_limit() -> None:
    retired = [{**CATEGORY, "id": f"c{number}", "isRetired": True} for number in range(200)]

    parsed = SECTION_TYPES[ConfigurationSection.TICKET_CATEGORIES].from_stored([OTHER, *retired])

    assert parsed.to_stored() == [OTHER, *retired]


# ---- the other sections --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "field", "wrong", "message"),
    [
        ("ASSISTANT", "assistantName", "", "must not be empty"),
        ("ASSISTANT", "assistantName", "x" * 101, "at most 100"),
        ("ASSISTANT", "companyName", " ", "must not be empty"),
        ("ASSISTANT", "companyName", "x" * 101, "at most 100"),
        ("ASSISTANT", "companyName", "LUX\x00FREE", "cannot be stored"),
        ("ASSISTANT", "primaryServiceIssue", "x" * 301, "at most 300"),
        ("ASSISTANT", "serviceType", "x" * 201, "at most 200"),
        ("ASSISTANT", "greetingMessage", "\n", "must not be empty"),
        ("ASSISTANT", "greetingMessage", "x" * 2_001, "at most 2000"),
        ("ASSISTANT", "greetingMessage", "Soy {asistente}", "{asistente} is not a variable"),
        ("ASSISTANT", "language", "fr", "must be one of 'es', 'en'"),
        ("ASSISTANT", "language", 5, "must be a text"),
        ("ASSISTANT", "prompt", "x", "is not known"),
        *(
            ("TERMINOLOGY", field, wrong, message)
            for field in (
                "ticketSingular",
                "ticketPlural",
                "createVerb",
                "customerNoun",
                "agentNoun",
                "resolveVerb",
            )
            for wrong, message in (("", "must not be empty"), ("x" * 41, "at most 40"))
        ),
        ("TICKET_ID_FORMAT", "prefix", "", "A to Z and 0 to 9"),
        ("TICKET_ID_FORMAT", "prefix", "lux", "A to Z and 0 to 9"),
        ("TICKET_ID_FORMAT", "prefix", "LUX-", "A to Z and 0 to 9"),
        ("TICKET_ID_FORMAT", "prefix", "Ñ", "A to Z and 0 to 9"),
        ("TICKET_ID_FORMAT", "prefix", "A" * 13, "1 to 12"),
        ("TICKET_ID_FORMAT", "includeYear", "sometimes", "true or false"),
        ("TICKET_ID_FORMAT", "padLength", 2, "between 3 and 12, is 2"),
        ("TICKET_ID_FORMAT", "padLength", 13, "between 3 and 12, is 13"),
        ("TICKET_ID_FORMAT", "padLength", 6.5, "whole number"),
        ("TICKET_ID_FORMAT", "separator", ".", "must be one of '-', '_', '/', ''"),
        ("TICKET_ID_FORMAT", "separator", "--", "must be one of"),
        ("INSTRUCTIONS_TEMPLATE", "template", "", "must not be empty"),
        ("INSTRUCTIONS_TEMPLATE", "template", "x" * 20_001, "at most 20000"),
        ("INSTRUCTIONS_TEMPLATE", "template", "{hoy}", "those are {assistantName}"),
    ],
)
def test_a_wrong_field_is_named(section: str, field: str, wrong: Any, message: str) -> None:
    key = ConfigurationSection[section]

    found = faults(key, {**default(key), field: wrong})

    assert list(found) == [field]
    assert message in found[field]


@pytest.mark.parametrize(
    ("response", "resolution", "path", "message"),
    [
        (0, 60, "firstResponseMinutes", "between 1 and 525,600, is 0"),
        (-5, 60, "firstResponseMinutes", "between 1"),
        (10, 525_601, "resolutionMinutes", "between 1 and 525,600"),
        (61, 60, "firstResponseMinutes", "must be at most resolutionMinutes, 60"),
        (1.5, 60, "firstResponseMinutes", "whole number"),
        ("soon", 60, "firstResponseMinutes", "whole number"),
    ],
)
def test_wrong_minutes_are_named_with_their_priority(
    response: Any, resolution: Any, path: str, message: str
) -> None:
    key = ConfigurationSection.SLA_TARGETS
    wrong = {"firstResponseMinutes": response, "resolutionMinutes": resolution}

    found = faults(key, {**default(key), "HIGH": wrong})

    assert list(found) == [f"HIGH.{path}"]
    assert message in found[f"HIGH.{path}"]


def test_every_priority_has_targets() -> None:
    key = ConfigurationSection.SLA_TARGETS
    targets = default(key)
    del targets["LOW"]

    assert faults(key, targets) == {"LOW": "is missing"}
    assert all(default_configuration().sla_targets[priority] for priority in TicketPriority)


def test_every_fault_is_told_at_once() -> None:
    wrong = {"prefix": "lux", "includeYear": True, "padLength": 1, "separator": "."}

    found = faults(ConfigurationSection.TICKET_ID_FORMAT, wrong)

    assert list(found) == ["prefix", "padLength", "separator"]


# ---- presets -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "path", "message"),
    [
        ("restaurant", "document", "must be an object"),
        ({"id": "x", "label": "X"}, "document", "at least one section"),
        ({"id": "X!", "label": "X", "ticket_categories": [OTHER]}, "document.id", "lower-case"),
        ({"id": "x", "ticket_categories": [OTHER]}, "document.label", "is missing"),
        (
            {"id": "x", "label": "X", "ticket_categories": [CATEGORY]},
            "document.ticket_categories",
            "must hold the category other",
        ),
        (
            {"id": "x", "label": "X", "ticket_categories": [OTHER, {**CATEGORY, "color": "red"}]},
            "document.ticket_categories[1].color",
            "#RRGGBB",
        ),
        (
            {"id": "x", "label": "X", "ticket_id_format": {"prefix": "x"}},
            "document.ticket_id_format.prefix",
            "A to Z",
        ),
        (
            {"id": "x", "label": "X", "assistant_configuration": {"greetingMessage": "{x}"}},
            "document.assistant_configuration.greetingMessage",
            "{x} is not a variable",
        ),
        (
            {"id": "x", "label": "X", "ticket_terminology": {"noun": "caso"}},
            "document.ticket_terminology.noun",
            "is not known",
        ),
        (
            {"id": "x", "label": "X", "sla_targets": {"LOW": {"firstResponseMinutes": 1}}},
            "document.sla_targets.LOW.resolutionMinutes",
            "is missing",
        ),
        (
            {"id": "x", "label": "X", "ticket_categories": [OTHER], "configuration_presets": []},
            "document.configuration_presets",
            "is not known",
        ),
    ],
)
def test_a_wrong_preset_is_named_by_its_path(document: Any, path: str, message: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        Preset.parse(document, "document")

    (fault,) = refused.value.fields
    assert fault.path == path
    assert message in fault.message


@pytest.mark.parametrize("count", [2, 101])
def test_presets_have_ids_of_their_own_and_are_not_too_many(count: int) -> None:
    preset = {"id": "x", "label": "X", "ticket_categories": [OTHER]}
    presets = [{**preset, "id": "x" if count == 2 else f"x{each}"} for each in range(count)]

    found = faults(ConfigurationSection.PRESETS, {"presets": presets})

    assert list(found) == ["presets[1].id" if count == 2 else "presets"]


def test_a_preset_leaves_alone_what_it_does_not_mention() -> None:
    key = ConfigurationSection.ASSISTANT
    english = {**default(key), "language": "en", "greetingMessage": "Hi, I am {assistantName}."}
    before = default_configuration().replacing({key: SECTION_TYPES[key].parse(english)})
    restaurant = before.presets.find("restaurant")
    assert restaurant is not None

    after = before.replacing(before.with_preset(restaurant))

    assert after.assistant.company_name == "Pizzería Roma"
    assert after.assistant.greeting_message == "Hi, I am {assistantName}."
    assert after.assistant.language == "en"
    assert after.terminology.ticket_plural == "casos"
    assert after.terminology.customer_noun == before.terminology.customer_noun
    assert after.sla_targets == before.sla_targets


def test_a_saved_preset_brings_back_everything_but_the_presets() -> None:
    before = default_configuration()
    mine = before.as_preset("mine", "Mío", None)
    moved = before
    for preset in before.presets.presets:
        moved = moved.replacing(moved.with_preset(preset))
    template = ConfigurationSection.INSTRUCTIONS_TEMPLATE
    moved = moved.replacing({template: SECTION_TYPES[template].parse({"template": "x"})})

    assert moved.replacing(moved.with_preset(mine)) == before


# ---- defaults, environment, templates ------------------------------------------------------


def test_the_environment_overrides_single_values() -> None:
    sections = seeded_sections({"TICKET_PREFIX": "ACME", "TICKET_NOUN": "caso"})

    seeded = default_configuration().replacing(sections)

    assert seeded.ticket_id_format.prefix == "ACME"
    assert seeded.ticket_id_format.pad_length == 6
    assert seeded.terminology.ticket_singular == "caso"
    assert seeded.assistant == default_configuration().assistant


@pytest.mark.parametrize(
    ("variable", "wrong"),
    [
        ("TICKET_PREFIX", "acme"),
        ("ASSISTANT_NAME", "x" * 101),
        ("COMPANY_NAME", "two\nlines"),
        ("PRIMARY_SERVICE_ISSUE", "x" * 301),
        ("TICKET_NOUN", "x" * 41),
    ],
)
def test_a_wrong_override_names_its_variable(variable: str, wrong: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        seeded_sections({variable: wrong})

    assert [fault.path for fault in refused.value.fields] == [variable]


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_built_in_instructions_use_known_variables(language: str) -> None:
    assert unknown_variables(built_in_instructions(language)) == []


def test_the_built_in_instructions_follow_the_language() -> None:
    key = ConfigurationSection.ASSISTANT
    english = SECTION_TYPES[key].parse({**default(key), "language": "en"})

    configuration: Configuration = default_configuration().replacing({key: english})

    assert configuration.instructions() == built_in_instructions("en")


def test_every_variable_has_a_value() -> None:
    values = default_configuration().template_values(date(2026, 11, 22))

    assert set(values) == set(VARIABLES)
    assert values["ticketNounPlural"] == "reportes"
    assert values["today"] == "2026-11-22"
    assert values["categories"].endswith("Facturación, Otro")
