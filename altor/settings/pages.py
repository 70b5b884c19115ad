"""What higher apps add to every page: entries of the navigation, and what the search box looks through."""

#: Dotted paths of sequences of `altor.shell.NavItem`.
NAV_PARTS = ["altor.navigation.ITEMS", "investigations.navigation.ITEMS"]
#: Dotted paths of `altor.shell.Search` functions.
SEARCH_PARTS = ["investigations.search.find"]
CSRF_FAILURE_VIEW = "altor.views.errors.csrf_failure"
