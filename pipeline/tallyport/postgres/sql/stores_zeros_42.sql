-- Whether DHIS2 2.42 stores zeros of a data element: where they are significant, or matter to an average.
-- Parameters: data_element (its id).
-- Result: whether it does.
select zeroissignificant or aggregationtype in ('AVERAGE', 'AVERAGE_SUM_ORG_UNIT')
from dataelement
where dataelementid = %(data_element)s::bigint;
