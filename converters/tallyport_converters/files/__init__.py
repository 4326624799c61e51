"""The one room that makes files: a file or folder that appears whole, locks, names, work folders."""
