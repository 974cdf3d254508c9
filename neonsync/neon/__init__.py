"""Neon's API: projects, branches, endpoints, addresses. Knows nothing of Athena or the engine."""
