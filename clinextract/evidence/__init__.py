"""Evidence: which lines of a transcript an answer rests on, chosen among its own and never invented."""
