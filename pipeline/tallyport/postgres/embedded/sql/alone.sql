-- Has whoever makes or fills the embedded database wait for others who do, until the connection ends.
select pg_advisory_lock(1952541804);
