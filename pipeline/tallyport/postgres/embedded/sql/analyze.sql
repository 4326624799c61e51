-- Lets the planner know how much metadata there is.
analyze 
    organisationunit, category, categoryoption, categorycombo, categoryoptioncombo, categories_categoryoptions,
    categorycombos_categories, categorycombos_optioncombos, categoryoptioncombos_categoryoptions,
    categoryoption_organisationunits, optionset, optionvalue, dataelement, dataset, datasetelement, datasetsource,
    datainputperiod;
