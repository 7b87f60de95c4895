"""The set-up of docs/production.md: nginx with deploy/nginx.conf before workers, over TLS."""

import asyncio
import json
import os
import shutil
import signal
import ssl
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Origin, Subprotocol

from tests.client import Api
from tests.factories import Factory
from tests.feed.test_event_stream import Stream
from tests.servers import ROOT, Server, Servers, free_port
from tests.test_workers import until_gone

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
NAME = "tickets.example.com"
PNG = b"\x89PNG\r\n\x1a\n"
EVENTS = "subscription { ticketEvents { ... on TicketEvent { cursor ticketId } } }"

pytestmark = pytest.mark.skipif(
    not Path(NGINX).exists(), reason="nginx is not installed: apt-get install nginx"
)


@dataclass(frozen=True, slots=True)
class Site:
    """What the world sees."""

    port: int
    trust: ssl.SSLContext
    server: Server

    def http(self, address: str = "127.0.0.1") -> httpx.AsyncClient:
        """A client at that address of the loopback."""
        return httpx.AsyncClient(
            base_url=f"https://{NAME}:{self.port}",
            transport=_Resolved(
                httpx.AsyncHTTPTransport(verify=self.trust, local_address=address), self.port
            ),
            timeout=60,
        )


class _Resolved(httpx.AsyncBaseTransport):
    """Finds the site on the loopback, whatever its name."""

    def __init__(self, transport: httpx.AsyncHTTPTransport, port: int) -> None:
        self._transport = transport
        self._port = port

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = request.url.host
        request.url = request.url.copy_with(host="127.0.0.1")
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        await self._transport.aclose()


def certificate(directory: Path) -> tuple[Path, Path]:
    """For the name, signed by itself; and its key."""
    pem, key = directory / "fullchain.pem", directory / "privkey.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "1", "-subj", f"/CN={NAME}"),
            *("-addext", f"subjectAltName=DNS:{NAME}", "-keyout", key, "-out", pem),
        ],
        check=True,
        capture_output=True,
    )
    return pem, key


def configuration(directory: Path, server: Server) -> tuple[Path, int, Path]:
    """The committed one, with other ports and this certificate; the port, and what to trust."""
    pem, key = certificate(directory)
    port = free_port()
    committed = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
    replaced = {
        "127.0.0.1:8000": server.address.removeprefix("http://"),
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/tickets/fullchain.pem": str(pem),
        "/etc/ssl/tickets/privkey.pem": str(key),
    }
    for old, new in replaced.items():
        assert old in committed
        committed = committed.replace(old, new)
    (directory / "tickets.conf").write_text(committed, "utf-8")
    temporary = "".join(
        f"{kind}_temp_path {directory / kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = directory / "nginx.conf"
    main.write_text(
        f"daemon off; pid {directory / 'nginx.pid'}; error_log {directory / 'error.log'};\n"
        f"events {{}}\nhttp {{ access_log off;\n{temporary}"
        f"include {directory / 'tickets.conf'}; }}\n",
        "utf-8",
    )
    return main, port, pem


@asynccontextmanager
async def proxied(server: Server, directory: Path) -> AsyncGenerator[Site]:
    main, port, pem = configuration(directory, server)
    # As root it would give its workers to another user, who cannot read a test's directory.
    user = "user root; " if os.geteuid() == 0 else ""
    process = await asyncio.create_subprocess_exec(
        *(NGINX, "-p", str(directory), "-c", str(main), "-g", user)
    )
    trust = ssl.create_default_context(cafile=str(pem))
    site = Site(port, trust, server)
    try:
        async with asyncio.timeout(60), site.http() as http:
            while not await _is_up(http):
                assert process.returncode is None, "nginx ended; it says why above"
                await asyncio.sleep(0.05)
        yield site
    finally:
        process.terminate()
        await process.wait()


async def _is_up(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/health/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def test_all_that_is_served_is_served_through_the_proxy(
    servers: Servers, tmp_path: Path
) -> None:
    server = await servers.start(
        TICKETS_PRODUCTION="true",
        TICKETS_WORKERS="2",
        TICKETS_REQUEST_RATE_PER_ADDRESS="40 per hour",
    )
    credential = (await server.sign_in()).credential
    async with proxied(server, tmp_path) as site, site.http() as http:
        admin = Api(http, credential)
        make = Factory(server, admin)
        answer = await admin.execute("{ viewer { name } }")
        assert answer.status == 200
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert (await http.get("/")).headers["content-type"].startswith("text/html")
        assert (await http.get("/metrics")).status_code == 404
        await sockets_work(site, make, admin)
        await event_streams_work(http, make, admin)
        await files_have_room(make, admin)
        await whoever_asks_too_often_is_told_by_their_own_address(site)
        await workers_are_replaced_unnoticed(server, admin)


async def sockets_work(site: Site, make: Factory, admin: Api) -> None:
    """From a page of the site itself, and of no other."""

    def opened(origin: str) -> connect:
        return connect(
            f"wss://{NAME}:{site.port}/graphql",
            host="127.0.0.1",
            port=site.port,
            ssl=site.trust,
            server_hostname=NAME,
            origin=Origin(origin),
            subprotocols=[Subprotocol("graphql-transport-ws")],
            proxy=None,
        )

    async with opened(f"https://{NAME}:{site.port}") as socket, asyncio.timeout(60):
        payload = {"authorization": f"Bearer {admin.credential}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        subscribe = {"id": "1", "type": "subscribe", "payload": {"query": EVENTS}}
        await socket.send(json.dumps(subscribe))
        marker = {"id": "2", "type": "subscribe", "payload": {"query": "{ __typename }"}}
        await socket.send(json.dumps(marker))
        assert json.loads(await socket.recv())["id"] == "2"
        assert json.loads(await socket.recv())["type"] == "complete"
        ticket = await make.ticket()
        told = json.loads(await socket.recv())["payload"]["data"]["ticketEvents"]
        assert told["ticketId"] == ticket["ticketId"]
    with pytest.raises(Exception, match="403"):
        async with opened("https://elsewhere.example"):
            pass


async def event_streams_work(http: httpx.AsyncClient, make: Factory, admin: Api) -> None:
    headers = {**admin.headers, "Accept": "text/event-stream"}
    async with http.stream("POST", "/graphql", json={"query": EVENTS}, headers=headers) as response:
        stream = Stream(response)
        is_told = asyncio.create_task(stream.item())
        while not is_told.done():
            # What was made before the stream began is not told; each is passed on when it happens.
            await make.ticket()
            await asyncio.wait([is_told], timeout=0.5)
        assert (await is_told)["ticketId"]


async def files_have_room(make: Factory, admin: Api) -> None:
    ticket_id = (await make.ticket())["ticketId"]
    largest = PNG + bytes(10_000_000 - len(PNG))
    attached = await admin.attached(ticket_id, "largest.png", largest)
    assert "code" not in attached, attached
    refused = await admin.attach(ticket_id, "larger.png", largest + bytes(2_000_000))
    assert refused.status_code == 413


async def whoever_asks_too_often_is_told_by_their_own_address(site: Site) -> None:
    """Whatever they say that it is."""

    async def ask(http: httpx.AsyncClient, number: int) -> int:
        claimed = {"X-Forwarded-For": f"203.0.113.{number}"}
        answer = await http.post("/graphql", json={"query": "{ __typename }"}, headers=claimed)
        return answer.status_code

    async with site.http("127.0.0.2") as greedy, site.http("127.0.0.3") as modest:
        assert 429 in [await ask(greedy, number) for number in range(60)]
        assert await ask(modest, 0) == 200


async def workers_are_replaced_unnoticed(server: Server, admin: Api) -> None:
    first = server.workers
    is_over = asyncio.Event()

    async def ask() -> None:
        while not is_over.is_set():
            await admin.query("{ viewer { name } }")

    async with asyncio.TaskGroup() as clients, asyncio.timeout(300):
        for _ in range(3):
            clients.create_task(ask())
        os.kill(server.pid, signal.SIGHUP)
        await until_gone(*first)
        is_over.set()
