"""Every GraphQL document that filing and following sends; a test validates each against Linear's schema.

Every write carries an id that we chose, so that it may be sent again after a lost answer.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import Final

#: Issues read in one request. Linear charges points for `first` times everything inside.
PAGE: Final = 20
#: Comments of one issue that are read with it: those since the last poll.
COMMENTS: Final = 25

CREATE_ISSUE: Final = """
mutation AltorFileIssue($input: IssueCreateInput!) { issueCreate(input: $input) { success issue { id } } }
"""
CREATE_COMMENT: Final = """
mutation AltorComment($input: CommentCreateInput!) {
  commentCreate(input: $input) { success comment { id url createdAt } }
}
"""
CREATE_ATTACHMENT: Final = """
mutation AltorAttachTicket($input: AttachmentCreateInput!) {
  attachmentCreate(input: $input) { success attachment { id url } }
}
"""
CREATE_NEED: Final = """
mutation AltorCustomerNeed($input: CustomerNeedCreateInput!) {
  customerNeedCreate(input: $input) { success need { id } }
}
"""

_ISSUE: Final = """
      id identifier title url priority updatedAt completedAt canceledAt trashed
      state { id name type }
      assignee { id name }
      cycle { id number name endsAt }
      dueDate
      project { id name targetDate }
      attachments(first: 20) { nodes { id title url sourceType metadata } }
"""

_COMMENT: Final = " id body url createdAt updatedAt user { id name } externalUser { id name } "

#: `filter` by ids. Archived issues are hidden otherwise, and a closed one is archived by itself.
ISSUES: Final = f"""
query AltorFollowedIssues($filter: IssueFilter!, $first: Int!, $since: DateTimeOrDuration!) {{
  issues(filter: $filter, first: $first, includeArchived: true) {{
    pageInfo {{ hasNextPage }}
    nodes {{{_ISSUE}
      comments(first: {COMMENTS}, filter: {{createdAt: {{gte: $since}}}}) {{
        pageInfo {{ hasNextPage endCursor }}
        nodes {{{_COMMENT}}}
      }}
    }}
  }}
}}
"""
#: Further comments of one issue, after a long absence.
MORE_COMMENTS: Final = f"""
query AltorMoreComments($id: String!, $after: String!, $since: DateTimeOrDuration!) {{
  issue(id: $id) {{
    comments(first: 50, after: $after, filter: {{createdAt: {{gte: $since}}}}) {{
      pageInfo {{ hasNextPage endCursor }}
      nodes {{{_COMMENT}}}
    }}
  }}
}}
"""
#: The same for an issue that a person named (ENG-123), with whoever may read it.
ISSUE: Final = f"""
query AltorNamedIssue($id: String!) {{
  issue(id: $id) {{{_ISSUE}    team {{ id key }}
  }}
}}
"""
FIND_COMMENT: Final = """
query AltorFindComment($filter: CommentFilter!) {
  comments(filter: $filter, first: 1, includeArchived: true) { nodes { id url createdAt } }
}
"""
FIND_NEED: Final = """
query AltorFindNeed($filter: CustomerNeedFilter!) {
  customerNeeds(filter: $filter, first: 1, includeArchived: true) { nodes { id } }
}
"""
FIND_ATTACHMENT: Final = """
query AltorFindAttachment($url: String!) {
  attachmentsForURL(url: $url, first: 20) { nodes { id issue { id } } }
}
"""
WORKSPACE: Final = """
query AltorWorkspace {
  viewer { id name admin }
  organization { id name urlKey customersEnabled }
  teams(first: 50) { nodes { id key name } }
  rateLimitStatus { kind limits { type allowedAmount remainingAmount } }
}
"""


@lru_cache(maxsize=16)
def place(*, labels: bool, project: bool, assignee: bool) -> str:
    """Where an issue goes: ids of a team, and of labels, a project, a person by name, as far as they are wanted."""
    variables, roots = ["$team: TeamFilter!"], ["  teams(filter: $team, first: 5) { nodes { id key name } }"]
    if labels:
        variables.append("$labels: IssueLabelFilter!")
        roots.append("  issueLabels(filter: $labels, first: 50) { nodes { id name team { id } } }")
    if project:
        variables.append("$project: ProjectFilter!")
        roots.append("  projects(filter: $project, first: 5) { nodes { id name } }")
    if assignee:
        variables.append("$assignee: UserFilter!")
        roots.append("  users(filter: $assignee, first: 5) { nodes { id name } }")
    return f"query AltorFilingPlace({', '.join(variables)}) {{\n" + "\n".join(roots) + "\n}\n"


#: Every document by name, for the test that validates them.
DOCUMENTS: Final = {
    "create_issue": CREATE_ISSUE,
    "create_comment": CREATE_COMMENT,
    "create_attachment": CREATE_ATTACHMENT,
    "create_need": CREATE_NEED,
    "issues": ISSUES,
    "issue": ISSUE,
    "more_comments": MORE_COMMENTS,
    "find_comment": FIND_COMMENT,
    "find_need": FIND_NEED,
    "find_attachment": FIND_ATTACHMENT,
    "workspace": WORKSPACE,
    **{
        f"place_{labels:d}{project:d}{assignee:d}": place(labels=labels, project=project, assignee=assignee)
        for labels, project, assignee in product([False, True], repeat=3)
    },
}
