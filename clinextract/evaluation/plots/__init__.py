"""The figures of a report. `catalogue.drawn` draws all of them."""
