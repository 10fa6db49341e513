"""Who is here. Knows rooms only as opaque names, and nothing of documents."""
