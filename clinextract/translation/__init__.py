"""Translate first: the port, the checks, the cache, and the middleware that puts them before an extractor."""
