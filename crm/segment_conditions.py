"""What the segment language may ask of an account itself: membership, points, consents, places, language, age of the account."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from crm.models import Address, Campaign, Tier
from crm.segment_goods import GOODS, of_goods
from crm.segments import EQUAL, ORDERED, Condition, Fragment, Kind, Leaf, Name, register
from crm.segments.writing import compared, either, exists, is_negative, negated, one_of, period, plain
from crm.states import ConsentKind
from retail.kernel.clock import BUSINESS_ZONE, business_date

_ACCOUNT = _("Account")
_MEMBER = _("Membership")
PERIOD = {
    "within": Kind("duration", _("within the last")),
    "since": Kind("date", _("since")),
    "until": Kind("date", _("until")),
}

_MEMBERSHIP = exists(Fragment("FROM crm_loyaltyaccount a WHERE true"), "a.customer_id", is_once=True)


def register_conditions() -> None:
    register(
        Condition(
            name="tier",
            words=_("Tier"),
            help=_("Rank of the tier; 0 is nobody's member."),
            group=_MEMBER,
            value=Kind("number", choices=_tiers, most=99),
            operators=(*ORDERED, "in", "not in"),
            compile=_tier,
            asks_clock=False,
        ),
        Condition(
            name="points",
            words=_("Points"),
            help=_("Points on the account now."),
            group=_MEMBER,
            value=Kind("number", most=2_000_000_000),
            operators=ORDERED,
            compile=_points,
            asks_clock=False,
        ),
        Condition(
            name="member",
            words=_("Is a member"),
            help=_("Has a membership number."),
            group=_MEMBER,
            compile=lambda leaf, now: _MEMBERSHIP,
            asks_clock=False,
        ),
        Condition(
            name="consent",
            words=_("Consent"),
            help=_("The newest word of the account for this kind of message is yes."),
            group=_ACCOUNT,
            value=Kind("text", choices=_consents),
            operators=EQUAL,
            compile=_consent,
            asks_clock=False,
        ),
        Condition(
            name="city",
            words=_("City"),
            help=_("One of the addresses of the account is there."),
            group=_ACCOUNT,
            value=Kind("text", suggest=_cities),
            operators=EQUAL,
            compile=_city,
            asks_clock=False,
        ),
        Condition(
            name="language",
            words=_("Language"),
            help=_("The language of letters to the account."),
            group=_ACCOUNT,
            value=Kind("text", choices=_languages),
            operators=EQUAL,
            compile=lambda leaf, now: compared("c.language", leaf),
            asks_clock=False,
        ),
        Condition(
            name="company",
            words=_("Is a company"),
            help=_("The account of a company, not of a person."),
            group=_ACCOUNT,
            compile=lambda leaf, now: Fragment("c.kind = 'COMPANY'"),
            asks_clock=False,
        ),
        Condition(
            name="has_login",
            words=_("Can log in"),
            help=_("Not only a guest's account."),
            group=_ACCOUNT,
            compile=lambda leaf, now: Fragment("c.user_id IS NOT NULL"),
            asks_clock=False,
        ),
        Condition(
            name="created",
            words=_("Account opened"),
            help=_("When the account came to be."),
            group=_ACCOUNT,
            arguments=PERIOD,
            needed=tuple(PERIOD),
            compile=_created,
            has_history=True,
        ),
        Condition(
            name="birthday_month",
            words=_("Month of birth"),
            help=_("1 is January; accounts that never said it are in none."),
            group=_ACCOUNT,
            value=Kind("number", most=12),
            operators=(*ORDERED, "in", "not in"),
            compile=lambda leaf, now: _known_month(compared("c.birth_month", leaf)),
        ),
        Condition(
            name="birthday_this_month",
            words=_("Birthday this month"),
            help=_("The month of birth is the present one."),
            group=_ACCOUNT,
            compile=lambda leaf, now: _known_month(
                Fragment("c.birth_month = %s", (business_date(now).month,))
            ),
        ),
        Condition(
            name="viewed",
            words=_("Looked at"),
            help=_(
                "Opened the page of a campaign or of a product while logged in; only of accounts that agreed to personal offers."
            ),
            group=_ACCOUNT,
            arguments={
                "campaign": Kind("text", _("the campaign"), suggest=campaigns, exists=_is_campaign),
                **GOODS,
                **PERIOD,
            },
            compile=_viewed,
            has_history=True,
        ),
    )


def _viewed(leaf: Leaf, now: datetime) -> Fragment:
    """With a campaign its pages, with goods their pages, with both one of each; with neither any page of the two kinds."""
    names = {each.name for each in leaf.arguments}
    has_goods, has_campaign = bool(names & set(GOODS)), "campaign" in names
    if has_goods and not has_campaign:
        return _viewed_goods(leaf, now)
    if has_campaign and not has_goods:
        return _viewed_campaign(leaf, now)
    one, other = _viewed_campaign(leaf, now), _viewed_goods(leaf, now)
    return Fragment(f"({one.sql} {'AND' if has_goods else 'OR'} {other.sql})", (*one.params, *other.params))


def _viewed_goods(leaf: Leaf, now: datetime) -> Fragment:
    """All that is said is said of one look. The goods are named as those of order lines, so the look takes the alias of a line."""
    goods = [of_goods[each.name](each.value) for each in leaf.arguments if each.name in of_goods]
    dated = period("l.at", leaf, now, BUSINESS_ZONE)
    named = "".join(f" AND {each.sql}" for each in goods)
    rows = Fragment(
        f"FROM crm_productview l WHERE l.at <= %s{dated.sql}{named}",
        (now, *dated.params, *(value for each in goods for value in each.params)),
    )
    return exists(rows, "l.customer_id")


def _viewed_campaign(leaf: Leaf, now: datetime) -> Fragment:
    """Only visits of those who were logged in carry an account."""
    campaign = leaf.argument("campaign")
    named = "" if campaign is None else " AND g.slug = %s"
    dated = period("w.at", leaf, now, BUSINESS_ZONE)
    rows = Fragment(
        "FROM crm_campaignvisit w JOIN crm_campaign g ON g.id = w.campaign_id "
        f"WHERE w.at <= %s{dated.sql}{named}",
        (now, *dated.params, *((plain(campaign),) if campaign is not None else ())),
    )
    return exists(rows, "w.customer_id")


def _tier(leaf: Leaf, now: datetime) -> Fragment:
    inner = compared("t.rank", leaf)
    tiers = one_of("a.tier_id", f"SELECT t.id FROM crm_tier t WHERE {inner.sql}", *inner.params)
    return _of_membership(tiers, leaf)


def _points(leaf: Leaf, now: datetime) -> Fragment:
    return _of_membership(compared("a.points", leaf), leaf)


def _of_membership(found: Fragment, leaf: Leaf) -> Fragment:
    """Who has no membership has nothing of it."""
    rows = Fragment(f"FROM crm_loyaltyaccount a WHERE {found.sql}", found.params)
    return either(exists(rows, "a.customer_id", is_once=True), leaf, _MEMBERSHIP.sql)


def _consent(leaf: Leaf, now: datetime) -> Fragment:
    """Append-only: the newest row of a kind is the word that counts."""
    kinds = [str(value.value).upper() for value in leaf.values]  # type: ignore[union-attr]
    rows = Fragment(
        f"FROM crm_consent k WHERE k.kind IN ({', '.join(['%s'] * len(kinds))}) "
        "AND k.is_given AND NOT EXISTS (SELECT 1 FROM crm_consent n WHERE n.customer_id = k.customer_id AND n.kind = k.kind "
        "AND (n.given_at, n.id) > (k.given_at, k.id))",
        tuple(kinds),
    )
    return negated(exists(rows, "k.customer_id"), is_negative(leaf))


def _city(leaf: Leaf, now: datetime) -> Fragment:
    names = [str(value.value) for value in leaf.values]  # type: ignore[union-attr]
    rows = Fragment(
        f"FROM crm_address d WHERE upper(d.city) IN ({', '.join(['upper(%s)'] * len(names))})", tuple(names)
    )
    return negated(exists(rows, "d.customer_id"), is_negative(leaf))


def _created(leaf: Leaf, now: datetime) -> Fragment:
    found = period("c.created_at", leaf, now, BUSINESS_ZONE)
    return Fragment(f"c.created_at <= %s{found.sql}", (now, *found.params))


def _known_month(found: Fragment) -> Fragment:
    return Fragment(f"(c.birth_month IS NOT NULL AND {found.sql})", found.params)


def _tiers() -> list[Name]:
    return [Name(str(tier.rank), tier.name) for tier in Tier.objects.all()]


def _consents() -> list[Name]:
    return [Name(kind.value.lower(), str(kind.label)) for kind in ConsentKind]


def _languages() -> list[Name]:
    return [Name(code, str(name)) for code, name in settings.LANGUAGES]


def _cities(typed: str, limit: int) -> list[Name]:
    found = Address.objects.filter(city__istartswith=typed) if typed else Address.objects.all()
    names = found.order_by("city").values_list("city", flat=True).distinct()[:limit]
    return [Name(name, name) for name in names]


def campaigns(typed: str, limit: int) -> list[Name]:
    found = Campaign.objects.filter(name__icontains=typed) | Campaign.objects.filter(slug__icontains=typed)
    return [Name(each.slug, each.name) for each in found.order_by("-pk")[:limit]]


def _is_campaign(value: str) -> bool:
    return Campaign.objects.filter(slug=value).exists()
