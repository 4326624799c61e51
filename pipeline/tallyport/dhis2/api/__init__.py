"""One server's Web API: profiles, connection, what it answers, its jobs."""
