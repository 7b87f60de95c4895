"""Instants as clients write them."""

import pytest

from tests.client import Api
from tests.factories import Factory


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("2100-01-01T00:00:00+14:00", "2099-12-31T10:00:00.000Z"),
        ("2100-01-01T00:00:00-05:30", "2100-01-01T05:30:00.000Z"),
        ("2100-01-01T00:00:00.123999Z", "2100-01-01T00:00:00.123Z"),
    ],
)
async def test_may_have_any_offset_and_come_back_in_utc(
    admin: Api, make: Factory, written: str, stored: str
) -> None:
    key = await admin.succeed("createApiKey", name=make.word(), expiresAt=written)
    assert key["apiKey"]["expiresAt"] == stored


@pytest.mark.parametrize(
    "written", ["2100-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "tomorrow", "", 5, None]
)
async def test_anything_else_is_refused(admin: Api, written: object) -> None:
    answer = await admin.execute(
        "query($at: DateTime!) { tickets(filter: {createdAfter: $at}) { nodes { id } } }",
        {"at": written},
    )
    assert answer.codes == ["VALIDATION"]
