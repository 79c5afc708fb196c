"""What every import from a file shares: reading with bounds, row errors, batches that commit, the command's door."""
