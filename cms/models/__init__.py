"""Pages of the shop that editors write. Their tree, drafts, revisions and workflow are Wagtail's."""

from cms.models.answers import FormAnswer, FormExport
from cms.models.pages import (
    ArticlePage,
    CampaignPage,
    HomePage,
    ListingPage,
    ShopPage,
    StorePage,
    draw_with,
)
from cms.models.tasks import RatificationTask

__all__ = [
    "ArticlePage",
    "CampaignPage",
    "FormAnswer",
    "FormExport",
    "HomePage",
    "ListingPage",
    "RatificationTask",
    "ShopPage",
    "StorePage",
    "draw_with",
]
