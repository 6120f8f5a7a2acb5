"""Issued documents as PDF: what a document says becomes a view of ready strings, which a Typst template sets."""
