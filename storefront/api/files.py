"""Files of the catalog by API, their bytes as the body: pictures of a product, and the file of an electronic edition."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from oms.workflows.electronic import upload_file
from retail.kernel.errors import InvalidInput
from retail.rest.fields import read
from retail.rest.parsers import JsonParser, takes
from retail.rest.views import ApiView
from storefront import operations
from storefront import selectors as catalog
from storefront.api import shapes
from storefront.models import DigitalFile, Product, Variant
from storefront.operations import UnknownSku
from storefront.operations.files import EPUB, PDF
from storefront.states import ProductStatus

PICTURES = ("image/jpeg", "image/png", "image/webp")
WORDS_MAX = 200
WRITE = "products:write"


def _product(sku: str) -> Product:
    variant = Variant.objects.select_related("product").filter(sku=sku).first()
    if variant is None:
        raise UnknownSku("There is no such product.", sku=sku[:40])
    return variant.product


def _shown(product: Product, status: int = 200) -> Response:
    pictures = catalog.pictures_of([product.pk]).get(product.pk, ())
    return Response({"pictures": [shapes.show_picture(each) for each in pictures]}, status=status)


class Pictures(ApiView):
    scopes = {"GET": "", "POST": WRITE, "PUT": WRITE}
    idempotent = "optional"
    is_one_transaction = True
    parser_classes = [*takes(*PICTURES), JsonParser]
    body_bytes_max = operations.PICTURE_BYTES_MAX

    @extend_schema(operation_id="picture_list", responses={200: shapes.PicturesAnswer})
    def get(self, request: Request, sku: str) -> Response:
        """The pictures of the product that this variant is of, in their order."""
        product = _product(sku)
        if product.status != ProductStatus.PUBLISHED:
            raise UnknownSku("There is no such product on sale.", sku=sku[:40])
        return _shown(product)

    @extend_schema(
        operation_id="picture_add",
        request=dict.fromkeys(PICTURES, OpenApiTypes.BINARY),
        parameters=[
            OpenApiParameter("text", OpenApiTypes.STR, description="what it shows, in Serbian (Latin)"),
            OpenApiParameter("text_en", OpenApiTypes.STR, description="the same in English"),
        ],
        responses={201: shapes.PicturesAnswer},
    )
    def post(self, request: Request, sku: str) -> Response:
        """Put a picture behind the others. The body is the file, at most 10 MB; it is read within limits and drawn anew."""
        if not isinstance(request.data, bytes):
            raise InvalidInput("The body is the picture itself.", field="body")
        words = {name: request.query_params.get(name, "") for name in ("text", "text_en")}
        for name, given in words.items():
            if len(given) > WORDS_MAX:
                raise InvalidInput("What a picture shows is said in 200 characters.", field=name)
        product = _product(sku)
        operations.add_picture(
            product_id=product.pk, content=request.data, **words, by=self.actor, now=timezone.now()
        )
        return _shown(product, status=201)

    @extend_schema(
        operation_id="picture_order",
        request=shapes.PicturesBody,
        responses={200: shapes.PicturesAnswer},
    )
    def put(self, request: Request, sku: str) -> Response:
        """All pictures of the product in a new order, with their words; the first one stands on cards."""
        given = read(shapes.PicturesBody, request)["pictures"]
        product, now = _product(sku), timezone.now()
        with transaction.atomic():
            operations.order_pictures(
                product_id=product.pk, keys=[each["id"] for each in given], by=self.actor, now=now
            )
            known = {each.key: each for each in catalog.pictures_of([product.pk]).get(product.pk, ())}
            for each in given:
                there = known[each["id"]]
                operations.describe_picture(
                    product_id=product.pk,
                    key=there.key,
                    text=each.get("text", there.text),
                    text_en=each.get("text_en", there.text_en),
                    by=self.actor,
                    now=now,
                )
        return _shown(product)


class PictureOne(ApiView):
    scopes = {"DELETE": WRITE}

    @extend_schema(operation_id="picture_remove", responses={204: None})
    def delete(self, request: Request, sku: str, picture: str) -> Response:
        """Take a picture away; those behind it move up."""
        operations.remove_picture(product_id=_product(sku).pk, key=picture, by=self.actor, now=timezone.now())
        return Response(status=204)


class File(ApiView):
    scopes = {"PUT": WRITE}
    parser_classes = takes(EPUB, PDF)
    body_bytes_max = settings.DIGITAL_FILE_BYTES_MAX

    @extend_schema(
        operation_id="file_put",
        request=dict.fromkeys((EPUB, PDF), OpenApiTypes.BINARY),
        responses={200: shapes.FileAnswer},
    )
    def put(self, request: Request, sku: str) -> Response:
        """Make the variant an electronic edition and sell it with this file, or replace its file for all who bought it.

        The body is the EPUB or PDF, at most 50 MB. A SKU of which there are or were goods is refused with SOLD_AS_GOODS.
        """
        if not isinstance(request.data, bytes):
            raise InvalidInput("The body is the file itself.", field="body")
        kept = upload_file(sku=sku, content=request.data, by=self.actor, now=timezone.now())
        return Response(_file(kept, sku))


def _file(kept: DigitalFile, sku: str) -> dict[str, object]:
    return {
        "sku": sku,
        "name": kept.name,
        "media_type": kept.media_type,
        "size": kept.size,
        "sha256": kept.digest,
        "uploaded_at": kept.uploaded_at.isoformat(),
    }
