"""One request that carries values: its body, the server's summary of it, what was rejected."""
