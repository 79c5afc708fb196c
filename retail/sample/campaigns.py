"""Two campaigns of the sample: one that is on with its landing page, one still a draft. Made by the same verbs as in /cms/."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from audit import operations as proposals
from cms.workflows import campaigns
from cms.workflows.discounts import DiscountDraft
from crm.models import Campaign
from crm.operations.campaigns import CampaignDetails
from retail.kernel.models import User
from retail.sample import people
from storefront.models import Category

ON_DAYS = 30
AISLE = "romani"


def exist() -> bool:
    return Campaign.objects.exists()


def make(now: datetime) -> None:
    mila, dragan = (
        User.objects.get(email=people.persona_of(role).email) for role in ("merchandiser", "ops lead")
    )
    aisles = Category.objects.filter(parent=None).order_by("position", "name")
    branch = aisles.filter(slug=AISLE).first() or aisles.first()
    autumn = campaigns.start_campaign(
        details=CampaignDetails(
            name="Jesenja akcija",
            slug="jesenja-akcija",
            description="Petnaest posto manje za duge večeri, dok traje jesen.",
            ends_at=now + timedelta(days=ON_DAYS),
        ),
        drafts=[
            DiscountDraft(
                name="Jesenjih 15 %",
                name_en="Autumn 15 %",
                kind="PERCENT",
                value=Decimal(15),
                category_ids=[branch.pk] if branch else [],
            )
        ],
        makes_page=True,
        by=mila,
        now=now,
    )
    asked = campaigns.submit_campaign(campaign_id=autumn.campaign.pk, reason="Jesen", by=mila, now=now)
    proposals.ratify(public_id=asked.public_id, by=dragan, now=now)
    campaigns.start_campaign(
        details=CampaignDetails(
            name="Zimski sajam",
            slug="zimski-sajam",
            description="Tri za dva na sve.",
            starts_at=now + timedelta(days=10),
            ends_at=now + timedelta(days=20),
        ),
        drafts=[DiscountDraft(name="Tri za dva", name_en="Three for two", kind="N_FOR_M", take=3, pay=2)],
        makes_page=True,
        by=mila,
        now=now,
    )
