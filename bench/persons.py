"""A million people whose names, addresses and numbers are as frequent as they are among people."""

FIRST = (
    "Ana", "Jelena", "Milica", "Marija", "Ivana", "Dragana", "Jovana", "Tamara", "Katarina", "Nevena", "Snežana", "Ljiljana", "Đurđina",
    "Žaklina", "Anđela", "Marko", "Nikola", "Milan", "Stefan", "Aleksandar", "Nemanja", "Dušan", "Petar", "Vladimir", "Đorđe", "Uroš",
    "Miloš", "Žarko", "Čedomir", "Filip",
)  # fmt: skip
LAST = (
    "Jovanović", "Petrović", "Nikolić", "Marković", "Đorđević", "Stojanović", "Ilić", "Stanković", "Pavlović", "Milošević", "Popović",
    "Živković", "Tomić", "Ristić", "Kostić", "Lukić", "Todorović", "Radovanović", "Bogdanović", "Čolić", "Šarić", "Ćirić", "Žunić",
    "Zavišić", "Mitrović", "Antić", "Obradović", "Kovačević", "Lazić", "Tasić",
)  # fmt: skip
# One in twenty buys for a company; the numbers have no check digit, nobody reads them here.
COMPANIES = 20


def people(accounts: str) -> str:
    """The accounts of a table as a table of people: `id, name, email, phone, pib`. Equal numbers give equal people."""
    first, last = (f"('{{{','.join(names)}}}'::text[])" for names in (FIRST, LAST))
    names = f"{first}[1 + id::bigint * 7919 % {len(FIRST)}], {last}[1 + id::bigint * 104729 / {len(FIRST)} % {len(LAST)}]"
    return (
        f"SELECT id, concat_ws(' ', {names}) AS name, crm_fold(concat_ws('.', {names}, id)) || '@example.com' AS email, "
        "'+38160' || lpad((id::bigint * 48271 % 10000000)::text, 7, '0') AS phone, "
        f"CASE WHEN id % {COMPANIES} = 0 THEN lpad((100000000 + id)::text, 9, '0') ELSE '' END AS pib FROM {accounts}"
    )
