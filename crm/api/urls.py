from django.urls import path

from crm.api import views

urlpatterns = [
    path("customers", views.Customers.as_view(), name="customers"),
    path("customers/<str:public_id>", views.CustomerOne.as_view(), name="customer"),
]
