"""The core: what a batch, a translation, a recipe and a step are. Knows no plugin."""
