"""Lists of enterprises by conditions: counted for everybody, named only where the enterprise agreed to be found."""
