"""What the domain says of legacy files, without their bytes: periods, option combos, headers, names of fields."""
