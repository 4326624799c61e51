-- Result: name and id of each period type.
select name, periodtypeid from periodtype;
