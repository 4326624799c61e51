"""The page and its HTTP interface: `serve.serve` is the door, `page/` is what a browser gets.

The server takes uploads and starts jobs; each job is a process of its own (`jobs.worker`). Both write to one store, so
neither needs the other to be there.
"""
