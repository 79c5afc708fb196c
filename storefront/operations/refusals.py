"""What the verbs of the catalog refuse, by name."""

from retail.kernel.errors import InvalidInput, NotFound, Refusal


class UnknownSku(NotFound):
    code = "UNKNOWN_SKU"


class UnknownVariant(NotFound):
    code = "UNKNOWN_VARIANT"


class UnknownProduct(NotFound):
    code = "UNKNOWN_PRODUCT"


class UnknownCategory(NotFound):
    code = "UNKNOWN_CATEGORY"


class UnknownPriceList(NotFound):
    code = "UNKNOWN_PRICE_LIST"


class SkuTaken(Refusal):
    """Another variant is sold under this SKU."""

    code = "SKU_TAKEN"


class SlugTaken(Refusal):
    code = "SLUG_TAKEN"


class InvalidSlug(InvalidInput):
    """An address has small letters a to z, digits and hyphens."""

    code = "INVALID_SLUG"


class UnknownFilter(InvalidInput):
    """A saved listing may use only what listings can be narrowed by."""

    code = "UNKNOWN_FILTER"


class MissingTitle(InvalidInput):
    code = "MISSING_TITLE"


class InvalidSku(InvalidInput):
    code = "INVALID_SKU"


class InvalidBarcode(InvalidInput):
    code = "INVALID_BARCODE"


class InvalidPrice(InvalidInput):
    """A price is not negative, has two places and fits the column."""

    code = "INVALID_PRICE"


class InvalidPeriod(InvalidInput):
    """A price begins now or later and ends after it begins: the past is history."""

    code = "INVALID_PERIOD"


class NothingToSell(Refusal):
    """A product without a sellable variant is not published."""

    code = "NOTHING_TO_SELL"


class KitInKit(Refusal):
    """A kit is made of plain variants, and not of itself."""

    code = "KIT_IN_KIT"


class FileMissing(Refusal):
    """An electronic edition is sold when there is a file to send."""

    code = "FILE_MISSING"


class InvalidPicture(InvalidInput):
    """Not a JPEG, PNG or WebP that can be read, too large or too small; `reason` says which."""

    code = "INVALID_PICTURE"


class PictureTaken(Refusal):
    """The product has this very picture already."""

    code = "PICTURE_TAKEN"


class TooManyPictures(Refusal):
    code = "TOO_MANY_PICTURES"


class UnknownPicture(NotFound):
    code = "UNKNOWN_PICTURE"


class PicturesChanged(Refusal):
    """An order of pictures names each of them once; somebody has added or removed one meanwhile."""

    code = "PICTURES_CHANGED"
