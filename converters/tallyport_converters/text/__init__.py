"""What formats share below their grammar: positions, limits on growth, first records, documents of other kinds."""
