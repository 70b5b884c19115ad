"""Linear as the place where engineering works: issues are filed or joined there, and followed.

Nothing here knows of contracts or escalations. A caller says what to file (`filing`), what to add (`commenting`), and
is told what happens through the setting `ISSUE_CHANGED`.
"""
