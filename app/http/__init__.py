"""Parts that every request passes through: protocol, headers, ids, logs, health, metrics, traces."""
