"""Training: images in, checkpoint folders out.  `python -m train MODEL --dataset NAME`."""
