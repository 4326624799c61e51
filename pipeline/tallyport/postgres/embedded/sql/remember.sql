-- Remembers which metadata was taken over.
-- Parameters: name, sha256.
update tallyport.embedded
set metadata_file = %(name)s::text, metadata_sha256 = %(sha256)s::text, taken_over = now();
