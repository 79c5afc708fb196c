"""The catalog by API: entries to list, read and put, and the promise for a quantity and a place."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Greatest
from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from oms import selectors as oms
from oms.workflows.baskets import UnknownChannel
from retail.kernel.errors import InvalidInput, StaleVersion
from retail.rest.fields import amount_of, moment_of, read, whole_number
from retail.rest.paging import InvalidCursor, decode, encode, limit_of, page
from retail.rest.quick import QuickRead, as_json
from retail.rest.throttles import client_of
from retail.rest.views import ApiView
from storefront import operations
from storefront import selectors as catalog
from storefront.api import shapes
from storefront.models import Channel, Product, Variant
from storefront.operations import UnknownCategory, UnknownSku, VariantData
from storefront.selectors.search import match
from storefront.states import ProductStatus
from warehouse import selectors as warehouse

DEFAULT_CHANNEL = "web-rs"
QUANTITY_MAX = 9999
CHANNEL = OpenApiParameter(
    "channel", OpenApiTypes.STR, description="whose prices and pools; web-rs when left out"
)
_PRODUCT_FIELDS = (
    "title", "slug", "subtitle", "description", "language", "brand", "kind", "released_on", "barcode", "tax_class",
    "weight_grams", "length_mm", "width_mm", "height_mm", "is_sellable", "is_published",
)  # fmt: skip


def channel_of(code: str) -> Channel:
    channel = catalog.channel_by_code(code or DEFAULT_CHANNEL)
    if channel is None:
        raise UnknownChannel("There is no such channel.", channel=code[:20])
    return channel


def _on_sale() -> QuerySet[Variant]:
    return Variant.objects.filter(is_sellable=True, product__status=ProductStatus.PUBLISHED).select_related(
        "product"
    )


class Products(ApiView):
    scopes = {"GET": ""}

    @extend_schema(
        operation_id="product_list",
        parameters=[
            OpenApiParameter("search", OpenApiTypes.STR, description="words in either script, ISBN or SKU"),
            OpenApiParameter("category", OpenApiTypes.STR, description="path of a branch"),
            OpenApiParameter("updated_after", OpenApiTypes.DATETIME),
            CHANNEL,
            OpenApiParameter("after", OpenApiTypes.STR, description="cursor of the page before"),
            OpenApiParameter("limit", OpenApiTypes.INT, description="rows a page, 1 to 100"),
        ],
        responses={200: shapes.ProductListAnswer},
    )
    def get(self, request: Request) -> Response:
        """What is on sale, one entry per variant: by relevance with `search`, else in the order of change."""
        query = request.query_params
        channel = channel_of(query.get("channel", ""))
        rows = _on_sale().prefetch_related("product__contributions__contributor")
        if path := query.get("category", ""):
            branch = catalog.category_by_path(path)
            if branch is None:
                raise UnknownCategory("There is no such category.", category=path[:100])
            rows = rows.filter(product__categories=branch.node.id)
        rows = rows.annotate(changed_at=Greatest("updated_at", "product__updated_at"))
        if since := query.get("updated_after", ""):
            rows = rows.filter(changed_at__gt=moment_of(since, "updated_after"))
        now = timezone.now()
        if text := query.get("search", "").strip():
            return self._found(request, rows, text, channel, now)
        return page(
            request,
            rows,
            by=("changed_at", "id"),
            show=lambda found: shapes.show_variants(found, channel=channel, now=now),
        )

    def _found(
        self, request: Request, rows: QuerySet[Any], text: str, channel: Channel, now: datetime
    ) -> Response:
        """Best hits first; the cursor counts them, since relevance has no key."""
        limit, start = limit_of(request), _start_of(request.query_params.get("after", ""))
        ids = match(text).ids
        place = {product_id: number for number, product_id in enumerate(ids)}
        keys = sorted(
            rows.filter(product_id__in=ids).values_list("product_id", "position", "pk"),
            key=lambda key: (place[key[0]], key[1], key[2]),
        )
        chosen = [pk for _, _, pk in keys[start : start + limit]]
        by_pk = rows.in_bulk(chosen)
        following = None
        if len(keys) > start + limit:
            query = request.query_params.copy()
            query["after"] = encode([start + limit])
            following = request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
        shown = shapes.show_variants([by_pk[pk] for pk in chosen], channel=channel, now=now)
        return Response({"results": shown, "next": following})


def _start_of(cursor: str) -> int:
    if not cursor:
        return 0
    (start,) = decode(cursor, 1)
    if not isinstance(start, int) or isinstance(start, bool) or not 0 <= start <= 100_000:
        raise InvalidCursor("This cursor is not one of ours; begin without it.")
    return start


class ProductOne(ApiView):
    scopes = {"GET": "", "PUT": "products:write"}

    @extend_schema(operation_id="product_read", parameters=[CHANNEL], responses={200: shapes.ProductAnswer})
    def get(self, request: Request, sku: str) -> Response:
        """One variant that is on sale. The `ETag` may be sent back with a PUT as `If-Match`."""
        channel = channel_of(request.query_params.get("channel", ""))
        variant = _on_sale().filter(sku=sku).first()
        if variant is None:
            raise UnknownSku("There is no such product on sale.", sku=sku[:40])
        return self._answer(variant, channel, status=200)

    @extend_schema(
        operation_id="product_put",
        request=shapes.ProductBody,
        parameters=[OpenApiParameter("If-Match", OpenApiTypes.STR, OpenApiParameter.HEADER)],
        responses={200: shapes.ProductAnswer, 201: shapes.ProductAnswer},
    )
    def put(self, request: Request, sku: str) -> Response:
        """Create a variant with its product, or change what is sent of it; whole or not at all."""
        data = read(shapes.ProductBody, request)
        channel = channel_of(data.get("channel", ""))
        price: Decimal | None = amount_of(data.get("price"), channel.currency)
        values = {name: data[name] for name in _PRODUCT_FIELDS if name in data}
        for name, given in (("authors", "authors"), ("category_paths", "categories")):
            if given in data:
                values[name] = tuple(data[given])
        if "format" in data:
            values["format_name"] = data["format"]
        variant, is_new = operations.put_variant(
            sku=sku,
            data=VariantData(**values, price=price, price_list_id=channel.price_list_id),
            by=self.actor,
            now=timezone.now(),
            seen_at=self._seen_at(request, sku),
        )
        return self._answer(variant, channel, status=201 if is_new else 200)

    def _seen_at(self, request: Request, sku: str) -> datetime | None:
        """`If-Match` must be the tag of what is stored; the verb looks once more under its lock."""
        tag = request.headers.get("If-Match", "").strip()
        if not tag or tag == "*":
            return None
        product = Product.objects.filter(variants__sku=sku).first()
        if product is None or tag != _tag(product):
            raise StaleVersion("The product changed since you read it; read it again.")
        return product.updated_at

    def _answer(self, variant: Variant, channel: Channel, status: int) -> Response:
        (shown,) = shapes.show_variants([variant], channel=channel, now=timezone.now())
        return Response(shown, status=status, headers={"ETag": _tag(variant.product)})


def _tag(product: Product) -> str:
    return f'"{product.pk}-{int(product.updated_at.timestamp() * 1_000_000)}"'


class Availability(QuickRead):
    scopes = {"GET": ""}

    @extend_schema(
        operation_id="availability",
        parameters=[
            OpenApiParameter("sku", OpenApiTypes.STR, required=True),
            OpenApiParameter("quantity", OpenApiTypes.INT, description="1 when left out"),
            OpenApiParameter("postal_code", OpenApiTypes.STR, description="for home delivery"),
            CHANNEL,
        ],
        responses={200: shapes.AvailabilityAnswer},
    )
    def get(self, request: Request) -> Response:
        """Every delivery method with date, price and the locations that would serve it, or why it cannot be had."""
        return Response(self._body(request._request, timezone.now()))

    def quick(self, request: HttpRequest, now: datetime) -> tuple[str, str]:
        return client_of(request), as_json(self._body(request, now))

    def _body(self, request: HttpRequest, now: datetime) -> dict[str, Any]:
        values = request.GET
        sku = values.get("sku", "").strip()
        if not sku:
            raise InvalidInput("Say which sku.", field="sku")
        quantity = whole_number(values.get("quantity", "1"), "quantity", least=1, most=QUANTITY_MAX)
        channel = channel_of(values.get("channel", ""))
        variant = catalog.sellable_variant(sku)
        if variant is None:
            raise UnknownSku("There is no such product on sale.", sku=sku[:40])
        quote = oms.quote(channel=channel, wanted=[oms.Wanted(sku, variant, quantity)], now=now)
        found = warehouse.available_ways(
            variant_id=variant.pk,
            quantity=quantity,
            channel_id=channel.pk,
            now=now,
            postal_code=values.get("postal_code", "").strip()[:12] or None,
            goods_total=quote.priced.goods_total,
            currency=channel.currency,
        )
        return {
            "sku": sku,
            "quantity": quantity,
            "channel": channel.code,
            "available": sum(found.units.values()),
            "preorder": {
                "expected_on": found.coming.day.isoformat(),
                "available": found.coming.units,
            }
            if found.coming
            else None,
            "options": [shapes.show_option(option) for option in found.options],
        }
