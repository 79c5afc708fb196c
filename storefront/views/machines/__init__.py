"""What the shop tells programs: search engines, feeds, previews of links, installed shops."""
