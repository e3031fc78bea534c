"""What ``scripts/bench_training.py`` measures: a file an item, and what they share."""
