-- The calendar that the server reckons by.
-- Result: no row where nothing is set, which is ISO 8601; else its name.
select coalesce(value, '') from systemsetting where name = 'keyCalendar';
