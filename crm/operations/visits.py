"""Page views of campaigns: counted, bounded; with the account only of those who let the shop remember what they look at."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from crm.operations.views import CONSENTING
from crm.states import ConsentKind

# More than this of one visitor in an hour is a machine or a reload key that hangs.
PER_HOUR_MAX = 20
PATH_LENGTH_MAX = 200

_RECORD = f"""
INSERT INTO crm_campaignvisit (campaign_id, customer_id, visit_hash, path, at)
SELECT c.id, ({CONSENTING}), %(visit)s::varchar, %(path)s::varchar, %(now)s::timestamptz FROM crm_campaign c
 WHERE c.slug = %(slug)s AND c.state = 'RATIFIED' AND c.starts_at <= %(now)s AND (c.ends_at IS NULL OR c.ends_at > %(now)s)
   AND (SELECT count(*) FROM (SELECT 1 FROM crm_campaignvisit v WHERE v.campaign_id = c.id AND v.visit_hash = %(visit)s::varchar
                                 AND v.at > %(now)s::timestamptz - interval '1 hour' LIMIT %(most)s) seen) < %(most)s"""  # noqa: S608 only our own text is put together


def record_visit(*, slug: str, visit_hash: str, path: str, now: datetime, user_id: int | None = None) -> bool:
    """Count one view of a page of a live campaign; False when it is not on, or this visitor has been counted often enough.

    `visit_hash` is a digest that cannot be read back; neither a name nor an address is kept. `user_id` is the login's,
    whose account is kept beside the visit when it has agreed to that. One statement.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _RECORD,
            {
                "slug": slug,
                "visit": visit_hash,
                "path": path[:PATH_LENGTH_MAX],
                "now": now,
                "most": PER_HOUR_MAX,
                "user": user_id,
                "kind": ConsentKind.PROFILING.value,
            },
        )
        return bool(cursor.rowcount)
