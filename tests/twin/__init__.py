"""The slow twin: whole files in memory, one row at a time, nothing shared with what it judges but periods.

`values` draws values, `legacy` writes them as legacy files, `reading` reads legacy files, `rewriting` says which
ADV2 files must come out, `adv2` reads those back. `groups` draws ADV2 groups, `validating` judges them.
"""
