from django.urls import path

from audit.api import views, webhooks

urlpatterns = [
    path("events", views.Events.as_view(), name="events"),
    path("audit-events", views.AuditEvents.as_view(), name="audit-events"),
    path("webhooks", webhooks.Webhooks.as_view(), name="webhooks"),
    path("webhooks/<str:public_id>", webhooks.WebhookOne.as_view(), name="webhook"),
    path("webhooks/<str:public_id>/secret", webhooks.WebhookSecret.as_view(), name="webhook-secret"),
    path("webhooks/<str:public_id>/deliveries", webhooks.Deliveries.as_view(), name="webhook-deliveries"),
    path(
        "webhooks/<str:public_id>/deliveries/<str:delivery_id>/replay",
        webhooks.DeliveryReplay.as_view(),
        name="webhook-replay",
    ),
]
