"""Back office pages of accounts (names in `ops:`)."""

from django.urls import path

from crm import views

ops_urlpatterns = [
    path("customers/", views.customer_list, name="customers"),
    path("customers/<str:public_id>/", views.customer_page, name="customer"),
]
