"""Every GraphQL document sent to Linear. All are queries; a test validates each against the schema.

Page sizes are small and nested lists shallow, because Linear charges points for `first` times everything inside.
"""

from __future__ import annotations

from functools import lru_cache

#: Search terms answered in one document.
MAX_TERMS = 6

_ISSUE_FIELDS = """
  id identifier title description url priority priorityLabel createdAt updatedAt startedAt completedAt canceledAt
  state { id name type }
  assignee { id name displayName }
  team { id key name }
  cycle { id number name startsAt endsAt }
  labels(first: 8) { nodes { id name } }
  attachments(first: 4) { nodes { id title url sourceType } }
  needs(first: 5) { nodes { id customer { id name domains externalIds } } }
"""


@lru_cache(maxsize=MAX_TERMS + 1)
def issue_search(terms: int) -> str:
    """`terms` searches and the recently updated issues, in one round trip.

    Variables: term0 … termN, filter (searches), first, recentFilter, recentFirst. Aliases in the answer: search0 …
    searchN and recent.
    """
    if not 0 <= terms <= MAX_TERMS:
        raise ValueError(f"between 0 and {MAX_TERMS} terms")
    variables = ["$recentFilter: IssueFilter", "$recentFirst: Int!"]
    if terms:
        variables += ["$filter: IssueFilter", "$first: Int!", *(f"$term{n}: String!" for n in range(terms))]
    searches = "\n".join(
        f"  search{n}: searchIssues(term: $term{n}, filter: $filter, first: $first, includeComments: true) {{\n"
        "    totalCount\n    pageInfo { hasNextPage }\n    nodes { ...FoundIssue }\n  }"
        for n in range(terms)
    )
    found = f"fragment FoundIssue on IssueSearchResult {{{_ISSUE_FIELDS}}}\n" if terms else ""
    return (
        f"query AltorIssues({', '.join(variables)}) {{\n{searches}\n"
        "  recent: issues(filter: $recentFilter, first: $recentFirst, orderBy: updatedAt) {\n"
        "    pageInfo { hasNextPage }\n    nodes { ...RecentIssue }\n  }\n}\n"
        f"{found}fragment RecentIssue on Issue {{{_ISSUE_FIELDS}}}\n"
    )


CUSTOMER_REQUESTS = """
query AltorCustomerRequests($customers: CustomerFilter, $needs: CustomerNeedFilter, $first: Int!) {
  customers(filter: $customers, first: 5) {
    nodes { id name domains externalIds url revenue size approximateNeedCount status { name } tier { name } }
  }
  customerNeeds(filter: $needs, first: $first, orderBy: updatedAt) {
    pageInfo { hasNextPage endCursor }
    nodes {
      id body priority createdAt updatedAt url
      customer { id name }
      issue { id identifier title url createdAt updatedAt completedAt state { name type } assignee { name } }
    }
  }
}
"""

IDENTITY = """
query AltorIdentity {
  viewer { id name email admin }
  organization { id name urlKey }
  teams(first: 50) { nodes { id key name } }
  rateLimitStatus { identifier kind limits { type allowedAmount requestedAmount remainingAmount period reset } }
}
"""

#: Every document by name, for the test that validates them.
DOCUMENTS = {
    **{f"issue_search_{n}": issue_search(n) for n in range(MAX_TERMS + 1)},
    "customer_requests": CUSTOMER_REQUESTS,
    "identity": IDENTITY,
}
