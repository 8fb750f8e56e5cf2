"""The operations of `ncps.neural` on Keras' tensors, and on JAX arrays whatever Keras runs on.

Nothing is imported here: JAX arrays must not need Keras, nor Keras JAX.
"""
