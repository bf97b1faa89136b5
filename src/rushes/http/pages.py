"""Pages of a list: how both dialects ask for them and wrap them (CONTRACT §5.3, §7)."""

from __future__ import annotations

from typing import Final

from rushes.domain.errors import InvalidValue
from rushes.domain.ids import is_task_id
from rushes.http.routes import Call
from rushes.ports import Page

LIMIT_MAX: Final = 100
LIMIT_DEFAULT: Final = 20


def as_list(data: list[dict[str, object]], *, has_more: bool) -> dict[str, object]:
    """Wrap a page as both dialects do."""
    names = [str(item.get("id") or item.get("task_id")) for item in data]
    return {
        "object": "list",
        "data": data,
        "first_id": names[0] if names else None,
        "last_id": names[-1] if names else None,
        "has_more": has_more,
    }


def read_page(call: Call, *, limit_min: int) -> Page:
    """Read what both dialects' lists have in their query (CONTRACT §5.3, §7)."""
    query = call.query()
    return Page(
        account_id=call.caller.account_id,
        limit=limit_of(query.get("limit"), limit_min),
        after=_after(query.get("after")),
        is_newest_first=_is_newest_first(query.get("order")),
    )


def limit_of(text: str | None, least: int) -> int:
    """Read how many are wanted at most.

    Raises:
        InvalidValue: it is no number from `least` to LIMIT_MAX.
    """
    if text is None or text == "":
        return LIMIT_DEFAULT
    is_number = text.isascii() and text.isdecimal() and len(text) <= 9  # noqa: PLR2004
    if not is_number or not least <= int(text) <= LIMIT_MAX:
        raise InvalidValue(
            f"'limit' must be from {least} to {LIMIT_MAX}; got {text}.", param="limit"
        )
    return int(text)


def _after(text: str | None) -> str | None:
    if not text:
        return None
    if not is_task_id(text):
        raise InvalidValue(f"'after' must be a task id; got {text}.", param="after")
    return text


def _is_newest_first(text: str | None) -> bool:
    if text not in {None, "", "asc", "desc"}:
        raise InvalidValue(f"'order' must be asc or desc; got {text}.", param="order")
    return text != "asc"
