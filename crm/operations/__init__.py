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
    new_guest,
    open_account,
    record_sef_registration,
)
from crm.operations.segments import KIND as SEGMENT_PROPOSAL
from crm.operations.segments import (
    InvalidSegment,
    InvalidSegmentName,
    SegmentInUse,
    SegmentTaken,
    SegmentUnchanged,
    StaleSegment,
    UnknownSegment,
    activate_segment,
    change_segment,
    create_segment,
    propose_change,
    record_export,
    retire_segment,
)
from crm.operations.visits import record_visit

__all__ = [
    "SEGMENT_PROPOSAL",
    "SEND_ATTEMPTS_MAX",
    "SEND_LEASE",
    "AddressNotFound",
    "InvalidPib",
    "InvalidSegment",
    "InvalidSegmentName",
    "PastCustomer",
    "SegmentInUse",
    "SegmentTaken",
    "SegmentUnchanged",
    "StaleSegment",
    "UnknownSegment",
    "activate_segment",
    "add_address",
    "add_past_customers",
    "change_segment",
    "create_segment",
    "earn_points",
    "find_or_create_company",
    "find_or_create_person",
    "join_guest_account",
    "make_default_address",
    "new_guest",
    "open_account",
    "propose_change",
    "queue_message",
    "record_export",
    "record_sef_registration",
    "record_visit",
    "remove_address",
    "retire_segment",
    "send_message",
    "send_queued_messages",
]
