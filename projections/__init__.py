"""Projections: what the services recorded, as rows that answer questions."""
