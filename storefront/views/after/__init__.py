"""What a buyer does with an order that is placed, by its secret address or from the account."""
