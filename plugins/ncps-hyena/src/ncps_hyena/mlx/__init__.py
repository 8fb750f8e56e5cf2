"""Hyena on MLX."""
