"""What one does with latent codes: encode, project, walk, sample, measure, compare.

numpy in, numpy out; no page here, and torch only where a model runs.  Importing it does not import umap.
"""
