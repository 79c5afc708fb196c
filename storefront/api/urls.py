from django.urls import path

from storefront.api import files, views

urlpatterns = [
    path("products", views.Products.as_view(), name="products"),
    path("products/<path:sku>/pictures", files.Pictures.as_view(), name="pictures"),
    path("products/<path:sku>/pictures/<str:picture>", files.PictureOne.as_view(), name="picture"),
    path("products/<path:sku>/file", files.File.as_view(), name="file"),
    path("products/<path:sku>", views.ProductOne.as_view(), name="product"),
    path("availability", views.Availability.as_view(), name="availability"),
]
