"""Jobs: what a job does, in a process of its own, and how such processes are started, watched and cancelled."""
