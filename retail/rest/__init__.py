"""What every API view shares: keys and scopes, problem answers, idempotency, cursors, strict serializers."""
