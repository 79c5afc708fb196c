"""Goods by API: stock, purchase orders, shipments, and the door of the carriers."""
