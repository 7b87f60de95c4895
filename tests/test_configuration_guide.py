"""docs/configuration.md: every query in it runs, in order, and answers as it says."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.client import Data
from tests.servers import Servers

GUIDE = Path(__file__).parents[1] / "docs" / "configuration.md"
_BLOCK = re.compile(
    r"^```(graphql|json variables|json answer)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(slots=True)
class Step:
    """A block of GraphQL, with what the blocks after it say of its variables and its answer."""

    document: str
    variables: dict[str, Any] = field(default_factory=dict[str, Any])
    answer: Data | None = None


def steps() -> Iterator[Step]:
    step: Step | None = None
    for kind, text in _BLOCK.findall(GUIDE.read_text("utf-8")):
        if kind == "graphql":
            if step:
                yield step
            step = Step(text)
        elif kind == "json variables":
            assert step is not None
            step.variables = json.loads(text)
        else:
            assert step is not None
            step.answer = json.loads(text)
    if step:
        yield step


async def test_every_step_of_the_guide_runs(servers: Servers) -> None:
    admin = await (await servers.start()).sign_in()
    first_change = ""
    known = list(steps())
    assert len(known) > 10

    for step in known:
        if "$changeId" in step.document:
            step.variables["changeId"] = first_change
        data = await admin.query(step.document, step.variables)
        for result in data.values():
            assert "code" not in result, result
        if step.answer is not None:
            assert data == step.answer
        if history := data.get("configurationHistory"):
            first_change = history["nodes"][-1]["id"]
    restored = await admin.query("{ configurationHistory(first: 50) { nodes { action } } }")
    actions = {each["action"] for each in restored["configurationHistory"]["nodes"]}
    assert {"SEEDED", "UPDATED", "PRESET_APPLIED", "PRESET_SAVED", "RESTORED"} <= actions
