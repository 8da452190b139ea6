"""The ports for models, and the models."""
