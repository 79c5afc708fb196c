"""Pages that editors write: the last list of the shop, so that no page can hide an address of ours.

Wagtail's own list has a way to sign in without a second factor; ours has none.
"""

from django.urls import path, re_path
from wagtail.views import authenticate_with_password

from cms.views import answers, pages

urlpatterns = [
    path(
        "_util/authenticate_with_password/<int:page_view_restriction_id>/<int:page_id>/",
        authenticate_with_password,
        name="wagtailcore_authenticate_with_password",
    ),
    path("forms/<int:page_id>/<slug:form>/", answers.send, name="form_send"),
    path("forms/confirm/<slug:token>/", answers.confirm, name="form_confirm"),
    # The name by which Wagtail builds the address of a page.
    re_path(r"^((?:[\w\-]+/)*)$", pages.serve, name="wagtail_serve"),
]

# Pages of the back office (names in `ops:`).
ops_urlpatterns = [
    path("answers/", answers.answer_list, name="answers"),
    path("answers/<slug:form>/export/", answers.export, name="export_answers"),
]
