"""The shop's pages. They may use any room; they write only through verbs, and only when something is posted."""
