"""Back office pages of the books, the papers and the money."""
