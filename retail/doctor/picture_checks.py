"""Invariants of the pictures of products: one place for each, the first one first."""

from retail.doctor.check import Check

PICTURE_CHECKS: tuple[Check, ...] = (
    Check(
        "pictures_stand_without_gaps",
        "The pictures of a product have the places from 0 on, none left out: the one at 0 stands on cards.",
        """SELECT product_id, count(*) AS pictures, max(position) AS last FROM storefront_productpicture
        GROUP BY product_id HAVING max(position) <> count(*) - 1""",
    ),
    Check(
        "picture_names_files_of_ours",
        "The files of a picture lie under a name that we made; it leads to no other folder.",
        "SELECT id, product_id, key FROM storefront_productpicture WHERE key !~ '^[0-9a-f]{24}$'",
    ),
)
