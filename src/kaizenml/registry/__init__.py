"""What is known of releases: their cards, and who decides on them."""
