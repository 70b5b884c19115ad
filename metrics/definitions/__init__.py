"""What each metric means: one entry for each, read by the queries, the pages, the REST API and the docs."""
