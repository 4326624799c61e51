-- Result: ISO text and id of each period.
select iso, periodid from period;
