"""What `training.evaluate` is made of: figures, slices, behavioural tests, gates, reports."""
