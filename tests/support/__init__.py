"""What tests share and what is no test: servers, databases, generators, checks."""
