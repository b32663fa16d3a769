"""Who is meant: names taken apart, likeness weighed by a declared model, and what people decide where neither proves anything."""
