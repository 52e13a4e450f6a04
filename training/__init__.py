"""Training, evaluation and export of nutgraf models: scripts run from a checkout."""
