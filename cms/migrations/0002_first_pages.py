"""The root of the site becomes a home page of ours, as a draft: the shop draws its own first page until somebody publishes it."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import migrations

TITLES = (("sr-latn", "Naslovna", "naslovna", "00010001"), ("en", "Home", "home-en", "00010002"))


def make_roots(apps: Any, schema_editor: Any) -> None:
    ContentType = apps.get_model("contenttypes", "ContentType")
    Page = apps.get_model("wagtailcore", "Page")
    Site = apps.get_model("wagtailcore", "Site")
    Locale = apps.get_model("wagtailcore", "Locale")
    HomePage = apps.get_model("cms", "HomePage")
    kind, _ = ContentType.objects.get_or_create(model="homepage", app_label="cms")
    Site.objects.all().delete()
    Page.objects.filter(depth__gt=1).delete()
    key = uuid.uuid4()
    made = []
    for code, title, slug, path in TITLES:
        locale, _ = Locale.objects.get_or_create(language_code=code)
        made.append(
            HomePage.objects.create(
                title=title,
                draft_title=title,
                slug=slug,
                content_type=kind,
                path=path,
                depth=2,
                numchild=0,
                url_path=f"/{slug}/",
                live=False,
                has_unpublished_changes=True,
                locale=locale,
                translation_key=key,
            )
        )
    Page.objects.filter(depth=1).update(numchild=len(made))
    Site.objects.create(hostname="localhost", root_page_id=made[0].pk, is_default_site=True)


class Migration(migrations.Migration):
    dependencies = [("cms", "0001_pages")]
    operations = [migrations.RunPython(make_roots, migrations.RunPython.noop)]
