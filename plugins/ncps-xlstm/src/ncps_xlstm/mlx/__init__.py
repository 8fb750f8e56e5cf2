"""xLSTM on MLX."""
