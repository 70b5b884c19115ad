"""REST framework and its schema."""

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["altor.api.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "altor.api.authentication.TokenAuthentication",
        "altor.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["altor.api.permissions.RolePermission"],
    "DEFAULT_PAGINATION_CLASS": "altor.api.pagination.CursorPagination",
    "DEFAULT_SCHEMA_CLASS": "altor.api.schema.AutoSchema",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_THROTTLE_CLASSES": ["altor.api.throttles.TokenThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "token": "600/min",
        "anonymous": "60/min",
        "intake": "1200/min",
        "run": "120/min",
        "test": "20/min",
        "bad_signature": "60/min",
    },
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "altor.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "PAGE_SIZE": 50,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Altor",
    "DESCRIPTION": "The investigation layer for technical support: tickets in, ranked and proven diagnoses out.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
}
