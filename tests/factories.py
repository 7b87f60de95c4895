"""What tests need to exist: made through the API, unique, so that no test depends on another."""

import itertools
from dataclasses import dataclass
from typing import Any

from tests.client import TICKET, Api, Data
from tests.servers import Server

PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account, signed in."""

    api: Api
    id: str
    name: str
    email: str
    role: str


@dataclass(frozen=True, slots=True)
class Bot:
    """An API key in use."""

    api: Api
    id: str
    name: str
    secret: str


class Factory:
    """Everything it makes is made by the `admin`, or by whom the test names."""

    def __init__(self, server: Server, admin: Api) -> None:
        self.server = server
        self._admin = admin

    def number(self) -> int:
        return next(_numbers)

    def word(self) -> str:
        """A word that stands in no other text, of letters alone and without an ending."""
        return "".join("bdfgklmprt"[int(digit)] for digit in f"{self.number():06d}") + "x"

    def phone(self) -> str:
        """In E.164."""
        return f"+5255{self.number():08d}"

    async def account(self, role: str = "AGENT", **details: Any) -> Data:
        """An agent who has not signed in; with `PASSWORD`."""
        number = self.number()
        details = {"name": f"Person {number}", "email": f"person{number}@example.com"} | details
        made = await self._admin.succeed("createAgent", password=PASSWORD, role=role, **details)
        return made["agent"]

    async def person(self, role: str = "AGENT", **details: Any) -> Person:
        account = await self.account(role, **details)
        api = await self.server.sign_in(account["email"], PASSWORD)
        return Person(api, account["id"], account["name"], account["email"], role)

    async def bot(self, *, name: str | None = None, expires_at: str | None = None) -> Bot:
        name = name or f"Bot {self.number()}"
        made = await self._admin.succeed("createApiKey", name=name, expiresAt=expires_at)
        return Bot(self.server.api(made["secret"]), made["apiKey"]["id"], name, made["secret"])

    async def customer(self, **details: Any) -> Data:
        """With a `phone` and a `name` of its own unless they are given."""
        details = {"phone": self.phone(), "name": f"Customer {self.number()}"} | details
        return (await self._admin.succeed("upsertCustomer", **details))["customer"]

    async def conversation(self, customer: Data | None = None, **details: Any) -> Data:
        customer = customer or await self.customer()
        details = {"channel": "WHATSAPP"} | details
        made = await self._admin.succeed("startConversation", customerId=customer["id"], **details)
        return made["conversation"]

    async def ticket(self, *, by: Api | None = None, **details: Any) -> Data:
        details = {
            "subject": f"Ticket {self.number()}",
            "description": "A lamp does not light.",
            "category": "other",
        } | details
        return (await (by or self._admin).succeed("createTicket", ticket=TICKET, **details))[
            "ticket"
        ]

    async def assigned_ticket(self, person: Person, **details: Any) -> Data:
        ticket = await self.ticket(**details)
        assigned = await self._admin.succeed(
            "assignTicket", ticket=TICKET, ticketId=ticket["ticketId"], assigneeId=person.id
        )
        return assigned["ticket"]

    async def resolved_ticket(self, **details: Any) -> Data:
        ticket = await self.ticket(**details)
        resolved = await self._admin.succeed(
            "resolveTicket", ticket=TICKET, ticketId=ticket["ticketId"], summary="Replaced."
        )
        return resolved["ticket"]
