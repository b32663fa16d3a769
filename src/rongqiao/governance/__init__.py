"""The six steps that turn departments' files into published, typed, traceable facts."""
