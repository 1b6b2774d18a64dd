"""Stage 4: profiles, drift, live quality, resources, staleness, and the alerts that come of them."""
