"""Addresses of the books and the money; the roof mounts them at /ops/finance/."""

from django.urls import path

from finance.views import (
    books,
    campaign_undo,
    campaigns,
    einvoices,
    imports,
    papers,
    payments,
    purchases,
    vat,
)

app_name = "finance"
urlpatterns = [
    path("", books.trial_balance, name="trial_balance"),
    path("accounts/<str:code>/", books.account_card, name="account"),
    path("entries/", books.entry_list, name="entries"),
    path("entries/<int:pk>/", books.entry_page, name="entry"),
    path("periods/", books.periods, name="periods"),
    path("periods/<int:year>/<int:month>/<str:act>/", books.change_period, name="change_period"),
    # Papers
    path("invoices/", papers.invoice_list, name="invoices"),
    path("invoices/<str:number>/", papers.invoice_page, name="invoice"),
    path("invoices/<str:number>/pdf/", papers.invoice_pdf, name="invoice_pdf"),
    path("receipts/", papers.receipt_list, name="receipts"),
    path("receipts/<int:pk>/", papers.receipt_page, name="receipt"),
    path("receipts/<int:pk>/pdf/", papers.receipt_pdf, name="receipt_pdf"),
    path("receipts/<int:pk>/retry/", papers.retry_receipt, name="retry_receipt"),
    path("receipts/<int:pk>/buyer/", papers.give_buyer_id, name="receipt_buyer"),
    # Papers at SEF
    path("einvoices/", einvoices.einvoice_list, name="einvoices"),
    path("einvoices/<int:pk>/", einvoices.einvoice_page, name="einvoice"),
    path("einvoices/<int:pk>/xml/", einvoices.einvoice_xml, name="einvoice_xml"),
    path("einvoices/<int:pk>/retry/", einvoices.retry_einvoice, name="retry_einvoice"),
    path("einvoices/<int:pk>/replace/", einvoices.replace_einvoice, name="replace_einvoice"),
    path("purchases/", purchases.purchase_list, name="purchases"),
    path("purchases/<int:pk>/", purchases.purchase_page, name="purchase"),
    path("purchases/<int:pk>/decide/", purchases.decide_purchase, name="decide_purchase"),
    path("vat/", vat.work, name="vat"),
    path("vat/<int:year>/<int:number>/", vat.period_page, name="vat_period"),
    path("vat/<int:year>/<int:number>/record/", vat.record_period, name="record_vat"),
    path("vat/records/<int:pk>/retry/", vat.retry_record, name="retry_vat_record"),
    path("vat/records/<int:pk>/cancel/", vat.cancel_record, name="cancel_vat_record"),
    # Money
    path("payments/", payments.payment_list, name="payments"),
    path("payments/<str:public_id>/", payments.payment_page, name="payment"),
    path("payments/<str:public_id>/ask/", payments.ask_provider, name="ask_provider"),
    path("refunds/", payments.refund_list, name="refunds"),
    path("refunds/settle/", payments.settle_refunds, name="settle_refunds"),
    # What the bank and the couriers say
    path("statements/", imports.statements, name="statements"),
    path("statements/import/", imports.import_statement, name="import_statement"),
    path("statements/<int:pk>/", imports.statement, name="statement"),
    path("statements/<int:pk>/match/", imports.match_statement, name="match_statement"),
    path("statements/<int:pk>/aside/", imports.set_aside_statement, name="set_aside_statement"),
    path("statements/<int:pk>/payout/", imports.book_payout, name="book_payout"),
    path("remittances/", imports.remittances, name="remittances"),
    path("remittances/import/", imports.import_remittance, name="import_remittance"),
    path("remittances/<int:pk>/", imports.remittance, name="remittance"),
    path("remittances/<int:pk>/match/", imports.match_remittance, name="match_remittance"),
]
# What campaigns brought stands beside the orders, not in the books.
ops_urlpatterns = [
    path("campaigns/", campaigns.campaign_list, name="campaigns"),
    path("campaigns/<slug:slug>/", campaigns.campaign_report, name="campaign"),
    path("campaigns/<slug:slug>/lines/", campaigns.campaign_lines, name="campaign_lines"),
    path("campaigns/<slug:slug>/entries/", campaigns.campaign_entries, name="campaign_entries"),
    path("campaigns/<slug:slug>/undo/", campaign_undo.campaign_undo, name="campaign_undo"),
    path("campaigns/<slug:slug>/views/", campaigns.campaign_visits, name="campaign_visits"),
]
