"""What every request passes through, whatever it asks for: protocol, headers, ids, logs, health, metrics."""
