"""A stand-in helpdesk for the demo: tickets with their conversations, and Altor in the sidebar as in any helpdesk.

It knows nothing of Altor's code or database. It posts signed events, offers a small REST API, and opens the sidebar by
a signed link, as a helpdesk of one's own would.
"""
