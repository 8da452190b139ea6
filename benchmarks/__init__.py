"""What an answer costs, in seconds and in memory, against the other ways of getting one; `make bench` runs it all."""
