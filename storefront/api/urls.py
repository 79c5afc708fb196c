from django.urls import path

from storefront.api import views

urlpatterns = [
    path("products", views.Products.as_view(), name="products"),
    path("products/<path:sku>", views.ProductOne.as_view(), name="product"),
    path("availability", views.Availability.as_view(), name="availability"),
]
