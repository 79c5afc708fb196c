"""Files that people hand in: how much one may weigh is decided by its announced length, before a byte of it is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from finance.forms import UploadForm
from finance.workflows import UnreadableFile
from retail.kernel.access import EDIT_FINANCE, staff_page

UPLOAD_BYTES_MAX = 5_000_000
# The other fields of the form and the marks between its parts.
FORM_BYTES_MAX = 20_000
# A browser shows the answer only when its file was taken off it; more than this is not worth the line.
DISCARDED_BYTES_MAX = 400_000_000
_CHUNK = 1 << 16

View = Callable[[HttpRequest], HttpResponse]
F = TypeVar("F", bound=UploadForm)


def bounded_upload(refuse: View) -> Callable[[View], View]:
    """A page that takes a file from the accountant; `refuse` answers for one that is too large.

    The token of the form lies in its body, so the check against forged forms stands behind the check of the length.
    """

    def guard(view: View) -> View:
        checked = csrf_protect(view)

        def sized(request: HttpRequest) -> HttpResponse:
            if _announced(request) > UPLOAD_BYTES_MAX + FORM_BYTES_MAX:
                _discard(request)
                return refuse(request)
            return checked(request)

        return csrf_exempt(require_POST(staff_page(EDIT_FINANCE)(sized)))

    return guard


def too_large(form: F) -> F:
    """The form as it comes back when its file was not even read."""
    form.errors.clear()
    form.add_error(
        "file", _("The file is larger than 5 MB. Nothing was read. Export a shorter span of days.")
    )
    return form


def text_of_upload(upload: UploadedFile[Any]) -> str:
    """The text of a small file; refuses what is no UTF-8."""
    data: bytes = upload.read(UPLOAD_BYTES_MAX + 1)
    if len(data) > UPLOAD_BYTES_MAX:
        raise UnreadableFile("The file is larger than 5 MB.", reason="TOO_LARGE")
    if not data.strip():
        raise UnreadableFile("The file is empty.", reason="EMPTY")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableFile("The file is not UTF-8.", reason="ENCODING", line=line) from error


def _announced(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _discard(request: HttpRequest) -> None:
    left = min(_announced(request), DISCARDED_BYTES_MAX)
    while left > 0 and (taken := len(request.read(min(_CHUNK, left)))):
        left -= taken
