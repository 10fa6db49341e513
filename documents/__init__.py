"""What is written: documents, who may do what with them, and the engine that syncs them."""
