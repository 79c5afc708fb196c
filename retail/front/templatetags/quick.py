"""`{% load quick %}{% quick "shop/parts/row.html" books=newest %}`: a part whose template is Jinja's, inside a page of the other kind."""

from typing import Any

from django import template
from django.utils.safestring import SafeString

from retail.front.quick import part

register = template.Library()


@register.simple_tag(takes_context=True)
def quick(context: template.Context, name: str, **values: Any) -> SafeString:
    return SafeString(part(context["request"], name, values))
