case %(scheme)s::text
    when 'UID' then o.uid
    when 'CODE' then o.code
    when 'NAME' then o.name
    else o.attributevalues #>> array[%(attribute)s::text, 'value']
end = any(%(names)s::text[])
