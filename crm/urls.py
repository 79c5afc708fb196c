"""Back office pages of accounts (names in `ops:`)."""

from django.urls import path

from crm.segment_pages import builder, pages
from crm.views import acts, coupons, customers, letters, merging, privacy, program

ops_urlpatterns = [
    path("letters/", letters.letters, name="letters"),
    path("letters/<slug:name>/<slug:language>/", letters.letter, name="letter"),
    path("customers/", customers.customer_list, name="customers"),
    path("coupons/", coupons.coupon_list, name="coupons"),
    path("coupons/<int:batch_id>/", coupons.batch_page, name="coupon_batch"),
    path("coupons/<int:batch_id>/export/", coupons.export, name="coupon_export"),
    path("coupons/<int:batch_id>/stop/", coupons.stop, name="coupon_stop"),
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
    path("customers/duplicates/", merging.duplicate_list, name="customer_duplicates"),
    path("customers/loyalty/", program.program_page, name="loyalty_program"),
    path("customers/<str:public_id>/", customers.customer_page, name="customer"),
    path("customers/<str:public_id>/notes/", acts.add_note, name="customer_note"),
    path("customers/<str:public_id>/tasks/", acts.add_task, name="customer_task"),
    path("customers/<str:public_id>/tasks/done/", acts.finish_task, name="customer_task_done"),
    path("customers/<str:public_id>/consents/", acts.record_consent, name="customer_consent"),
    path("customers/<str:public_id>/offers/", acts.write_offer, name="customer_offer"),
    path("customers/<str:public_id>/offers/withdraw/", acts.withdraw_offer, name="customer_offer_withdraw"),
    path("customers/<str:public_id>/membership/", acts.join_program, name="customer_join"),
    path("customers/<str:public_id>/merge/<str:other>/", merging.merge_page, name="customer_merge"),
    path("customers/<str:public_id>/export/", privacy.export, name="customer_export"),
    path("customers/<str:public_id>/erase/", privacy.erase, name="customer_erase"),
    path("customers/<str:public_id>/merge-undo/", merging.undo_merge, name="customer_merge_undo"),
]
