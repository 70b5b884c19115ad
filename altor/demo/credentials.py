"""Credentials of the demo's own upstream systems and people. They open nothing but the demo on this machine."""

from typing import Final

GITHUB_TOKEN: Final = "github_pat_demo_reads_harborline_only"  # noqa: S105 (opens only the demo)
LINEAR_KEY: Final = "lin_api_demo_reads_harborline_only"
LINEAR_WRITE_KEY: Final = "lin_api_demo_files_for_harborline"
STRIPE_KEY: Final = "rk_test_demoReadsHarborlineOnly"
PASSWORD: Final = "harbor-demo"  # noqa: S105 (printed on the terminal)
DESK_TOKEN: Final = "demo-desk-token-of-an-invented-company"  # noqa: S105 (opens only the demo)
#: Who a visitor is told to log in as.
FIRST_LOGIN: Final = "lead"
