"""Coupons: one word for many, or a million words for one use each; handed out, read back, put out of use."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Max, Min

from crm.events import CouponBatchCreated, CouponBatchStopped, CouponsExported
from crm.models import Coupon, CouponBatch, Discount
from crm.states import Audience
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.models import User
from retail.kernel.outbox import announce

# Without what is mistaken for something else, read or spoken: 0 O, 1 I L, 2 Z, 5 S, 8 B, U V.
ALPHABET = "34679ACDEFGHJKMNPQRTWXY"
LENGTH_MIN, LENGTH_MAX = 4, 40
COUNT_MAX = 2_000_000
EXPORT_CHUNK = 10_000
# Guessing one of a full batch must stay hopeless.
SPARSENESS = 10_000_000
_CODE = re.compile(r"[A-Z0-9]+")


class UnknownBatch(NotFound):
    code = "UNKNOWN_COUPON_BATCH"


class CodeTaken(Refusal):
    """Another coupon has this code."""

    code = "COUPON_CODE_TAKEN"


class NotForCoupons(InvalidInput):
    """The discount does not ask for a coupon."""

    code = "NOT_FOR_COUPONS"


def normal_code(text: str) -> str:
    """As people type it: small letters, spaces and dashes do not matter."""
    return re.sub(r"[\s\-–—_.]", "", text).upper()[:LENGTH_MAX]


def create_batch(
    *,
    discount_id: int,
    name: str,
    by: User | None,
    now: datetime,
    word: str = "",
    count: int = 0,
    prefix: str = "",
    uses_max: int | None = 1,
    uses_per_customer_max: int | None = 1,
    valid_to: datetime | None = None,
) -> CouponBatch:
    """One code that is a word, or `count` random ones that begin with `prefix`. All of them or none.

    Refuses NotForCoupons, CodeTaken, InvalidInput.
    """
    word, prefix = normal_code(word), normal_code(prefix)
    _check(name, word, count, prefix, uses_max, uses_per_customer_max)
    with transaction.atomic():
        discount = Discount.objects.filter(pk=discount_id).first()
        if discount is None or discount.audience != Audience.COUPON:
            raise NotForCoupons("This discount does not ask for a coupon.")
        batch = CouponBatch.objects.create(
            discount=discount,
            name=name.strip()[:120],
            uses_max=uses_max,
            uses_per_customer_max=uses_per_customer_max,
            valid_to=valid_to,
            created_by=by,
            created_at=now,
        )
        made = _word(batch, word) if word else _copy(batch, prefix, count)
        announce(
            CouponBatchCreated(batch_id=batch.pk, discount=discount.code, count=made),
            subject=("coupon_batch", str(batch.pk)),
        )
    return batch


def stop_batch(*, batch_id: int, by: User | None, now: datetime) -> CouponBatch:
    """No code of it counts from now on; what was ordered with them stays."""
    with transaction.atomic():
        batch = _batch(batch_id)
        if batch.is_active:
            batch.is_active = False
            batch.save(update_fields=["is_active"])
            announce(CouponBatchStopped(batch_id=batch.pk), subject=("coupon_batch", str(batch.pk)))
    return batch


def export_codes(*, batch_id: int, by: User, now: datetime) -> Iterator[str]:
    """The codes as CSV, piece by piece; that they were taken out is told first, and by whom."""
    with transaction.atomic():
        batch = _batch(batch_id)
        announce(
            CouponsExported(batch_id=batch.pk, by=by.email, count=batch.coupons.count()),
            subject=("coupon_batch", str(batch.pk)),
        )
    return _csv(batch)


def _csv(batch: CouponBatch) -> Iterator[str]:
    """Range after range of keys: no cursor of the server stays open while somebody downloads, and nothing is sorted."""
    yield "code,uses,uses_max\r\n"
    ends = Coupon.objects.filter(batch=batch).aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return
    for start in range(ends["first"], ends["last"] + 1, EXPORT_CHUNK):
        rows = (
            Coupon.objects.filter(batch=batch, pk__gte=start, pk__lt=start + EXPORT_CHUNK)
            .order_by("pk")
            .values_list("code", "uses", "uses_max")
        )
        yield "".join(
            f"{code},{uses},{'' if uses_max is None else uses_max}\r\n" for code, uses, uses_max in rows
        )


def _batch(batch_id: int) -> CouponBatch:
    batch = CouponBatch.objects.select_for_update().filter(pk=batch_id).first()
    if batch is None:
        raise UnknownBatch("There is no such batch of coupons.")
    return batch


def _check(
    name: str, word: str, count: int, prefix: str, uses_max: int | None, per_customer: int | None
) -> None:
    wrong = {
        "name": not name.strip(),
        "word": bool(word) == bool(count),
        "count": not 0 <= count <= COUNT_MAX,
        "uses_max": uses_max is not None and uses_max < 1,
        "uses_per_customer_max": per_customer is not None and per_customer < 1,
    }
    if word:
        wrong["word"] = bool(count) or len(word) < LENGTH_MIN or not _CODE.fullmatch(word)
    if prefix:
        wrong["prefix"] = bool(word) or len(prefix) > 12 or not _CODE.fullmatch(prefix)
    if any(wrong.values()):
        raise InvalidInput(
            "Some fields are missing or not right.",
            fields=sorted(field for field, bad in wrong.items() if bad),
        )


def _word(batch: CouponBatch, word: str) -> int:
    if Coupon.objects.filter(code=word).exists():
        raise CodeTaken("Another coupon has this code.", code=word)
    Coupon.objects.create(batch=batch, code=word, uses_max=batch.uses_max)
    return 1


def _copy(batch: CouponBatch, prefix: str, count: int) -> int:
    """Straight into the table; the few that exist already are left out and made again."""
    length, missing = _length(count), count
    with connection.cursor() as cursor:
        # No index of its own: `_codes` repeats none. In order, so that the pages of the real one are filled one after another.
        cursor.execute('CREATE TEMPORARY TABLE coupon_codes (code text COLLATE "C") ON COMMIT DROP')
        while missing:
            codes = _codes(prefix, length, missing)
            cursor.execute("TRUNCATE coupon_codes")
            with cursor.copy("COPY coupon_codes (code) FROM STDIN") as copy:
                copy.write("\n".join(codes) + "\n")
            cursor.execute(
                "INSERT INTO crm_coupon (batch_id, code, uses, uses_max) SELECT %s, code, 0, %s FROM coupon_codes "
                "ORDER BY code ON CONFLICT (code) DO NOTHING",
                [batch.pk, batch.uses_max],
            )
            missing -= cursor.rowcount
        cursor.execute("DROP TABLE coupon_codes")
    return count


def _codes(prefix: str, length: int, count: int) -> set[str]:
    """Different random codes; bytes that would favor some letters are thrown away."""
    base, whole = len(ALPHABET), 256 - 256 % len(ALPHABET)
    table = bytes(ord(ALPHABET[byte % base]) for byte in range(256))
    biased = bytes(range(whole, 256))
    found: set[str] = set()
    while len(found) < count:
        need = count - len(found)
        letters = (
            secrets.token_bytes(need * length * 256 // whole + 64).translate(table, biased).decode("ascii")
        )
        found.update(
            prefix + letters[start : start + length]
            for start in range(0, min(need * length, len(letters) - length + 1), length)
        )
    return found


def _length(count: int) -> int:
    length = 8
    while len(ALPHABET) ** length < count * SPARSENESS:
        length += 1
    return length
