"""The rows, or the shares of a class, that a region of the ROC curve is made of."""
