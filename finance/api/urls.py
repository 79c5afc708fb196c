from django.urls import path

from finance.api import campaigns, views

urlpatterns = [
    path("invoices", views.Invoices.as_view(), name="invoices"),
    path("invoices/<str:number>", views.InvoiceOne.as_view(), name="invoice"),
    path("invoices/<str:number>/pdf", views.InvoicePdf.as_view(), name="invoice-pdf"),
    path("invoices/<str:number>/ubl", views.InvoiceUbl.as_view(), name="invoice-ubl"),
    path("credit-notes", views.CreditNotes.as_view(), name="credit-notes"),
    path("ledger/trial-balance", views.TrialBalance.as_view(), name="trial-balance"),
    path("ledger/entries", views.Entries.as_view(), name="entries"),
    path("ledger/accounts", views.Accounts.as_view(), name="accounts"),
    path("sef/events", views.SefEvents.as_view(), name="sef-events"),
    path("campaigns/<slug:slug>/report", campaigns.CampaignReport.as_view(), name="campaign-report"),
    path("bank-statements", views.BankStatements.as_view(), name="bank-statements"),
    path("courier-remittances", views.CourierRemittances.as_view(), name="courier-remittances"),
    path("payments/<str:provider>/events", views.PaymentEvents.as_view(), name="payment-events"),
]
