-- What the embedded database remembers.
-- Result, one row: version of its tables, name and SHA-256 of the metadata file, null for none.
select version, metadata_file, metadata_sha256 from tallyport.embedded;
