"""SQL of the trace: three trigger functions for each table, written from its columns, leave one audit row for each row that a statement touched.

Statement level with transition tables: a bulk write of n rows costs one INSERT … SELECT, not n trigger calls. Functions of their own
with the columns spelled out cost the server a third of one function for all tables, which had to take each row apart as JSON.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# A TRUNCATE would slip past row auditing, so it is refused; the test harness alone sets the escape for its flush.
FUNCTIONS = r"""
CREATE OR REPLACE FUNCTION audit_no_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF COALESCE(current_setting('retail.allow_truncate', true), '') <> 'on' THEN
        RAISE EXCEPTION 'TRUNCATE of % would leave no trace', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
"""

DROP_FUNCTIONS = "DROP FUNCTION IF EXISTS audit_no_truncate() CASCADE"

# What one function for all tables was; its triggers are replaced by the time that this runs.
DROP_FORMER = "DROP FUNCTION IF EXISTS audit_write(); DROP FUNCTION IF EXISTS audit_value(jsonb, text, text, text[], text[]);"

# How the triggers call their functions: another number replaces the triggers of every table at the next migrate.
VERSION = "1"
_TRIGGERS = {
    "insert": "REFERENCING NEW TABLE AS after_rows",
    "update": "REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows",
    "delete": "REFERENCING OLD TABLE AS before_rows",
}
_ACTIONS = {"insert": 0, "update": 1, "delete": 2}
# A function takes at most a hundred arguments.
_PIECE = 49
_ENTRY = 'content_type_id, object_pk, object_id, object_repr, action, changes, changes_text, actor_id, actor_label, cid, reason, xid, batch, row_count, "timestamp"'

# Who acts, in which request and why: told once to the transaction, read where the entry is written. A variable of the function for
# each of them would be made ready anew for every table of every transaction, which costs more than reading them for a few rows.
_WHO = """NULLIF(current_setting('retail.actor', true), '')::bigint,
               COALESCE(NULLIF(current_setting('retail.label', true), ''),
                        CASE WHEN NULLIF(current_setting('retail.actor', true), '') IS NULL THEN 'system:' || session_user ELSE '' END),
               COALESCE(current_setting('retail.request_id', true), ''), COALESCE(current_setting('retail.reason', true), ''),
               pg_current_xact_id()::text::bigint"""

_FUNCTION = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $audit$
BEGIN
    IF current_setting('retail.audit_batch', true) <> '' THEN
        INSERT INTO audit_logentry ({entry})
        SELECT {kind}, '', NULL, left(current_setting('retail.audit_batch') || ': ' || TG_TABLE_NAME, 200), {action},
               jsonb_build_object('digest', jsonb_build_array({digest})),
               '', {who}, current_setting('retail.audit_batch'), count(*), clock_timestamp()
          FROM {batch_rows} r HAVING count(*) > 0;
    ELSE{body}
    END IF;
    RETURN NULL;
END $audit$;
"""

_PLAIN = """
        INSERT INTO audit_logentry ({entry})
        SELECT {kind}, {key}::text, {key}, {label} || {key}, {action}, {changes},
               '', {who}, '', 1, clock_timestamp()
          FROM {source} WHERE {where};"""

_WITH_PERSONAL = """
        WITH source AS MATERIALIZED (
            SELECT nextval('audit_logentry_id_seq') entry_id, {key} entry_key, changes_of.*, personal_of.*
              FROM {source}, LATERAL (SELECT gen_random_uuid()::text) salted(salt),
                   LATERAL (SELECT {changes}) changes_of(changes),
                   LATERAL (SELECT {personal}) personal_of(personal)
             WHERE {where}
        ), entries AS (
            INSERT INTO audit_logentry (id, {entry})
            SELECT entry_id, {kind}, entry_key::text, entry_key, {label} || entry_key, {action}, changes,
                   '', {who}, '', 1, clock_timestamp()
              FROM source
        )
        INSERT INTO audit_personalchange (entry_id, changes) SELECT entry_id, personal FROM source WHERE personal IS NOT NULL;"""


@dataclass(frozen=True, slots=True)
class Traced:
    """A table with what the trace says of it. `key` is the row's key in the trace, `primary` tells rows of one statement apart."""

    table: str
    # The row of django_content_type that names the model: written into the functions, so that no entry has to look it up.
    kind: int
    app: str
    model: str
    key: str
    primary: str
    columns: Sequence[str]
    personal: frozenset[str] = frozenset()
    secret: frozenset[str] = frozenset()


def functions(traced: Traced) -> str:
    """The functions of one table, made anew. Nobody who writes to the table waits for this."""
    return "".join(_function(traced, act, _name(f"audit_{act}_{traced.table}")) for act in _TRIGGERS)


def triggers(traced: Traced) -> str:
    """The triggers that call them, made anew: who writes to the table waits, and this waits for who does."""
    table = _name(traced.table)
    made = f"CREATE OR REPLACE TRIGGER audit_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION audit_no_truncate();"
    for act, rows in _TRIGGERS.items():
        function = _name(f"audit_{act}_{traced.table}")
        made += (
            f"CREATE OR REPLACE TRIGGER audit_{act} AFTER {act.upper()} ON {table} {rows} FOR EACH STATEMENT EXECUTE FUNCTION {function}();"
            f"COMMENT ON TRIGGER audit_{act} ON {table} IS {_text(VERSION)};"
        )
    return made


def _function(traced: Traced, act: str, function: str) -> str:
    personal = [column for column in traced.columns if column in traced.personal]
    body = (_WITH_PERSONAL if personal else _PLAIN).format(
        entry=_ENTRY,
        kind=traced.kind,
        who=_WHO,
        action=_ACTIONS[act],
        label=_text(f"{traced.app}.{traced.model} "),
        key=_key(traced, act),
        source=_source(traced, act),
        where=_where(traced, act),
        changes=_changes(traced, act),
        personal=_personal(personal, act),
    )
    digest = (
        "encode(sha256(convert_to(COALESCE(string_agg(r.said, E'\\n' ORDER BY r.said), ''), 'UTF8')), 'hex')"
    )
    rows = "before_rows" if act == "delete" else "after_rows"
    return _FUNCTION.format(
        name=function,
        kind=traced.kind,
        who=_WHO,
        entry=_ENTRY,
        action=_ACTIONS[act],
        digest=f"{digest}, NULL" if act == "delete" else f"NULL, {digest}",
        # What the trace leaves out (a search index, say) costs more to write down than all the rest.
        batch_rows=f"(SELECT ROW({', '.join(map(_name, traced.columns))})::text AS said FROM {rows})",  # noqa: S608 - a table's own columns
        body=body,
    )


def _key(traced: Traced, act: str) -> str:
    key = _name(traced.key)
    return {"insert": f"n.{key}", "delete": f"o.{key}", "update": f"COALESCE(n.{key}, o.{key})"}[act]


def _source(traced: Traced, act: str) -> str:
    """The rows; of an update the pairs, also when the key itself was changed."""
    primary = _name(traced.primary)
    return {
        "insert": "after_rows n",
        "delete": "before_rows o",
        "update": f"before_rows o FULL JOIN after_rows n ON n.{primary} = o.{primary}",
    }[act]


def _where(traced: Traced, act: str) -> str:
    """An update that changes nothing of what the trace shows leaves no entry."""
    if act != "update":
        return "true"
    before, after = (", ".join(f"{row}.{_name(column)}" for column in traced.columns) for row in "on")
    return f"({before}) IS DISTINCT FROM ({after})"


def _changes(traced: Traced, act: str) -> str:
    shown = {column: _shown(traced, column) for column in traced.columns}
    if act == "update":
        return _differences(traced.columns, shown)
    pair = "jsonb_build_array(NULL, {0})" if act == "insert" else "jsonb_build_array({0}, NULL)"
    row = "n" if act == "insert" else "o"
    return _object({column: pair.format(shown[column].format(row=row)) for column in traced.columns})


def _personal(personal: Sequence[str], act: str) -> str:
    if act == "update":
        raw = {column: "{row}." + _name(column) for column in personal}
        changed = " OR ".join(f"o.{_name(c)} IS DISTINCT FROM n.{_name(c)}" for c in personal)
        fields = _differences(personal, raw)
        return f"CASE WHEN {changed or 'false'} THEN jsonb_build_object('salt', salt, 'fields', {fields}) END"
    pair = "jsonb_build_array(NULL, n.{0})" if act == "insert" else "jsonb_build_array(o.{0}, NULL)"
    fields = _object({column: pair.format(_name(column)) for column in personal})
    return f"jsonb_build_object('salt', salt, 'fields', {fields})"


def _shown(traced: Traced, column: str) -> str:
    """The value of a column as the entry tells it: a digest of what is personal, no word of what is secret."""
    value = "{row}." + _name(column)
    if column in traced.secret:
        return f"CASE WHEN {value} IS NOT NULL THEN '(secret)' END"
    if column in traced.personal:
        digest = f"to_jsonb('sha256:' || encode(sha256(convert_to(salt || to_jsonb({value})::text, 'UTF8')), 'hex'))"
        return f"CASE WHEN to_jsonb({value}) IN ('null', '\"\"') THEN to_jsonb({value}) ELSE {digest} END"
    return value


def _differences(columns: Sequence[str], shown: dict[str, str]) -> str:
    """What changed, as text that is read as JSON once: cheaper than an object that grows by one column at a time."""
    differing = [
        f"CASE WHEN o.{_name(column)} IS DISTINCT FROM n.{_name(column)} THEN {_text(_quoted(column) + ':')} "
        f"|| json_build_array({shown[column].format(row='o')}, {shown[column].format(row='n')})::text END"
        for column in columns
    ]
    pieces = [
        f"concat_ws(',', {', '.join(differing[at : at + _PIECE])})" for at in range(0, len(differing), _PIECE)
    ]
    whole = (
        pieces[0]
        if len(pieces) == 1
        else f"concat_ws(',', {', '.join(f'NULLIF({p}, {_EMPTY})' for p in pieces)})"
    )
    return f"('{{' || {whole} || '}}')::jsonb"


_EMPTY = "''"


def _object(values: dict[str, str]) -> str:
    pairs = [f"{_text(column)}, {value}" for column, value in values.items()]
    pieces = [
        f"jsonb_build_object({', '.join(pairs[at : at + _PIECE])})" for at in range(0, len(pairs), _PIECE)
    ]
    return " || ".join(pieces)


def _quoted(column: str) -> str:
    return f'"{column}"'


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
