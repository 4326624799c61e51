-- Makes the database.
create database dhis2;
