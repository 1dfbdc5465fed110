"""IO managers that hand our tables to users' own assets and theirs to us."""
