"""The sample chain: a bookseller with sixty stores, invented people, and a year of sales. Never in production.

Everything is drawn from fixed seeds around one anchor day, the day of the first load; a second load finds its rows and
changes nothing. Sales of the past year are marked history (`is_imported`): they have no journals, stock is opened by its own entry.
"""
