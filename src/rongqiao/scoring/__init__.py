"""Models on scikit-learn's contract, and the cards they leave behind."""
