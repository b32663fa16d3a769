"""Data standards and dated catalogue: loaders and checks of standards/ and catalog/."""
