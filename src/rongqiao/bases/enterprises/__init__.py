"""Enterprise credit information base: the registry the web sees, consent-guarded access."""
