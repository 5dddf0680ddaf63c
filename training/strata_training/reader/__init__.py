"""The answer-span reader of Chinese government documents, and the figures a refusal is decided by."""
