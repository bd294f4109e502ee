"""Checks for layers, losses and models of your own."""

from ranvier.testing.gradients import check_gradients

__all__ = ["check_gradients"]
