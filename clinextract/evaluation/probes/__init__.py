"""Probes of a model: what its answers hang on besides what the transcript states.

Order of the fields, negation, and repetition. `probing.probe` runs them all.
"""
