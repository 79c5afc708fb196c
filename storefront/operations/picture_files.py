"""What strangers call a picture, made into files of ours: read within limits, turned upright, and drawn anew without anything else that was in it."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from storefront.operations.refusals import InvalidPicture
from storefront.rules import PICTURE_SIDE_MAX, picture_file, picture_widths

FORMATS = ("JPEG", "PNG", "WEBP")
BYTES_MAX = 10_000_000
PIXELS_MAX = 40_000_000
SIDE_MIN = 250
QUALITY = 82


@dataclass(frozen=True, slots=True)
class Drawn:
    """The largest size and its files, by their names below the picture's key."""

    width: int
    height: int
    files: tuple[tuple[str, bytes], ...]


def draw(content: bytes) -> Drawn:
    """Refuses InvalidPicture: TOO_LARGE, NOT_A_PICTURE, TOO_SMALL."""
    picture = _opened(content)
    width, height = picture.size
    files = [(f"{size}.webp", _written(_sized(picture, size), "WEBP")) for size in picture_widths(width)]
    # Readers of feeds and of shared links do not all take WebP.
    return Drawn(width, height, (*files, ("full.jpg", _written(picture, "JPEG"))))


def keep(key: str, drawn: Drawn) -> None:
    for name, content in drawn.files:
        default_storage.save(picture_file(key, name), ContentFile(content))


def forget(key: str, width: int) -> None:
    for name in (*(f"{size}.webp" for size in picture_widths(width)), "full.jpg"):
        default_storage.delete(picture_file(key, name))


def _opened(content: bytes) -> Image.Image:
    if len(content) > BYTES_MAX:
        raise InvalidPicture(_("The picture is larger than 10 MB."), reason="TOO_LARGE")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as looked_at:
                if looked_at.width * looked_at.height > PIXELS_MAX:
                    raise InvalidPicture(_("The picture has more than 40 megapixels."), reason="TOO_LARGE")
                looked_at.verify()
            picture = Image.open(io.BytesIO(content), formats=FORMATS)
            picture.thumbnail((PICTURE_SIDE_MAX, PICTURE_SIDE_MAX), Image.Resampling.LANCZOS)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise InvalidPicture(_("The picture has more than 40 megapixels."), reason="TOO_LARGE") from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError) as error:
        raise InvalidPicture(
            _("This is not a JPEG, PNG or WebP that can be read."), reason="NOT_A_PICTURE"
        ) from error
    if min(picture.size) < SIDE_MIN:
        raise InvalidPicture(
            _("A picture has at least 250 pixels on each side, and is not a strip."), reason="TOO_SMALL"
        )
    return _on_white(ImageOps.exif_transpose(picture))


def _on_white(picture: Image.Image) -> Image.Image:
    """Plain colors: what shows through is white."""
    seen = picture.convert("RGBA")
    ground = Image.new("RGB", seen.size, "white")
    ground.paste(seen, mask=seen.getchannel("A"))
    return ground


def _sized(picture: Image.Image, width: int) -> Image.Image:
    if width == picture.width:
        return picture
    height = max(1, round(picture.height * width / picture.width))
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _written(picture: Image.Image, form: str) -> bytes:
    made = io.BytesIO()
    picture.save(made, form, quality=QUALITY)
    return made.getvalue()
