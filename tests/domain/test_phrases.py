"""What the assistant says in fixed words: both languages, with nouns of either gender."""

import pytest

from domain.assistant.phrases import Phrase, Phrases
from domain.configuration import Configuration, ConfigurationSection, default_configuration
from persistence.models import TicketStatus


def phrases(language: str = "es", **nouns: str) -> Phrases:
    configuration: Configuration = default_configuration()
    terminology = configuration.terminology.model_copy(update=nouns)
    assistant = configuration.assistant.model_copy(update={"language": language})
    return Phrases(
        configuration.replacing(
            {
                ConfigurationSection.TERMINOLOGY: terminology,
                ConfigurationSection.ASSISTANT: assistant,
            }
        )
    )


def test_the_nouns_of_the_business_are_used_in_both_languages() -> None:
    spanish, english = phrases(), phrases("en", ticket_singular="report")
    assert spanish.say(Phrase.CREATED) == "reporte creado exitosamente"
    assert spanish.say(Phrase.NOT_CREATED) == (
        "No se pudo crear el reporte. Por favor intenta de nuevo."
    )
    assert english.say(Phrase.CREATED) == "report created successfully"
    assert english.say(Phrase.NOT_CREATED) == "The report could not be created. Please try again."


@pytest.mark.parametrize(
    ("noun", "created", "not_found"),
    [
        ("caso", "caso creado", "ningún caso"),
        ("problema", "problema creado", "ningún problema"),
        ("solicitud", "solicitud creada", "ninguna solicitud"),
        ("incidencia", "incidencia creada", "ninguna incidencia"),
        ("petición de servicio", "petición de servicio creada", "ninguna petición de servicio"),
    ],
)
def test_spanish_words_agree_with_the_noun(noun: str, created: str, not_found: str) -> None:
    said = phrases(ticket_singular=noun)
    assert said.say(Phrase.CREATED) == f"{created} exitosamente"
    assert said.say(Phrase.NOT_FOUND) == f"No se encontró {not_found} con ese número."


def test_a_person_is_announced_by_the_noun_for_agents() -> None:
    assert phrases(agent_noun="persona").say(Phrase.HANDED_OVER).endswith("contigo una persona.")
    assert phrases(agent_noun="técnico").say(Phrase.HANDED_OVER).endswith("contigo un técnico.")


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_phrase_and_status_is_whole_in_both_languages(language: str) -> None:
    said = phrases(language)
    values = {"names": "a, b", "number": "LUX-2026-000001", "status": "x", "count": "2"}
    texts = [*(said.say(each, **values) for each in Phrase), *map(said.status, TicketStatus)]
    assert all(texts)
    assert not set("".join(texts)) & set("{}")


def test_a_noun_is_no_template() -> None:
    assert phrases(ticket_singular="{number}").say(Phrase.CREATED).startswith("{number} ")
