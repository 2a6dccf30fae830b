"""Train and use one model: epochs, checkpoints, model files."""
