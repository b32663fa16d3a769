"""The data-interface market: who may ask which interface, with which key, and what was asked."""
