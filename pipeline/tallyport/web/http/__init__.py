"""HTTP: the routes of the interface and of the page, who may call them, and what goes in and out."""
