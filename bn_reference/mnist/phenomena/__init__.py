"""What the lecture explains about batch normalization, measured: gradients through depth, the shift of inputs, companions."""
