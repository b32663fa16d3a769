"""Financial resource base: institutions, products, policies."""
