"""Files that are sold: looked at before they are kept, kept under a name that says nothing, read only to stream them to whoever paid."""

from __future__ import annotations

import hashlib
import io
import re
import secrets
import zipfile
from datetime import datetime
from typing import IO

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.db import transaction
from django.utils.translation import gettext as _

from retail.kernel.context import acting
from retail.kernel.errors import InvalidInput
from retail.kernel.models import User
from retail.kernel.outbox import announce
from storefront.events import VariantChanged
from storefront.models import DigitalFile, TaxClass, Variant
from storefront.operations.refusals import UnknownVariant

EPUB, PDF = "application/epub+zip", "application/pdf"
ENDINGS = {EPUB: "epub", PDF: "pdf"}
_EPUB_BYTES_MAX = 500_000_000


class InvalidFile(InvalidInput):
    """Not an e-book that readers open, or too large; `reason` says which."""

    code = "INVALID_FILE"


@transaction.atomic
def keep_file(*, variant_id: int, content: bytes, by: User | None, now: datetime) -> DigitalFile:
    """Make the variant digital and sold with this file; one that was there before is replaced for all who paid.

    Whether it may become digital (nothing of it on shelves) is the caller's question. Refuses UnknownVariant, InvalidFile.
    """
    media_type = media_type_of(content)
    variant = (
        Variant.objects.select_for_update(of=("self",))
        .select_related("product")
        .filter(pk=variant_id, is_kit=False)
        .first()
    )
    if variant is None:
        raise UnknownVariant(_("There is no such variant."), variant=variant_id)
    before = DigitalFile.objects.filter(variant=variant).first()
    kept = before or DigitalFile(variant=variant)
    old_key = kept.key
    kept.key = f"{secrets.token_hex(20)}.{ENDINGS[media_type]}"
    kept.name = f"{_plain(variant.product.title)}.{ENDINGS[media_type]}"
    kept.media_type, kept.size, kept.uploaded_at = media_type, len(content), now
    kept.digest = hashlib.sha256(content).hexdigest()
    _storage().save(kept.key, ContentFile(content))
    if old_key:
        transaction.on_commit(lambda: _storage().delete(old_key), robust=True)
    with acting(by=by):
        kept.save()
        if not variant.is_digital:
            variant.tax_class, variant.weight_grams = TaxClass.EBOOKS, 0
        variant.is_digital = variant.is_sellable = True
        variant.save(update_fields=["is_digital", "is_sellable", "tax_class", "weight_grams", "updated_at"])
        announce(VariantChanged(variant.pk, variant.sku), subject=("variant", variant.sku))
    return kept


def open_file(file: DigitalFile) -> IO[bytes]:
    return _storage().open(file.key, "rb")


def has_bytes(file: DigitalFile) -> bool:
    return bool(_storage().exists(file.key))


def media_type_of(content: bytes) -> str:
    """What the bytes are, whatever the name of the file says. Refuses InvalidFile."""
    if len(content) > settings.DIGITAL_FILE_BYTES_MAX:
        raise InvalidFile(_("The file is larger than 50 MB."), reason="TOO_LARGE")
    if content.startswith(b"%PDF-"):
        return PDF
    # The type stands first, readable without unpacking.
    if content[:4] != b"PK\x03\x04" or content[30:58] != b"mimetype" + EPUB.encode():
        raise InvalidFile(_("This is neither an EPUB nor a PDF."), reason="UNKNOWN_TYPE")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            names = book.namelist()
            is_epub = bool(names) and names[0] == "mimetype" and "META-INF/container.xml" in names
            if is_epub and sum(each.file_size for each in book.infolist()) > _EPUB_BYTES_MAX:
                raise InvalidFile(_("The file is larger than 50 MB."), reason="TOO_LARGE")
            if is_epub and book.read("mimetype").strip() == EPUB.encode() and book.testzip() is None:
                return EPUB
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError):
        pass
    raise InvalidFile(_("This is neither an EPUB nor a PDF."), reason="UNKNOWN_TYPE")


def _plain(title: str) -> str:
    """A name that every computer can keep."""
    return re.sub(r"[^\w\-. ]", "", title).strip(" .")[:100] or "e-knjiga"


def _storage() -> Storage:
    return storages["private"]
