"""The copy of the public register of companies, made equal to what was told in one statement."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection, transaction

# PostgreSQL reads the list itself: a few hundred thousand companies never become objects of ours.
_RENEW = """
    WITH said AS MATERIALIZED (
        SELECT DISTINCT ON (pib, jbkjs) *
          FROM (SELECT "VatRegistrationCode" AS pib, COALESCE("BugetCompanyNumber", '') AS jbkjs,
                       left(COALESCE("RegistrationCode", ''), 20) AS registration_number,
                       left(btrim("Name"), 200) AS name,
                       left("RegistrationDate", 10)::date AS registered_on, left("DeletionDate", 10)::date AS deleted_on
                  FROM jsonb_to_recordset(%(list)s::jsonb) AS one (
                       "VatRegistrationCode" text, "BugetCompanyNumber" text, "RegistrationCode" text, "Name" text,
                       "RegistrationDate" text, "DeletionDate" text)) AS each
         WHERE pib ~ '^[0-9]{9}$' AND jbkjs ~ '^([0-9]{5})?$' AND name <> ''
         ORDER BY pib, jbkjs, deleted_on DESC NULLS FIRST
    ), is_whole AS (
        -- A list that has lost half of the companies is a fault of whoever made it.
        SELECT 1 WHERE (SELECT count(*) FROM said) * 2 >= (SELECT count(*) FROM crm_registeredcompany)
                   AND EXISTS (SELECT 1 FROM said)
    ), written AS (
        INSERT INTO crm_registeredcompany AS r (pib, jbkjs, registration_number, name, registered_on, deleted_on)
        SELECT pib, jbkjs, registration_number, name, registered_on, deleted_on FROM said WHERE EXISTS (SELECT 1 FROM is_whole)
            ON CONFLICT (pib, jbkjs) DO UPDATE
           SET registration_number = EXCLUDED.registration_number, name = EXCLUDED.name,
               registered_on = EXCLUDED.registered_on, deleted_on = EXCLUDED.deleted_on
         WHERE (r.registration_number, r.name, r.registered_on, r.deleted_on)
               IS DISTINCT FROM (EXCLUDED.registration_number, EXCLUDED.name, EXCLUDED.registered_on, EXCLUDED.deleted_on)
        RETURNING 1
    ), gone AS (
        DELETE FROM crm_registeredcompany r
         WHERE EXISTS (SELECT 1 FROM is_whole)
           AND NOT EXISTS (SELECT 1 FROM said WHERE said.pib = r.pib AND said.jbkjs = r.jbkjs)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM said), (SELECT count(*) FROM written), (SELECT count(*) FROM gone),
           EXISTS (SELECT 1 FROM is_whole)
"""


class ListNotWhole(Exception):
    """The list has no company, or less than half of those that were known. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Renewed:
    """How many companies were told of, and how many rows that changed."""

    told: int
    written: int
    gone: int


@transaction.atomic
def renew_register(*, told: str) -> Renewed:
    """`told` is the whole register as a JSON list. Raises ListNotWhole, and DataError for what is no such list."""
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, {"list": told})
        count, written, gone, is_whole = cursor.fetchone()
    if not is_whole:
        raise ListNotWhole(f"{count} companies were told of.")
    return Renewed(count, written, gone)
