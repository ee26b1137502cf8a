"""What knows nothing of batch normalization and imports nothing of ours."""
