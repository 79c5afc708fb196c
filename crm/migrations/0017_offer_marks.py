"""Every statement that may change the words of a discount leaves a mark, so that a process can tell by the marks that it knows the words.

Whatever the statement changed: a condition on the rows would miss two transactions that meet only in their result, such as a new
article of a product and a discount on that product. Columns that the words are not made of are left out where others change them often.
"""

from django.db import migrations, models

TABLES: dict[str, tuple[str, ...]] = {
    "crm_discount": (),
    "crm_discount_channels": (),
    "crm_discounttarget": (),
    "crm_campaign": (),
    "crm_campaign_channels": (),
    "crm_campaignbudget": ("campaign_id", "kind"),
    "crm_segment": ("id", "slug", "version", "state", "definition"),
    "storefront_category": ("id", "path"),
    "storefront_product": ("id", "title", "status"),
    "storefront_variant": ("id", "product_id", "sku", "tax_class", "weight_grams", "is_sellable"),
}

FORWARD = """
CREATE FUNCTION crm_new_mark() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT random(1, 9223372036854775807)';
CREATE FUNCTION crm_mark_offers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO crm_offermark SELECT crm_new_mark();
    RETURN NULL;
END $$;
INSERT INTO crm_offermark SELECT crm_new_mark();
""" + "\n".join(
    f"CREATE TRIGGER offers_marked AFTER INSERT OR UPDATE{' OF ' if columns else ''}{', '.join(columns)} OR DELETE OR TRUNCATE ON {table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION crm_mark_offers();"
    for table, columns in TABLES.items()
)
BACKWARD = "DROP FUNCTION crm_mark_offers() CASCADE; DROP FUNCTION crm_new_mark();"


class Migration(migrations.Migration):
    dependencies = [("crm", "0016_each_index_once"), ("storefront", "0009_electronic_editions")]

    operations = [
        migrations.CreateModel(
            name="OfferMark",
            fields=[("mark", models.BigIntegerField(primary_key=True, serialize=False))],
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
