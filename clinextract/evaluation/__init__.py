"""How good predictions are: metrics, their uncertainty, comparisons, probes of a model, and the report."""
