"""Use a model: translate images of any type and size, take styles from examples, score images with the discriminator."""
