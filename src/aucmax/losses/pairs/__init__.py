"""Sums, means and soft maxima over pairs of a positive and a negative, without a matrix of them."""
