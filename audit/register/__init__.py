"""Every column of every traced table, classified. A column that is not listed fails a test: decide what it is.

personal: enters the sealed entry as a salted digest, its text goes to the erasable side table. secret: recorded as changed, never shown.
skipped: derived or bulky text that its own row keeps. plain: everything else.
"""

from audit.register import audit, cms, crm, finance, kernel, oms, storefront, warehouse
from audit.register.kinds import Columns

# Plumbing and the trace itself leave no trace rows.
UNTRACED = {
    "audit.AuditLink",
    "audit.LogEntry",
    "audit.PersonalChange",
    "audit.WebhookAttempt",
    "audit.WebhookDelivery",
    "audit.WebhookPosition",
    # Reading, not business: it is counted, never changed.
    "crm.CampaignVisit",
    "crm.ProductView",
    # Says that something changed; what it was has the trace.
    "crm.OfferMark",
    # A step of a workflow that every migrate finds or makes.
    "cms.RatificationTask",
    # Derived by a check from rows that are traced.
    "storefront.FeedRejection",
    # Counted, never changed; says nothing of a person.
    "storefront.ShopVisit",
    # A copy of a public register, renewed each day.
    "crm.RegisteredCompany",
    "kernel.IdempotencyKey",
    "kernel.OutboxEvent",
    # Derived from orders every night and replaced whole: the orders have the trace.
    "oms.Bestseller",
    "oms.Neighbour",
}

COLUMNS: Columns = {
    **kernel.COLUMNS,
    **audit.COLUMNS,
    **storefront.COLUMNS,
    **cms.COLUMNS,
    **crm.COLUMNS,
    **oms.COLUMNS,
    **warehouse.COLUMNS,
    **finance.COLUMNS,
}
