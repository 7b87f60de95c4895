"""The stored sections of the configuration, and every value they ever had."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from pydantic import ValidationError
from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from persistence.database import Database, Transaction
from persistence.documents import Document, from_document, to_document
from persistence.errors import Duplicate
from persistence.models import ConfigurationChange, SystemSetting
from persistence.pages import Page, Window, count_items, read_page


@dataclass(frozen=True, slots=True)
class DamagedSetting:
    """A document that lacks more than a usable value: somebody wrote it by hand."""

    value: Any
    reason: str


StoredSetting = SystemSetting | DamagedSetting


class ConfigurationStore:
    def __init__(self, database: Database) -> None:
        self._settings = database.collection(SystemSetting)
        self._changes = database.collection(ConfigurationChange)

    async def settings(self, *, session: Transaction | None = None) -> Mapping[str, StoredSetting]:
        """Every stored setting by its key; values are as they are, usable or not."""
        found = await self._settings.find({}, session=session).to_list(None)
        return {str(document.get("key")): _setting(document) for document in found}

    async def last_version(self, key: str, *, session: Transaction) -> int:
        """The last version that a change of `key` made, 0 where there was none."""
        last = await self._changes.find_one(
            {"key": key}, {"version": 1}, sort=[("version", DESCENDING)], session=session
        )
        return last["version"] if last else 0

    async def write(
        self,
        old: StoredSetting | None,
        new: SystemSetting,
        change: ConfigurationChange,
        *,
        session: Transaction,
    ) -> None:
        """Puts `new` in the place of `old`, with its entry in the history.

        Raises Duplicate where another writer was quicker; the transaction is then to be begun anew.
        """
        try:
            await self._changes.insert_one(to_document(change), session=session)
            if old is None:
                await self._settings.insert_one(to_document(new), session=session)
                return
        except DuplicateKeyError as error:
            raise Duplicate(f"version of {new.key}") from error
        conditions: Document = {"key": new.key}
        if isinstance(old, SystemSetting):
            conditions["version"] = old.version
        document = to_document(new)
        # A document keeps its own key in the collection.
        del document["_id"]
        replaced = await self._settings.replace_one(conditions, document, session=session)
        if replaced.matched_count == 0:
            raise Duplicate(f"version of {new.key}")

    # ---- history ---------------------------------------------------------------------------

    async def find_change(self, key: ObjectId) -> ConfigurationChange | None:
        found = await self._changes.find_one({"_id": key})
        return from_document(ConfigurationChange, found) if found else None

    async def changes_page(self, key: str | None, window: Window) -> Page[ConfigurationChange]:
        """Newest first; of one setting, or, `key` None, of all."""
        return await read_page(
            self._changes, ConfigurationChange, _of(key), window, key="sort", descending=True
        )

    async def count_changes(self, key: str | None) -> int:
        return await count_items(self._changes, _of(key), key="sort")

    async def last_items(
        self, key: str, ids: Collection[str], *, session: Transaction | None = None
    ) -> dict[str, Document]:
        """Of a setting that is a list, the items with those ids, as they were when last listed."""
        wanted = {"key": key, "after.id": {"$in": list(ids)}}
        changes = self._changes.find(wanted, {"after": 1}, session=session)
        items: dict[str, Document] = {}
        async for change in changes.sort([("version", DESCENDING)]):
            for item in change["after"]:
                if item["id"] in ids:
                    items.setdefault(item["id"], item)
            if len(items) == len(ids):
                break
        return items


def _of(key: str | None) -> Document:
    return {} if key is None else {"key": key}


def _setting(document: Document) -> StoredSetting:
    wrong = {name for name in _INSTANTS if not isinstance(document.get(name), datetime)}
    try:
        setting = SystemSetting.model_validate({**document, "id": document["_id"]})
    except ValidationError as error:
        wrong |= {str(fault["loc"][0]) for fault in error.errors()}
    else:
        if not wrong:
            return setting
    return DamagedSetting(document.get("value"), f"{', '.join(sorted(wrong))} cannot be read")


# A text would be read as an instant without a time zone, which no other can be compared with.
_INSTANTS = ("created_at", "updated_at")
