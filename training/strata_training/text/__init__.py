"""Text models: the static-embedding retriever of Chinese government documents."""
