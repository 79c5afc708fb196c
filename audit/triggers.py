"""What the database itself refuses or records: building blocks for migrations and model Meta."""

import pgtrigger


def append_only(name: str) -> list[pgtrigger.Trigger]:
    """Rows may be added, never changed or removed, whoever writes."""
    return [
        pgtrigger.Trigger(
            name=f"{name}_append_only",
            operation=pgtrigger.Update | pgtrigger.Delete,
            when=pgtrigger.Before,
            func="RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';",
        )
    ]
