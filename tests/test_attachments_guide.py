"""docs/attachments.md: its commands run, one after the other, and do what they say."""

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from tests.client import Api
from tests.factories import Factory
from tests.servers import Server

GUIDE = Path(__file__).parents[1] / "docs" / "attachments.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="the guide uses curl")
async def test_every_command_of_the_guide_runs(
    server: Server, admin: Api, make: Factory, tmp_path: Path
) -> None:
    ticket = await make.ticket()
    commands = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(commands) == 2
    shell = await asyncio.create_subprocess_exec(
        "sh",
        "-ec",
        "".join(commands),
        cwd=tmp_path,
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "URL": server.address,
            "TOKEN": str(admin.credential),
            "TICKET": ticket["ticketId"],
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await shell.communicate()
    assert shell.returncode == 0, output.decode()
    assert "TicketPayload" in output.decode()
    assert (tmp_path / "again.txt").read_text().startswith("The lamp")
