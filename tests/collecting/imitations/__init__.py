"""Loopback imitations of the services; each refuses what the real one refuses."""
