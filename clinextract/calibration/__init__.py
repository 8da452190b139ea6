"""Probabilities that mean what they say: how a calibration is kept and applied, and how it is fitted."""
