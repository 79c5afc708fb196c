"""Leave to download what was paid: given with the money, counted with every download, taken back, renewed by a person."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db import connection, transaction
from django.db.models import F

from oms import events
from oms.models import DownloadGrant, Order, OrderLine, OrderNote
from oms.operations.orders import lock_order, record_digital_delivery
from oms.states import LineKind
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.models import User
from retail.kernel.outbox import announce

_SALT = "oms.download"


class UnknownDownload(NotFound):
    """No such link; or one that a newer one replaced, which is answered the same."""

    code = "UNKNOWN_DOWNLOAD"


class DownloadEnded(Refusal):
    """Paid, but fetched as often as was agreed, or too long ago, or given back; `reason` says which."""

    code = "DOWNLOAD_ENDED"
    status = 410


class DownloadBegun(Refusal):
    """The file was fetched, so it can no longer be given back."""

    code = "DOWNLOAD_BEGUN"


def deliver_files(*, order: Order, lines: Sequence[OrderLine], now: datetime) -> None:
    """Paid files are their buyer's: each line is delivered and gets its leave. The order row is locked by the caller."""
    DownloadGrant.objects.bulk_create(
        DownloadGrant(
            line=line,
            downloads_max=settings.DOWNLOADS_MAX,
            expires_at=now + timedelta(days=settings.DOWNLOAD_DAYS),
            created_at=now,
        )
        for line in lines
    )
    ids = [line.pk for line in lines]
    if order.lines.filter(kind=LineKind.GOODS, quantity__gt=F("quantity_canceled")).exists():
        # The parcels say where the order stands.
        OrderLine.objects.filter(order=order, pk__in=ids).update(quantity_dispatched=F("quantity"))
    else:
        record_digital_delivery(order=order, line_ids=ids, now=now)
    announce(
        events.DownloadsReady(order_id=order.pk, number=order.number, version=1),
        subject=("order", order.number),
    )


def signed(grant: DownloadGrant) -> str:
    """What the link says: which leave, in which version, and our seal."""
    return signing.Signer(salt=_SALT).sign(f"{grant.public_id}-{grant.version}").replace(":", ".")


def grant_of(link: str) -> DownloadGrant:
    """The leave that a link opens, with its line and order. Refuses UnknownDownload."""
    name, _dot, _seal = link.rpartition(".")
    try:
        public_id, _dash, version = (
            signing.Signer(salt=_SALT).unsign(":".join(link.rsplit(".", 1))).rpartition("-")
        )
    except signing.BadSignature:
        raise UnknownDownload("There is no such download.") from None
    grants = DownloadGrant.objects.select_related("line__order", "line__variant")
    found = grants.filter(public_id=public_id, version=int(version)).first() if name else None
    if found is None:
        raise UnknownDownload("There is no such download.")
    return found


def ended_because(grant: DownloadGrant, now: datetime) -> str:
    """ "" while it may be fetched."""
    if grant.revoked_at is not None:
        return "REVOKED"
    if grant.expires_at <= now:
        return "EXPIRED"
    return "USED_UP" if grant.downloads >= grant.downloads_max else ""


_TAKE = """
UPDATE oms_downloadgrant
   SET downloads = downloads + 1, first_download_at = COALESCE(first_download_at, %(now)s), last_download_at = %(now)s
 WHERE id = %(grant)s AND version = %(version)s AND revoked_at IS NULL AND expires_at > %(now)s AND downloads < downloads_max
"""


@transaction.atomic
def take_download(*, grant: DownloadGrant, now: datetime) -> None:
    """Count one; of two that come for the last one goes without. Refuses DownloadEnded."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"grant": grant.pk, "version": grant.version, "now": now})
        if cursor.rowcount == 1:
            return
    grant.refresh_from_db()
    raise DownloadEnded(
        "This download has ended.",
        reason=ended_because(grant, now) or "REPLACED",
        number=grant.line.order.number,
    )


def revoke_unbegun(*, line: OrderLine, now: datetime) -> None:
    """The file is given back, which holds only while nobody has fetched it. The order row is locked by the caller.

    Refuses UnknownDownload, DownloadEnded, DownloadBegun.
    """
    grant = DownloadGrant.objects.select_for_update(of=("self",)).filter(line=line).first()
    if grant is None:
        raise UnknownDownload("Nothing was delivered for this line.")
    if grant.revoked_at is not None:
        raise DownloadEnded("It was given back already.", reason="REVOKED")
    if grant.downloads:
        raise DownloadBegun("The download has begun, so the right of withdrawal has ended.", sku=line.sku)
    grant.revoked_at = now
    grant.save(update_fields=["revoked_at"])


@transaction.atomic
def renew_download(*, public_id: str, reason: str, by: User, now: datetime) -> DownloadGrant:
    """As many downloads and days again as a new buyer has; older links end, the buyer gets a letter with the new one.

    Refuses UnknownDownload, DownloadEnded (given back), InvalidInput without a reason.
    """
    if not reason.strip():
        raise InvalidInput("Say why the download is renewed.")
    order_id = (
        DownloadGrant.objects.filter(public_id=public_id).values_list("line__order_id", flat=True).first()
    )
    if order_id is None:
        raise UnknownDownload("There is no such download.")
    order = lock_order(order_id=order_id)
    grant = (
        DownloadGrant.objects.select_for_update(of=("self",)).select_related("line").get(public_id=public_id)
    )
    if grant.revoked_at is not None:
        raise DownloadEnded("It was given back, so there is nothing to renew.", reason="REVOKED")
    grant.version += 1
    grant.downloads_max = grant.downloads + settings.DOWNLOADS_MAX
    grant.expires_at = now + timedelta(days=settings.DOWNLOAD_DAYS)
    grant.save(update_fields=["version", "downloads_max", "expires_at"])
    OrderNote.objects.create(
        order=order, text=f"{grant.line.sku}: {reason.strip()}"[:1000], author=by, created_at=now
    )
    announce(
        events.DownloadsReady(order_id=order.pk, number=order.number, version=grant.version),
        subject=("order", order.number),
    )
    return grant
