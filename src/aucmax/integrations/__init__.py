"""Adapters to other frameworks; each module imports its own framework and nothing else does."""
