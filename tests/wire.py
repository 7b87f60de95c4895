"""A way to the database that writes down every command it carries, from whichever process."""

import asyncio
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from bson import BSON

Command = dict[str, Any]

_HEADER = struct.Struct("<iiii")
_OP_MSG = 2013
# What drivers send about connections and sessions; everything else somebody asked for.
_HOUSEKEEPING = {"hello", "isMaster", "ismaster", "ping", "endSessions"}


class Recorder:
    """`commands` grows as clients of `uri` send them; empty it to begin anew."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.commands: list[Command] = []

    def hear(self, message: bytes) -> None:
        """Take down a request, an OP_MSG of MongoDB's wire protocol."""
        command: Command = {}
        # After the header and the flags come sections: the command, or a list that belongs to it.
        position = _HEADER.size + 4
        while position < len(message):
            kind, (size,) = message[position], struct.unpack_from("<i", message, position + 1)
            content = message[position + 1 : position + 1 + size]
            if kind == 0:
                command = BSON(content).decode() | command
            else:
                name, _, documents = content[4:].partition(b"\0")
                command[name.decode()] = _each(documents)
            position += 1 + size
        if next(iter(command)) not in _HOUSEKEEPING:
            self.commands.append(command)


def _each(documents: bytes) -> list[Command]:
    found: list[Command] = []
    while documents:
        (size,) = struct.unpack_from("<i", documents)
        found.append(BSON(documents[:size]).decode())
        documents = documents[size:]
    return found


@asynccontextmanager
async def recording(uri: str) -> AsyncGenerator[Recorder]:
    """A server of the wire protocol that passes everything on to the one at `uri`."""
    target = urlsplit(uri)
    assert target.hostname is not None

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(target.hostname, target.port)

        async def forth() -> None:
            while True:
                header = await reader.readexactly(_HEADER.size)
                size, _, _, operation = _HEADER.unpack(header)
                message = header + await reader.readexactly(size - _HEADER.size)
                if operation == _OP_MSG:
                    recorder.hear(message)
                server_writer.write(message)

        async def back() -> None:
            while answer := await server_reader.read(65536):
                writer.write(answer)

        ways = [asyncio.create_task(forth()), asyncio.create_task(back())]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        server_writer.close()
        writer.close()

    async with await asyncio.start_server(carry, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        account = f"{target.netloc.rpartition('@')[0]}@" if target.username else ""
        query = "&".join(filter(None, [target.query, "directConnection=true"]))
        recorder = Recorder(f"mongodb://{account}127.0.0.1:{port}/?{query}")
        yield recorder
