"""The core: what a batch, a translation, a recipe and a round are. Knows no plugin."""
