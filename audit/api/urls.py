from django.urls import path

from audit.api import views

urlpatterns = [
    path("events", views.Events.as_view(), name="events"),
    path("audit-events", views.AuditEvents.as_view(), name="audit-events"),
]
