"""The edge: ports of the core over real technology."""
