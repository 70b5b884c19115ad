"""Settings of the pages: what apps add to every one of them, and who may enter the administration."""

from altor.settings import environment

#: Dotted paths of sequences of `altor.shell.NavItem`.
NAV_PARTS = [
    "altor.navigation.ITEMS",
    "investigations.navigation.ITEMS",
    "escalations.navigation.ITEMS",
    "escalations.incidents.navigation.ITEMS",
    "escalations.oncall.navigation.ITEMS",
    "escalations.interruptions.navigation.ITEMS",
    "escalations.handoffs.navigation.ITEMS",
    "knowledge.navigation.ITEMS",
    "metrics.navigation.ITEMS",
]
#: Dotted paths of functions from a person to the `altor.shell.Notice`s that stand on every page of theirs.
NOTICE_PARTS = ["investigations.services.automation_switch.notices"]
#: Dotted paths of functions from a person to the `altor.shell.HeaderItem`s in the top bar of every page.
HEADER_PARTS = ["escalations.oncall.header.header"]
#: Dotted paths of `altor.shell.Search` functions.
SEARCH_PARTS = ["investigations.search.find"]
#: Administrators enter /admin/ only with a second factor or by single sign-on (switched off for development).
ADMIN_NEEDS_SECOND_FACTOR = not environment.flag("ALTOR_DEBUG")
CSRF_FAILURE_VIEW = "altor.views.errors.csrf_failure"
