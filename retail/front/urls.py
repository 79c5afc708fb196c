from django.urls import path

from retail.front import views

app_name = "front"
urlpatterns = [
    path("covers/<str:code>.svg", views.cover, name="cover"),
    path("preferences/", views.preference, name="preference"),
]
