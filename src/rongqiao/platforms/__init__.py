"""The three professional platforms; arrows run renewal → financing → credit, never back."""
