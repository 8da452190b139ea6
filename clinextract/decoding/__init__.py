"""A schema's answer as a plan, and the greedy constrained answer in about two passes of a model."""
