"""The tree of categories as plain nodes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from django.db import connection

from retail.kernel.prepared import Prepared
from storefront.models import Collection
from storefront.selectors.prices import CHANNEL_VERSION


@dataclass(frozen=True, slots=True)
class Node:
    """A category. `name` is Serbian Latin; `title` gives the English name where there is one and it is asked for."""

    id: int
    path: str
    slug: str
    name: str
    name_en: str
    depth: int
    children: tuple[Node, ...] = field(default=(), compare=False)

    def title(self, language: str) -> str:
        return self.name_en if language.startswith("en") and self.name_en else self.name


@dataclass(frozen=True, slots=True)
class Branch:
    """A category with the way to it (itself last) and what hangs on it; `channel_version` for whoever asked for it."""

    node: Node
    crumbs: tuple[Node, ...]
    children: tuple[Node, ...]
    channel_version: str | None = None


_COLUMNS = "id, path, slug, name, name_en, depth"


def category_tree(depth: int = 2) -> tuple[Node, ...]:
    """The aisles with their branches, `depth` levels, in shop order. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT parent_id, {_COLUMNS} FROM storefront_category WHERE depth < %s ORDER BY position, name",  # noqa: S608
            [depth],
        )
        rows = cursor.fetchall()
    below: dict[int | None, list[tuple[int, str, str, str, str, int]]] = defaultdict(list)
    for parent_id, *values in rows:
        below[parent_id].append(tuple(values))

    def grow(parent_id: int | None) -> tuple[Node, ...]:
        return tuple(Node(*values, children=grow(values[0])) for values in below[parent_id])

    return grow(None)


def shown_collection(slug: str) -> Collection | None:
    return Collection.objects.filter(slug=slug, is_shown=True).first()


def shown_collections() -> tuple[Collection, ...]:
    """In the order that the merchandisers gave them."""
    return tuple(Collection.objects.filter(is_shown=True))


_BRANCH = Prepared(
    "catalog_branch",
    f"""SELECT ({CHANNEL_VERSION}), {_COLUMNS} FROM storefront_category
         WHERE path = ANY(%(above)s) OR parent_id = (SELECT id FROM storefront_category WHERE path = %(path)s)
         ORDER BY depth, position, name""",  # noqa: S608 - columns of this module
    {"above": "text[]", "path": "text", "code": "text"},
    ("text", "bigint", "varchar", "varchar", "varchar", "varchar", "smallint"),
)


def category_by_path(path: str, *, channel: str = "") -> Branch | None:
    """A branch by its address, with crumbs and children, in one statement; it also says what version the channel's rows have."""
    parts = path.strip("/").split("/")
    above = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
    rows = _BRANCH.rows({"above": above, "path": above[-1], "code": channel})
    nodes = [Node(*values) for _, *values in rows]
    crumbs = tuple(node for node in nodes if node.path in above)
    if len(crumbs) != len(parts):
        return None
    children = tuple(node for node in nodes if node.path not in above)
    return Branch(crumbs[-1], crumbs, children, rows[0][0])
