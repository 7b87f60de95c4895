"""The least that an answer can cost: the same JSON, from the raw driver, through orjson.

A bare Starlette application with no schema, no roles and no errors; nobody would run it. It exists
to be compared with, in the same run on the same machine. It asks the database what the API asks,
but for who is asking.
"""

import base64
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import uvicorn
from bson import ObjectId, Regex
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from domain.configuration import default_configuration
from domain.lifecycle import TRANSITIONS
from persistence.models import TicketStatus

Document = dict[str, Any]
Collection = AsyncIOMotorCollection[Document]

_CATEGORIES = {each.id: each for each in default_configuration().ticket_categories.categories}
# What is read of a row of a list: what it shows, and what it is sorted by.
_LISTED = (
    "ticket_id",
    "subject",
    "status",
    "priority",
    "source",
    "version",
    "created_at",
    "updated_at",
    "category",
    "tags",
    "customer_id",
    "assignee_id",
    "sort.created",
)


class Floor:
    def __init__(self, uri: str, database_name: str) -> None:
        self._client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(uri, tz_aware=True)
        self._database = self._client[database_name]
        self._tickets: Collection = self._database["tickets"]
        self._sockets: set[WebSocket] = set()
        self._model: Document | None = None
        # Where pages ended, by what was asked: the API searches no further either.
        self._ends: dict[str, str] = {}

    def routes(self) -> list[Route | WebSocketRoute]:
        return [
            Route("/ready", self.ready),
            Route("/one", self.one, methods=["POST"]),
            Route("/list", self.listed, methods=["POST"]),
            Route("/search", self.search, methods=["POST"]),
            Route("/create", self.create, methods=["POST"]),
            Route("/broadcast", self.broadcast, methods=["POST"]),
            WebSocketRoute("/socket", self.socket),
        ]

    async def ready(self, _: Request) -> Response:
        return Response()

    # ---- lists -----------------------------------------------------------------------------

    async def listed(self, request: Request) -> Response:
        size: int = orjson.loads(await request.body())["first"]
        return await self._page({}, size)

    async def search(self, _: Request) -> Response:
        words = [Regex("^lumin"), Regex("^centr")]
        return await self._page({"terms": {"$all": words}}, 20)

    async def _page(self, conditions: Document, size: int) -> Response:
        asked = f"{size}{conditions}"
        within = {"sort.created": {"$gte": self._ends.get(asked, "")}, **conditions}
        query = self._tickets.find(within, _LISTED).sort("sort.created", -1).limit(size + 1)
        found = await query.to_list(None)
        self._ends[asked] = found[-1]["sort"]["created"]
        page = found[:size]
        customer_ids = (each["customer_id"] for each in page)
        customers = await self._by_key("customers", customer_ids, ("name", "phone"))
        agents = await self._by_key("agents", (each["assignee_id"] for each in page), ("name",))
        return _json(
            {
                "tickets": {
                    "nodes": [_row(each, customers, agents) for each in page],
                    "pageInfo": {"hasNextPage": len(found) > size},
                }
            }
        )

    async def _by_key(
        self, collection: str, keys: Iterable[ObjectId | None], fields: Sequence[str]
    ) -> Document:
        wanted = list({key for key in keys if key is not None})
        query = self._database[collection].find({"_id": {"$in": wanted}}, fields)
        return {each["_id"]: each for each in await query.to_list(None)}

    # ---- one ticket ------------------------------------------------------------------------

    async def one(self, request: Request) -> Response:
        ticket_id: str = orjson.loads(await request.body())["id"]
        database = self._database
        ticket = await self._tickets.find_one({"ticket_id": ticket_id})
        assert ticket is not None
        of_ticket = {"ticket_key": ticket["_id"]}
        customer = await database["customers"].find_one({"_id": ticket["customer_id"]})
        agent = await database["agents"].find_one({"_id": ticket["assignee_id"]})
        conversation = await database["conversations"].find_one({"_id": ticket["conversation_id"]})
        notes = await database["notes"].find(of_ticket).sort("position").limit(21).to_list(None)
        events = database["ticket_events"]
        facts = {"before": 0, "after": 0}
        history = await events.find(of_ticket, facts).sort("version").limit(21).to_list(None)
        steps = {**of_ticket, "changes.field": "status"}
        statuses = await events.find(steps, facts).sort("version").to_list(None)
        either_end = {"ends": {"$in": [ticket["_id"], None]}}
        links = await database["ticket_links"].find(either_end).to_list(None)
        other_keys = (link["other_key"] for link in links)
        others = await self._by_key("tickets", other_keys, ("ticket_id", "subject", "status"))
        assert customer is not None
        assert agent is not None
        assert conversation is not None
        first, resolution = ticket["sla"]["targets"]
        category = _CATEGORIES[ticket["category"]]
        whole = {
            "id": _id("Ticket", ticket["_id"]),
            "ticketId": ticket["ticket_id"],
            "subject": ticket["subject"],
            "description": ticket["description"],
            "status": ticket["status"],
            "priority": ticket["priority"],
            "source": ticket["source"],
            "version": ticket["version"],
            "createdAt": _at(ticket["created_at"]),
            "updatedAt": _at(ticket["updated_at"]),
            "allowedTransitions": TRANSITIONS[TicketStatus(ticket["status"])],
            "tags": ticket["tags"],
            "category": {
                "id": category.id,
                "label": category.label,
                "color": category.color,
                "icon": category.icon,
                "isRetired": category.is_retired,
            },
            "customer": {
                "id": _id("Customer", customer["_id"]),
                "name": customer["name"],
                "phone": customer["phone"],
                "email": customer["email"],
            },
            "assignee": {
                "id": _id("Agent", agent["_id"]),
                "name": agent["name"],
                "role": agent["role"],
            },
            "conversation": {
                "id": _id("Conversation", conversation["_id"]),
                "channel": conversation["channel"],
                "handler": conversation["handler"],
            },
            "sla": {
                "firstResponse": {"completedAt": _at(first["completed_at"])},
                "resolution": {"completedAt": _at(resolution["completed_at"])},
                "pausedIntervals": [
                    {"from": _at(pause["start"]), "to": _at(pause["end"])}
                    for pause in ticket["sla"]["pauses"]
                ],
            },
            "statusHistory": [step for event in statuses for step in _steps(event)],
            "notes": {"nodes": [_note(each) for each in notes]},
            "history": {"nodes": [_event(each) for each in history]},
            "links": [_link(each, others[each["other_key"]]) for each in links],
        }
        return _json({"ticket": whole})

    # ---- writing ---------------------------------------------------------------------------

    async def create(self, request: Request) -> Response:
        given: Document = orjson.loads(await request.body())["input"]
        if self._model is None:
            self._model = await self._tickets.find_one({"ticket_id": "BENCH-000001"}) or {}
        database, now, key = self._database, datetime.now(UTC), ObjectId()
        await database["customers"].find_one({"_id": ObjectId(_key(given["customerId"]))})
        async with await self._client.start_session() as session, session.start_transaction():
            counter: Document = await database["floor_counters"].find_one_and_update(
                {"_id": "floor"}, {"$inc": {"value": 1}}, upsert=True, return_document=True
            )
            ticket: Document = {
                **self._model,
                "_id": key,
                "ticket_id": f"FLOOR-{counter['value']:06}",
                "subject": given["subject"],
                "description": given["description"],
                "status": "NEW",
                "version": 1,
                "created_at": now,
            }
            event = {
                "ticket_key": key,
                "version": 1,
                "occurred_at": now,
                "changes": [
                    {"field": name, "old": None, "new": ticket[name]}
                    for name in ("subject", "description", "category", "priority", "status")
                ],
                "after": {
                    name: ticket[name]
                    for name in ("status", "priority", "category", "tags", "source", "audience")
                },
            }
            await self._tickets.insert_one(ticket, session=session)
            await database["ticket_events"].insert_one(event, session=session)
        shown = {name: ticket[name] for name in ("subject", "status", "version")}
        return _json({"createTicket": {"ticket": shown}})

    # ---- broadcasting ----------------------------------------------------------------------

    async def socket(self, websocket: WebSocket) -> None:
        await websocket.accept()
        self._sockets.add(websocket)
        try:
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            self._sockets.discard(websocket)

    async def broadcast(self, request: Request) -> Response:
        text = (await request.body()).decode()
        for websocket in self._sockets:
            await websocket.send_text(text)
        return Response()


def _json(data: Document) -> Response:
    return Response(orjson.dumps({"data": data}), media_type="application/json")


def _at(instant: datetime | None) -> str | None:
    if instant is None:
        return None
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _row(ticket: Document, customers: Document, agents: Document) -> Document:
    customer, agent = customers.get(ticket["customer_id"]), agents.get(ticket["assignee_id"])
    category = _CATEGORIES[ticket["category"]]
    return {
        "ticketId": ticket["ticket_id"],
        "subject": ticket["subject"],
        "status": ticket["status"],
        "priority": ticket["priority"],
        "source": ticket["source"],
        "version": ticket["version"],
        "createdAt": _at(ticket["created_at"]),
        "updatedAt": _at(ticket["updated_at"]),
        "category": {"label": category.label, "color": category.color},
        "tags": ticket["tags"],
        "customer": customer and {"name": customer["name"], "phone": customer["phone"]},
        "assignee": agent and {"name": agent["name"]},
    }


def _steps(event: Document) -> list[Document]:
    return [
        {
            "from": change["old"],
            "to": change["new"],
            "changedAt": _at(event["occurred_at"]),
            "changedBy": _actor(event["actor"]),
        }
        for change in event["changes"]
        if change["field"] == "status"
    ]


def _note(note: Document) -> Document:
    return {
        "id": _id("Note", note["_id"]),
        "content": note["content"],
        "visibility": note["visibility"],
        "createdAt": _at(note["created_at"]),
        "author": _actor(note["author"]),
    }


def _event(event: Document) -> Document:
    return {
        "id": _id("TicketEvent", event["_id"]),
        "version": event["version"],
        "occurredAt": _at(event["occurred_at"]),
        "actor": _actor(event["actor"]),
        "changes": [
            {
                "field": change["field"],
                "from": change["old"],
                "to": _id("Agent", ObjectId(change["new"]))
                if change["field"] == "assigneeId"
                else change["new"],
            }
            for change in event["changes"]
        ],
    }


def _link(link: Document, other: Document) -> Document:
    return {
        "kind": link["kind"],
        "isOutgoing": True,
        "ticket": {
            "ticketId": other["ticket_id"],
            "subject": other["subject"],
            "status": other["status"],
        },
    }


def _actor(ref: Document) -> Document:
    return {"kind": ref["kind"], "name": ref["name"]}


def _id(type_name: str, key: ObjectId) -> str:
    return base64.urlsafe_b64encode(f"{type_name}:{key}".encode()).decode().rstrip("=")


def _key(global_id: str) -> str:
    padded = global_id + "=" * (-len(global_id) % 4)
    return base64.urlsafe_b64decode(padded).decode().partition(":")[2]


def main() -> None:
    """`python -m bench.floor PORT`, with the database in the environment."""
    floor = Floor(os.environ["TICKETS_MONGODB_URI"], os.environ["TICKETS_DATABASE_NAME"])
    uvicorn.run(
        Starlette(routes=floor.routes()),
        port=int(sys.argv[1]),
        access_log=False,
        log_level="warning",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
    )


if __name__ == "__main__":
    main()
