"""New sources on their way in: a file is profiled, its tables get contracts by a form, and each flows once its contract is in force."""
