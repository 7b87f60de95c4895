"""What the assistant's tools and the assistant itself say in fixed words, in both languages."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from domain.configuration import Configuration
from domain.templates import substitute
from persistence.models import TicketStatus


class Phrase(StrEnum):
    CREATED = "created"
    NOT_CREATED = "not created"
    FOUND = "found"
    FOUND_RECENT = "found recent"
    NONE_RECENT = "none recent"
    NOT_FOUND = "not found"
    NOT_READ = "not read"
    UNKNOWN_TOOL = "unknown tool"
    NOT_JSON = "not JSON"
    MISSING = "missing"
    NOT_OF_TYPE = "not of type"
    INVALID = "invalid"
    REPEATED_CALL = "repeated call"
    HANDED_OVER = "handed over"
    TODAY = "today"


# `{o}` is the ending that agrees with the ticket's noun, `{el}`, `{ningun}` and `{un}` are words
# that agree with the noun behind them.
_SPANISH: Final[Mapping[Phrase, str]] = {
    Phrase.CREATED: "{ticket} cread{o} exitosamente",
    Phrase.NOT_CREATED: "No se pudo crear {el} {ticket}. Por favor intenta de nuevo.",
    Phrase.FOUND: "{ticket} {number}: {status}",
    Phrase.FOUND_RECENT: "{tickets} encontrad{o}s: {count}",
    Phrase.NONE_RECENT: "No hay {tickets}.",
    Phrase.NOT_FOUND: "No se encontró {ningun} {ticket} con ese número.",
    Phrase.NOT_READ: "No se pudo consultar {el} {ticket}. Por favor intenta de nuevo.",
    Phrase.UNKNOWN_TOOL: "No existe esa herramienta. Las que hay: {names}.",
    Phrase.NOT_JSON: "Los argumentos deben ser un objeto JSON válido. Corrígelos y llama de nuevo.",
    Phrase.MISSING: "Falta: {names}. Pregúntalo si no lo sabes y llama de nuevo.",
    Phrase.NOT_OF_TYPE: "No es del tipo que pide la herramienta: {names}. Corrígelo y llama de "
    "nuevo.",
    Phrase.INVALID: "No se puede guardar: {names}. Corrígelo y llama de nuevo.",
    Phrase.REPEATED_CALL: "Este call_id ya se usó con otros argumentos. Usa uno nuevo.",
    Phrase.HANDED_OVER: "Disculpa, en este momento no puedo responderte. En breve continuará "
    "contigo {un} {agent}.",
    Phrase.TODAY: "la fecha del mensaje",
}
_ENGLISH: Final[Mapping[Phrase, str]] = {
    Phrase.CREATED: "{ticket} created successfully",
    Phrase.NOT_CREATED: "The {ticket} could not be created. Please try again.",
    Phrase.FOUND: "{ticket} {number}: {status}",
    Phrase.FOUND_RECENT: "{tickets} found: {count}",
    Phrase.NONE_RECENT: "There are no {tickets}.",
    Phrase.NOT_FOUND: "No {ticket} with that number was found.",
    Phrase.NOT_READ: "The {ticket} could not be looked up. Please try again.",
    Phrase.UNKNOWN_TOOL: "There is no such tool. Those that exist: {names}.",
    Phrase.NOT_JSON: "The arguments must be a valid JSON object. Correct them and call again.",
    Phrase.MISSING: "Missing: {names}. Ask for it if you do not know it, and call again.",
    Phrase.NOT_OF_TYPE: "Not of the type that the tool asks for: {names}. Correct it and call "
    "again.",
    Phrase.INVALID: "Cannot be stored: {names}. Correct it and call again.",
    Phrase.REPEATED_CALL: "This call_id was used with other arguments. Use a new one.",
    Phrase.HANDED_OVER: "I am sorry, I cannot answer you at the moment. Somebody of our team will "
    "continue with you shortly.",
    Phrase.TODAY: "the date of the message",
}
_PHRASES: Final = {"es": _SPANISH, "en": _ENGLISH}

_STATUSES: Final[Mapping[str, Mapping[TicketStatus, str]]] = {
    "es": {
        TicketStatus.NEW: "recibid{o}",
        TicketStatus.OPEN: "aceptad{o}",
        TicketStatus.IN_PROGRESS: "en proceso",
        TicketStatus.PENDING_CUSTOMER: "en espera de una respuesta tuya",
        TicketStatus.WAITING_INTERNAL: "en proceso, a la espera de un tercero",
        TicketStatus.RESOLVED: "resuelt{o}",
        TicketStatus.CLOSED: "cerrad{o}",
    },
    "en": {
        TicketStatus.NEW: "received",
        TicketStatus.OPEN: "accepted",
        TicketStatus.IN_PROGRESS: "in progress",
        TicketStatus.PENDING_CUSTOMER: "waiting for your answer",
        TicketStatus.WAITING_INTERNAL: "in progress, waiting for somebody else",
        TicketStatus.RESOLVED: "resolved",
        TicketStatus.CLOSED: "closed",
    },
}


class Phrases:
    """The phrases in the configured language, with the configured nouns."""

    def __init__(self, configuration: Configuration) -> None:
        self._language = configuration.assistant.language
        nouns = configuration.terminology
        feminine = _is_feminine(nouns.ticket_singular)
        self._words = {
            "ticket": nouns.ticket_singular,
            "tickets": nouns.ticket_plural,
            "agent": nouns.agent_noun,
            "o": "a" if feminine else "o",
            "el": "la" if feminine else "el",
            "ningun": "ninguna" if feminine else "ningún",
            "un": "una" if _is_feminine(nouns.agent_noun) else "un",
        }

    def say(self, phrase: Phrase, **values: str) -> str:
        return substitute(_PHRASES[self._language][phrase], {**self._words, **values})

    def status(self, status: TicketStatus) -> str:
        """What a customer is told of the state."""
        return substitute(_STATUSES[self._language][status], self._words)


_FEMININE = ("a", "ión", "dad", "tad", "tud", "umbre")
_MASCULINE = ("ema", "ama", "oma", "día")


def _is_feminine(noun: str) -> bool:
    """Of a Spanish noun, by its ending: `solicitud`, `consulta` against `reporte`, `problema`."""
    first = noun.lower().split(maxsplit=1)[0] if noun.strip() else noun
    return first.endswith(_FEMININE) and not first.endswith(_MASCULINE)
