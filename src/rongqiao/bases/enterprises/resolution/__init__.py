"""What departments disagree on, and rows whose enterprise a person has to say."""
