"""ADV2's bytes and grammar, both ways: groups written, files read, headers and rows checked."""
