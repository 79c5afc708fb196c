from django.urls import path

from crm.api import segments, views

urlpatterns = [
    path("segments", segments.Segments.as_view(), name="segments"),
    path("segments/<slug:slug>", segments.SegmentOne.as_view(), name="segment"),
    path("segments/<slug:slug>/members", segments.SegmentMembers.as_view(), name="segment_members"),
    path("customers", views.Customers.as_view(), name="customers"),
    path("customers/<str:public_id>", views.CustomerOne.as_view(), name="customer"),
]
