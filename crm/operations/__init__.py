"""Verbs of the CRM room, the only writers of its rows: accounts, addresses, letters, points."""

from crm.operations.addresses import AddressNotFound, add_address, make_default_address, remove_address
from crm.operations.letters import (
    SEND_ATTEMPTS_MAX,
    SEND_LEASE,
    queue_message,
    send_message,
    send_queued_messages,
)
from crm.operations.loyalty import earn_points
from crm.operations.people import (
    InvalidPib,
    PastCustomer,
    add_past_customers,
    find_or_create_company,
    find_or_create_person,
    join_guest_account,
    open_account,
    record_sef_registration,
)

__all__ = [
    "SEND_ATTEMPTS_MAX",
    "SEND_LEASE",
    "AddressNotFound",
    "InvalidPib",
    "PastCustomer",
    "add_address",
    "add_past_customers",
    "earn_points",
    "find_or_create_company",
    "find_or_create_person",
    "join_guest_account",
    "make_default_address",
    "open_account",
    "queue_message",
    "record_sef_registration",
    "remove_address",
    "send_message",
    "send_queued_messages",
]
