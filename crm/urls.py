"""Back office pages of accounts (names in `ops:`)."""

from django.urls import path

from crm import views
from crm.segment_pages import builder, pages

ops_urlpatterns = [
    path("customers/", views.customer_list, name="customers"),
    path("customers/segments/", pages.segment_list, name="segments"),
    path("customers/segments/new/", builder.new, name="segment_new"),
    path("customers/segments/look/", builder.look, name="segment_look"),
    path("customers/segments/names/", builder.names, name="segment_names"),
    path("customers/segments/<slug:slug>/", pages.segment_page, name="segment"),
    path("customers/segments/<slug:slug>/edit/", builder.edit, name="segment_edit"),
    path("customers/segments/<slug:slug>/members/", pages.member_list, name="segment_members"),
    path("customers/segments/<slug:slug>/export/", pages.export, name="segment_export"),
    path("customers/segments/<slug:slug>/state/", pages.move, name="segment_move"),
    path(
        "customers/segments/<slug:slug>/proposals/<str:public_id>/",
        pages.proposal_page,
        name="segment_proposal",
    ),
    path(
        "customers/segments/<slug:slug>/proposals/<str:public_id>/decide/",
        pages.decide,
        name="segment_decide",
    ),
    path("customers/<str:public_id>/", views.customer_page, name="customer"),
]
