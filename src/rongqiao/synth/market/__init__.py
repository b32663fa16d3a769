"""The market side of the synthetic province: institutions, products, policies and what happened between them."""
