"""Weather models: a simulated dry planet to learn from, and the 3D Earth-specific transformer that learns it."""
