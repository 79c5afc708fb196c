"""Marketing: campaigns drafted, ratified, rejected and ended early, codes handed out, offers written on accounts, sales undone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from audit import operations as proposals
from audit.models import Proposal
from cms.workflows import campaigns
from cms.workflows.discounts import DiscountDraft
from crm import operations as crm
from crm.models import Campaign, Coupon, CouponBatch, CustomerDiscount, Discount, Segment
from crm.operations import campaigns as campaign_verbs
from crm.operations.campaigns import CampaignDetails
from finance.workflows import loyalty
from oms.models import LineDiscount
from oms.workflows import campaign_undo
from oms.workflows.discounts import save_discount
from retail.simulation.stage import Stage

CODES_IN_BATCH = 12
RUNNING_MAX = 6
ROUND = ("5.00", "10.00", "15.00", "33.33", "40.00")
# (kind, numbers): every action of the engine, with sums that do not divide evenly.
KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("PERCENT", {}),
    ("PERCENT", {"reduction_max": Decimal("777.77")}),
    ("AMOUNT", {"value": Decimal("250.01")}),
    ("AMOUNT", {"value": Decimal("99.99"), "is_per_unit": True}),
    ("FIXED_PRICE", {"value": Decimal("599.99")}),
    ("N_FOR_M", {"value": Decimal("100.00"), "take": 3, "pay": 2}),
    ("CHEAPEST_FREE", {"value": Decimal("100.00"), "take": 3}),
    ("FREE_SHIPPING", {"value": Decimal("100.00"), "minimum_amount": Decimal("1500.00")}),
    (
        "TIERED",
        {
            "tiers": (
                {"minimum_amount": "1500.00", "percent": "7.00"},
                {"minimum_amount": "4000.00", "percent": "12.50"},
            )
        },
    ),
    ("GIFT_LINE", {"value": Decimal("100.00"), "minimum_amount": Decimal("2000.00")}),
)
BUDGETS = (("MONEY", "1500.00"), ("MONEY", "400.00"), ("USES", "3"), ("USES", "10"))
AUDIENCES = ("EVERYONE", "EVERYONE", "EVERYONE", "SEGMENT", "COUPON", "ACCOUNT")


class Marketing:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.mila, self.dragan = stage.world.people["mila"], stage.world.people["dragan"]
        self._serial = 0

    # -- campaigns ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """From draft to ratified within the hour; some are turned down, some wait for the next day."""
        stage = self.stage
        if Campaign.objects.filter(state="RATIFIED", ends_at__gt=stage.now).count() >= RUNNING_MAX:
            return
        made = stage.attempt(
            "draft campaign",
            lambda: campaigns.start_campaign(
                details=self._details(),
                drafts=self._drafts(),
                makes_page=stage.chance(0.3),
                by=self.mila,
                now=stage.now,
            ),
        )
        if made is None:
            return
        stage.attempt(
            "submit campaign",
            lambda: campaigns.submit_campaign(
                campaign_id=made.campaign.pk, reason="sezona", by=self.mila, now=stage.now
            ),
        )
        if stage.chance(0.8):
            self.decide()

    def decide(self) -> None:
        stage = self.stage
        waiting = list(Proposal.objects.filter(kind=campaigns.KIND, state="OPEN").order_by("pk"))
        if not waiting:
            return
        proposal = stage.one_of(waiting)
        if stage.mischief("author ratifies", 0.2):
            own = stage.attempt(
                "ratify own campaign",
                lambda: proposals.ratify(public_id=proposal.public_id, by=self.mila, now=stage.now),
            )
            if own is not None:
                stage.tally.broken.append(f"{proposal.title} was ratified by its author")
        if stage.chance(0.1):
            stage.attempt(
                "reject campaign",
                lambda: proposals.reject(
                    public_id=proposal.public_id, reason="nije vreme", by=self.dragan, now=stage.now
                ),
            )
            return
        for _ in range(2 if stage.mischief("campaign ratified twice", 0.1) else 1):
            stage.attempt(
                "ratify campaign",
                lambda: proposals.ratify(public_id=proposal.public_id, by=self.dragan, now=stage.now),
            )

    def end(self) -> None:
        stage = self.stage
        running = list(Campaign.objects.filter(state="RATIFIED", ends_at__gt=stage.now).order_by("pk"))
        if len(running) > 1 and stage.chance(0.4):
            campaign = stage.one_of(running)
            stage.attempt(
                "end campaign",
                lambda: campaign_verbs.end_campaign(
                    campaign_id=campaign.pk, reason="greška u ceni", by=self.mila, now=stage.now
                ),
            )

    def undo(self) -> None:
        """An order that a campaign priced is credited; the preview must say exactly what it then does."""
        stage = self.stage
        priced = list(
            LineDiscount.objects.filter(
                campaign__isnull=False, line__order__placed_at__gt=stage.now - timedelta(days=6)
            )
            .exclude(line__order__status="CANCELED")
            .order_by("line__order_id", "campaign_id")
            .values_list("line__order_id", "campaign_id")
            .distinct()
        )
        if not priced or not stage.chance(0.5):
            return
        order_id, campaign_id = stage.one_of(priced)
        common: dict[str, Any] = {
            "order_id": order_id,
            "campaign_id": campaign_id,
            "by": self.dragan,
            "now": stage.now,
        }
        if stage.attempt("preview credit", lambda: campaign_undo.preview_credit(**common)) is None:
            return
        if stage.chance(0.7):
            stage.attempt("credit order of campaign", lambda: campaign_undo.credit_order(**common))

    def _details(self) -> CampaignDetails:
        stage = self.stage
        self._serial += 1
        has_segment, has_budget = stage.chance(0.3), stage.chance(0.5)
        kind, limit = stage.one_of(BUDGETS)
        channels = [channel.pk for channel in stage.world.channels if stage.chance(0.7)]
        return CampaignDetails(
            name=f"Kampanja {self._serial}",
            slug=f"kampanja-{self._serial}",
            segment_id=stage.one_of(self._segments()).pk if has_segment else None,
            channel_ids=channels if stage.chance(0.3) else (),
            starts_at=stage.now + timedelta(hours=5) if stage.chance(0.2) else None,
            ends_at=stage.now + timedelta(hours=stage.rng.choice([8, 30, 60])),
            holdout_percent=30 if has_segment and stage.chance(0.5) else 0,
            budget_kind=kind if has_budget else "",
            budget_limit=Decimal(limit) if has_budget else None,
        )

    def _drafts(self) -> list[DiscountDraft]:
        return [self._draft(place) for place in range(self.stage.rng.choice([1, 1, 2]))]

    def _draft(self, place: int) -> DiscountDraft:
        stage = self.stage
        kind, numbers = stage.one_of(KINDS)
        audience = stage.one_of(AUDIENCES)
        values = {"value": Decimal(stage.one_of(ROUND)), **numbers}
        return DiscountDraft(
            name=f"Popust {self._serial}-{place}",
            kind=kind,
            audience=audience,
            skus=self._goods() if stage.chance(0.5) else (),
            excluded_skus=self._goods() if stage.chance(0.2) else (),
            segment_id=stage.one_of(self._segments()).pk if audience == "SEGMENT" else None,
            coupon_word=f"RECABR{self._serial}X{place}" if audience == "COUPON" else "",
            group=stage.one_of(["", "", "sezona"]),
            priority=stage.rng.choice([50, 100, 100, 150]),
            is_exclusive=stage.chance(0.1),
            gift_sku=stage.one_of(stage.world.variants).sku if kind == "GIFT_LINE" else "",
            **values,
        )

    def _goods(self) -> Sequence[str]:
        return [variant.sku for variant in self.stage.rng.sample(stage_goods(self.stage), 5)]

    def _segments(self) -> list[Segment]:
        return list(Segment.objects.filter(state="ACTIVE").order_by("pk"))

    # -- codes and accounts ------------------------------------------------------------------------------------

    def hand_out_codes(self) -> None:
        """A batch of single codes for a discount of coupons; now and then one is put out of use."""
        stage = self.stage
        if stage.chance(0.2):
            batches = list(CouponBatch.objects.filter(is_active=True).order_by("pk"))
            if batches:
                batch = stage.one_of(batches)
                stage.attempt(
                    "stop codes", lambda: crm.stop_batch(batch_id=batch.pk, by=self.mila, now=stage.now)
                )
            return
        discounts = list(Discount.objects.filter(audience="COUPON", state="ACTIVE").order_by("pk"))
        if not discounts:
            return
        discount = stage.one_of(discounts)
        made = stage.attempt(
            "make codes",
            lambda: crm.create_batch(
                discount_id=discount.pk,
                name=f"Kodovi za {discount.code}",
                count=CODES_IN_BATCH,
                uses_per_customer_max=stage.rng.choice([1, None]),
                valid_to=stage.now + timedelta(days=2) if stage.chance(0.3) else None,
                by=self.mila,
                now=stage.now,
            ),
        )
        if made is not None:
            _name_codes(made)

    def write_offer(self) -> None:
        """An offer on an account, or one of them withdrawn."""
        stage = self.stage
        if stage.chance(0.2):
            offers = list(CustomerDiscount.objects.filter(withdrawn_at=None).order_by("pk"))
            if offers:
                offer = stage.one_of(offers)
                stage.attempt(
                    "withdraw offer",
                    lambda: crm.withdraw_offer(offer_id=offer.pk, by=self.mila, now=stage.now),
                )
            return
        discounts = list(Discount.objects.filter(audience="ACCOUNT").exclude(state="ENDED").order_by("pk"))
        if discounts:
            member, discount = stage.one_of(stage.world.members), stage.one_of(discounts)
            stage.attempt(
                "write offer",
                lambda: crm.write_offer(
                    customer_id=member.pk,
                    discount_id=discount.pk,
                    reason="kasnili smo",
                    uses_max=stage.rng.choice([None, 1, 2]),
                    valid_to=stage.now + timedelta(days=2) if stage.chance(0.3) else None,
                    by=self.mila,
                    now=stage.now,
                ),
            )

    def save_standing(self) -> None:
        """A discount of no campaign, put on or taken off, or given other numbers while it is on."""
        stage = self.stage
        standing = list(Discount.objects.filter(campaign=None).exclude(state="ENDED").order_by("pk"))
        if standing and stage.chance(0.6):
            row = stage.one_of(standing)
            if stage.chance(0.4):
                stage.attempt(
                    "end discount",
                    lambda: crm.move_discount(discount_id=row.pk, state="ENDED", by=self.mila, now=stage.now),
                )
            else:
                stage.attempt(
                    "change discount",
                    lambda: save_discount(
                        values={"value": Decimal(stage.one_of(ROUND))},
                        discount_id=row.pk,
                        by=self.mila,
                        now=stage.now,
                    ),
                )
            return
        if len(standing) >= 3:
            return
        self._serial += 1
        audience = stage.one_of(["EVERYONE", "ACCOUNT", "ACCOUNT", "COUPON"])
        made = stage.attempt(
            "save discount",
            lambda: save_discount(
                values={
                    "code": f"stalni-{self._serial}",
                    "name": f"Stalni {self._serial}",
                    "kind": "PERCENT",
                    "value": Decimal(stage.one_of(ROUND)),
                    "audience": audience,
                    "minimum_amount": Decimal(3000 if audience == "EVERYONE" else 0),
                },
                by=self.mila,
                now=stage.now,
            ),
        )
        if made is not None:
            stage.attempt(
                "put discount on",
                lambda: crm.move_discount(discount_id=made.pk, state="ACTIVE", by=self.mila, now=stage.now),
            )

    def nightly(self) -> None:
        """Points past their day go, and members stand where their spending puts them."""
        stage = self.stage
        stage.attempt("expire points", lambda: loyalty.expire_points(now=stage.now))
        stage.attempt("move between tiers", lambda: loyalty.retier(now=stage.now))


def known_codes(*, is_fresh: bool) -> list[str]:
    """What somebody may have got by mail: codes of discounts that are on, or of any that ever was."""
    codes = Coupon.objects.order_by("pk")
    if is_fresh:
        codes = codes.filter(batch__is_active=True, batch__discount__state="ACTIVE")
    return list(codes.values_list("code", flat=True))


def stage_goods(stage: Stage) -> list[Any]:
    return sorted(stage.world.variants, key=lambda variant: variant.sku)


def _name_codes(batch: CouponBatch) -> None:
    """Codes are random by nature; here they are named, so that a seed plays the same days again."""
    for place, coupon in enumerate(Coupon.objects.filter(batch=batch).order_by("pk")):
        coupon.code = f"KOD{batch.pk}N{place}"
        coupon.save(update_fields=["code"])
