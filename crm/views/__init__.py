"""Back office pages of the accounts that buy."""
