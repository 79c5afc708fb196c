"""What the chain sells: real titles when the data set is at hand, invented Serbian ones else; prices that are marked as samples."""

from __future__ import annotations

import csv
import gzip
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
from django.db import connection
from stdnum import ean

from retail.imports.rows import OnError
from retail.kernel.models import User
from retail.sample.chance import generator
from retail.sample.company import Company
from storefront.imports import SHELF, import_catalog
from storefront.models import Price, Variant

INVENTED = 800
SMALL_BOOKS, SMALL_TOYS = 800, 150
PRICED_DAYS_AGO = 400
# A title in ten became cheaper or dearer lately, so that "lowest price of the last 30 days" has something to tell.
CHANGED_SHARE = 0.10

_FIRST = (
    *(
        "Jasna",
        "Teodor",
        "Iskra",
        "Relja",
        "Đurđa",
        "Nikša",
        "Anđela",
        "Pavle",
        "Lena",
        "Ognjen",
        "Vuk",
        "Mina",
    ),
    *(
        "Sofija",
        "Danica",
        "Čedomir",
        "Živana",
        "Stojan",
        "Ljubica",
        "Gavrilo",
        "Milunka",
        "Šćepan",
        "Petrija",
    ),
)
_LAST = (
    *(
        "Brezović",
        "Lukavac",
        "Podunavac",
        "Vodenik",
        "Plavšin",
        "Bregovac",
        "Šumanov",
        "Drenovac",
        "Jezerkić",
    ),
    *(
        "Trešnjin",
        "Timarac",
        "Zavišin",
        "Kestenov",
        "Polimac",
        "Grabovac",
        "Orahovčić",
        "Čubrilov",
        "Žitnik",
        "Ćurguz",
    ),
)
_WHAT = (
    *(
        "Soba",
        "Most",
        "Ulica",
        "Kuća",
        "Vrt",
        "Pismo",
        "Reka",
        "Zima",
        "Atlas",
        "Istorija",
        "Ponoćni voz",
        "Čuvar",
    ),
    *(
        "Poslednji skelar",
        "Mala enciklopedija",
        "Kuvar",
        "Devojčica",
        "Grad",
        "Ogledalo",
        "Žetva",
        "Put",
        "Šuma",
        "Priče",
    ),
)
_OF_WHAT = (
    *(
        "bez broja",
        "od papira",
        "za kišne dane",
        "u oktobru",
        "sa pogledom na Savu",
        "na kraju sela",
        "od soli",
        "i druge priče",
    ),
    *(
        "izgubljenih reka",
        "koja diše",
        "za Užice",
        "i mačke",
        "pod snegom",
        "tišine",
        "preko Drine",
        "jednog leta",
        "u magli",
    ),
)
_BRANDS = ("Modri list", "Orahova kuća", "Treća stanica", "Lipov hlad", "Severac", "Mali princip")
_BRANCHES = (
    ("Romani > Domaći romani", 0.30),
    ("Romani > Krimi i trileri", 0.14),
    ("Romani > Priče", 0.10),
    ("Za decu > Priče i romani za decu", 0.16),
    ("Istorija i društvo > Istorija", 0.10),
    ("Nauka > Prirodne nauke", 0.08),
    ("Kuvari, dom i putovanja > Kuvari", 0.07),
    ("Poezija i drama > Poezija", 0.05),
)
COLUMNS = (
    *(
        "reference",
        "sku",
        "barcode",
        "kind",
        "title",
        "authors",
        "categories",
        "description",
        "language",
        "brand",
    ),
    *("format", "pages", "released_on", "rating", "rating_count", "tax_class"),
)


def exist() -> bool:
    return Price.objects.filter(is_sample=True).exists()


def make(
    company: Company, books: Path | None, toys: Path | None, *, is_full: bool, by: User, now: datetime
) -> None:
    """Import the titles through the same door as any catalog, then price what has no price."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        if books is None:
            _import(_written(here / "izmisljeni.csv", COLUMNS, _invented()), "columns", company, by, now)
        else:
            source = books if is_full else _most_read(books, here / "books.csv", "ratings_count", SMALL_BOOKS)
            _import(source, "books", company, by, now)
        if toys is not None:
            source = toys if is_full else _first_retail(toys, here / "toys.csv", SMALL_TOYS)
            _import(source, "toys", company, by, now)
    _give_formats()
    _price(company, now)


def _import(path: Path, mapping: str, company: Company, by: User, now: datetime) -> None:
    import_catalog(
        path=path,
        by=by,
        now=now - timedelta(days=PRICED_DAYS_AGO),
        mapping=SHELF.load(mapping),
        price_list=company.price_list.code,
        on_error=OnError.SKIP,
    )


def _most_read(path: Path, target: Path, column: str, count: int) -> Path:
    with _opened(path) as file:
        reader = csv.DictReader(file)
        rows = sorted(reader, key=lambda row: -float(row.get(column) or 0))
    return _written(target, reader.fieldnames or [], rows[:count])


def _first_retail(path: Path, target: Path, count: int) -> Path:
    """Sets with a price, the newest first: the file is ordered by year."""
    with _opened(path) as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if row.get("EUR_MSRP") and row.get("Pieces")]
    rows.sort(key=lambda row: (-int(row["Year"]), -float(row["Pieces"])))
    return _written(target, reader.fieldnames or [], rows[:count])


@contextmanager
def _opened(path: Path) -> Iterator[Iterable[str]]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            yield file
    else:
        with path.open(encoding="utf-8", newline="") as file:
            yield file


def _written(path: Path, columns: Iterable[str], rows: Iterable[dict[str, object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(columns))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _invented() -> Iterator[dict[str, object]]:
    """Titles and people that nobody has written or been; ISBNs from the range for internal use (979-99)."""
    rng = generator("titles")
    pairs = [f"{what} {of_what}" for what in _WHAT for of_what in _OF_WHAT]
    titles = [pairs[place] for place in rng.permutation(len(pairs))]
    people = [f"{first} {last}" for first in _FIRST for last in _LAST]
    writers = [people[place] for place in rng.permutation(len(people))[:120]]
    branches, shares = zip(*_BRANCHES, strict=True)
    for number in range(INVENTED):
        again = number // len(titles)
        code = f"97999{number:07d}"
        isbn = code + ean.calc_check_digit(code)
        title = titles[number % len(titles)] + (f", knjiga {again + 1}" if again else "")
        writer = writers[int(len(writers) * rng.random() ** 2)]
        yield {
            "reference": f"sample-{number:04d}",
            "sku": isbn,
            "barcode": isbn,
            "kind": "BOOK",
            "title": title,
            "authors": writer,
            "categories": branches[rng.choice(len(branches), p=shares)],
            "description": f"Izmišljen naslov za probni lanac: „{title}“, napisao lik po imenu {writer}.",
            "language": "sr",
            "brand": _BRANDS[int(rng.integers(len(_BRANDS)))],
            "format": "Tvrd povez" if rng.random() < 0.3 else "Mek povez",
            "pages": int(np.clip(rng.normal(280, 110), 48, 900)),
            "released_on": f"{int(rng.integers(2005, 2026))}-{int(rng.integers(1, 13)):02d}-01",
            "rating": f"{float(np.clip(rng.normal(4.1, 0.35), 2.5, 5)):.2f}",
            "rating_count": int(6000 / (1 + number) ** 0.7),
            "tax_class": "BOOKS",
        }


def _give_formats() -> None:
    """Data sets rarely say how a book is bound; the sample decides by the SKU, so that the filter has something to filter."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE storefront_variant v SET format_name = CASE WHEN right(sku, 2)::int < 30 THEN 'Tvrd povez' ELSE 'Mek povez' END
                 FROM storefront_product p WHERE p.id = v.product_id AND p.kind = 'BOOK' AND v.format_name = '' AND v.sku ~ '[0-9]{2}$'"""
        )


def _price(company: Company, now: datetime) -> None:
    """Thicker books cost more; prices end in 90 or 49. History: one entry of last year, for some a newer one."""
    rng = generator("prices")
    since = now - timedelta(days=PRICED_DAYS_AGO)
    rows = (
        Variant.objects.filter(prices__isnull=True)
        .order_by("sku")
        .values_list("id", "product__attributes__pages")
    )
    prices, closed = [], []
    for variant_id, pages in rows:
        amount = _shop_amount((420 + 2.2 * min(int(pages or 260), 1200)) * rng.uniform(0.8, 1.3))
        if rng.random() < CHANGED_SHARE:
            changed_at = now - timedelta(days=int(rng.integers(3, 45)), hours=int(rng.integers(0, 10)))
            before = _shop_amount(float(amount) * rng.choice([0.85, 0.9, 1.15, 1.25]))
            closed.append(_entry(company, variant_id, before, since, changed_at))
            prices.append(_entry(company, variant_id, amount, changed_at, None))
        else:
            prices.append(_entry(company, variant_id, amount, since, None))
    Price.objects.bulk_create([*closed, *prices], batch_size=5000)


def _shop_amount(amount: float) -> Decimal:
    return Decimal(max(290, round(amount / 50) * 50 - 1))


def _entry(
    company: Company, variant_id: int, amount: Decimal, since: datetime, until: datetime | None
) -> Price:
    return Price(
        variant_id=variant_id,
        price_list=company.price_list,
        amount=amount,
        valid_from=since,
        valid_to=until,
        is_sample=True,
    )
