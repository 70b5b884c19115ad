"""The demo: an invented company with telemetry, upstream systems and tickets, so that real investigations can be watched.

`world/` decides what happened (and keeps the truth for the tests), `telemetry/` and `upstreams/` show it the way the
real systems would, `feed.py` lets it go on. Nothing here is read by the product: it meets the demo only over HTTP.
"""
