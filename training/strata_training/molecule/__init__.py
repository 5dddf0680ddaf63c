"""A graph encoder of molecules, pre-trained without labels, and property heads on top of it."""
