"""Carriers of the sample chain with the tariffs that they publish: net RSD by parcel weight, and where that is written.

D Express adds 20 % fuel and 0.5 % levy to its list; cash on delivery costs a percentage with a minimum, net.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

_POST = "http://www.postexpress.rs/struktura/lat/cenovnik/cenovnik-unutrasnji-saobracaj.asp"
_DEXPRESS = "http://www.dailyexpress.rs/rs/cenovnik"
_CITY = "https://gobloom.rs/pages/cene-dostave"
_RUSH = "https://rush-delivery.rs/cenovnik/"

EVERY_WORKDAY = [0, 1, 2, 3, 4]
WITH_SATURDAY = [0, 1, 2, 3, 4, 5]
VAT = Decimal("1.2")


class Service(NamedTuple):
    """`bands`: (up to grams, published price), net after dividing by `divisor` and multiplying by `factor`."""

    carrier: str
    carrier_name: str
    code: str
    name: str
    kind: str
    bands: tuple[tuple[int, str], ...]
    divisor: Decimal
    factor: Decimal
    cod_percent: Decimal
    cod_minimum: Decimal
    deliver_days: list[int]
    source: str
    phone: str

    def net_prices(self) -> list[tuple[int, Decimal]]:
        return [
            (grams, (Decimal(price) / self.divisor * self.factor).quantize(Decimal("0.01")))
            for grams, price in self.bands
        ]


ONE = Decimal(1)
SERVICES: tuple[Service, ...] = (
    Service(
        "post-express", "Post Express", "post-express-sutra", "Danas za sutra do 19 h", "next",
        ((500, "350"), (2000, "420"), (5000, "550"), (10000, "710"), (20000, "980")),
        VAT, ONE, Decimal(0), Decimal("25.00"), WITH_SATURDAY, _POST, "011 3607607",
    ),
    Service(
        "d-express", "D Express", "d-express-sutra", "Dan za sutra", "next",
        ((500, "202.90"), (1000, "231.88"), (2000, "282.61"), (5000, "362.32"), (10000, "478.26"), (20000, "688.41"), (30000, "833.33")),
        ONE, VAT * Decimal("1.005"), Decimal("0.6667"), Decimal("34.73"), EVERY_WORKDAY, _DEXPRESS, "011 3313333",
    ),
    Service(
        "city-express", "City Express", "city-express", "Ugovorna dostava", "ground",
        ((1000, "200"), (2000, "250"), (5000, "550"), (10000, "700"), (15000, "920"), (20000, "960"), (30000, "1200")),
        ONE, ONE, Decimal(0), Decimal("120.00"), EVERY_WORKDAY, _CITY, "011 3093000",
    ),
    Service(
        "rush", "RUSH", "rush-danas", "Kurir istog dana", "sameday",
        ((8000, "350"),),
        ONE, ONE, Decimal(0), Decimal("60.00"), WITH_SATURDAY, _RUSH, "011 4404080",
    ),
    Service(
        "post-express", "Post Express", "post-express-danas", "Danas za danas", "sameday",
        ((500, "750"), (2000, "950"), (5000, "1100"), (10000, "1300"), (20000, "1500")),
        VAT, ONE, Decimal(0), Decimal("25.00"), EVERY_WORKDAY, _POST, "011 3607607",
    ),
)  # fmt: skip
