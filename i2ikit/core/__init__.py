"""The core: batches, translations, recipes, models and the training step. The core knows no plugin."""
