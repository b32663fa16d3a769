"""Delta tables and the engine that reads them, behind one small face."""
