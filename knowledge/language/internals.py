"""What is internal by its shape: ticket and bug ids, commits, links into our own tools, hosts, channels, teams."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from knowledge.language.findings import Hit, Kind
from knowledge.language.personal import Own

_TRACKERS: Final = (
    "ALT API ARCH BACKEND BE BILL BUG CLOUD CORE CRM CS CSE CX DATA DB DEV DEVOPS DO DOC ENG ESC EXP FE FEAT FRONTEND GROWTH"
    " HOTFIX HELP IDEA INC INCIDENT INF INFRA INT INV IT JIRA LIN MOB OPS PAY PLAT PLATFORM PM PROB PROD PROJ QA RCA REL RFE"
    " SEC SD SRE STORY SUP SUPPORT SYS TASK TECH TKT TRIAGE WEB XR"
)
_KEY: Final = re.compile(r"(?<![\w/#.\-])([A-Z][A-Z0-9]{1,9})-\d{1,6}(?![\w]|-\w|\.\d)")
_KNOWN: Final = frozenset(_TRACKERS.split()) - {"GROWTH", "API", "DATA", "PROD"}
_KEY_BEFORE: Final = re.compile(
    r"\b(?:ticket|issue|bug|defect|story|epic|task|tracked|tracking|filed|logged|linked|raised|jira|linear|see|under|backlog|fix(?:ed)?"
    r"|solved|internal|intern(?:es|e|er)?|internally|duplicate|blocked|covered|vorgang|heisst|heißt|engineering|sprint|card|board)"
    r"(?:\s(?:references?|refs?|numbers?|ids?|items?|as|in|to|by|with|under|of|is|bei uns|your case to|our)){0,3}[\s:(#\"]{1,3}$",
    re.IGNORECASE,
)
# Standards, units and business papers that have the same shape.
_STANDARDS: Final = frozenset(
    "AES AMS ASCII AWS BASE CET COVID CVE CW DES DIN EC ECMA EN EST EU FIPS GB GMT GPT HTTP IBAN IEC IEEE IETF INVOICE IPV ISO"
    " MD OAUTH OIDC ORDER PCI PDF PO PST RFC RG RSA SHA SO SOC SSL SUB TLS UTC UTF VAT WCAG X".split()
)
_NUMBER: Final = re.compile(
    r"\b(?:(?:PRs?|pull requests?|MRs?|merge requests?)\s{0,2}[#!]?|(?:bugs?|issues?|incidents?|fix|problem)\s{0,2}\(?[#!]"
    r"|(?:[Ff]ixed|[Mm]erged|[Ss]olved|[Rr]esolved|[Cc]losed|[Cc]loses|[Tt]racked|[Dd]uplicate|[Rr]everted)\s(?:in|by|with|as|of|under)\s[#!]"
    r"|(?:GitHub|GitLab|Jira|Linear|Sentry)[- ](?:issues?|tickets?|bugs?)\s{0,2}#?)(\d{1,7})\b"
)
_COMMIT: Final = re.compile(
    r"\b(?:commit|sha|revision|changeset|cherry-pick(?:ed)?|git|merged|reverted|deployed|tagged|build)\b(?:\s(?:as|in|with|at|by|to|hash|id))?[\s:(`]{1,3}"
    r"([0-9a-f]{7,40})\b",
    re.IGNORECASE,
)
_FULL_SHA: Final = re.compile(r"(?<![\w=/\-])[0-9a-f]{40}(?![\w\-])")
_DIGEST_BEFORE: Final = re.compile(
    r"\b(?:checksum|sha-?1|digest|hash|etag|signature|prufsumme)\b.{0,40}$", re.IGNORECASE
)
_URL: Final = re.compile(r"\bhttps?://[^\s<>\"'`]{3,400}", re.IGNORECASE)
_TRACKER_URL: Final = re.compile(
    r"//(?:[a-z0-9\-]{1,60}\.)?(?:(?:github\.com|gitlab\.com|bitbucket\.org)/[^/\s]{1,60}/[^\s]{1,100}/"
    r"(?:pull|pulls|issues|commit|commits|merge_requests|compare|actions|blob|tree)\b|(?:github\.com|gitlab\.com)/"
    r"[^/\s]{1,60}/[^/\s]{1,100}/(?:pull|issues|commit|actions)|linear\.app/|atlassian\.net/|sentry\.io/|app\.asana\.com/"
    r"|trello\.com/|youtrack\.|jira\.|pagerduty\.com/|slack\.com/archives/|notion\.so/|docs\.google\.com/|drive\.google\.com/)",
    re.IGNORECASE,
)
_INNER_HOST: Final = re.compile(
    r"(?<![\w@.\-])(?:[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\.){1,8}"
    r"(?:internal|local|lan|corp|intra|intranet|private|localdomain|home\.arpa|svc|consul)\b(?:\.cluster\.local)?(?![\w\-]|\.\w)",
    re.IGNORECASE,
)
_POD: Final = re.compile(r"(?<![\w.\-/])[a-z][a-z0-9\-]{2,60}-[a-f0-9]{8,10}-[a-z0-9]{5}(?![\w\-])")
_CLOUD: Final = re.compile(
    r"\barn:aws[a-z\-]{0,10}:[^\s\"'`]{5,300}|\bi-[0-9a-f]{8,17}\b|\b(?:s3|gs)://[^\s\"'`]{3,300}"
)
_CHANNEL: Final = re.compile(r"(?<![\w&/#=])#[a-z][a-z0-9]{1,30}(?:[-_][a-z0-9]{1,30}){1,6}(?![\w\-])")
_SQUAD: Final = re.compile(r"\b(?:[A-Za-z][\w&\-]{1,30}\s){0,2}[A-Za-z][\w&\-]{1,30}\s(?:squad|tribe|guild)\b")
_SQUAD_LEAD: Final = re.compile(r"^(?:(?:the|our|of|a|an|by|with|from|to|and|in|your)\s)+", re.IGNORECASE)
_TOOLS: Final = re.compile(
    r"\b(?:Grafana|Datadog|Kibana|Splunk|Sentry|PagerDuty|Opsgenie|Honeycomb|New Relic|Prometheus|Jenkins|Argo ?CD|CircleCI"
    r"|Confluence|Jira|Metabase|Looker|Retool|Snowflake|BigQuery|ClickHouse|Rootly|incident\.io|Statsig|LaunchDarkly|Backstage"
    r"|Elasticsearch|Loki|Jaeger|Zipkin|Terraform|RabbitMQ|Celery|Airflow|Temporal)\b"
)
_THEIRS_BEFORE: Final = re.compile(
    r"\b(?:your|yours|own|ihr|ihre[mnrs]?|such as|e\.g\.|like|for|fur)\s(?:[\w\-]{1,20}\s)?$", re.IGNORECASE
)
_THEIRS_AFTER: Final = re.compile(
    r"\s(?:integration|app|add-on|plug-?in|connector|workspace|project|projekt|import|export|destination|format|webhooks?"
    r"|account|agent|exporter|monitor)\b|\s(?:in|of|on) your\b",
    re.IGNORECASE,
)


def internals_in(text: str, own: Own, own_names: frozenset[str]) -> Iterator[Hit]:
    """Not in order; may overlap. `own_names`: casefolded names, ids and repositories that may stand in the reply."""
    yield from _ids(text, own_names)
    yield from _links(text, own, own_names)
    for pattern, what, instead in (
        (_INNER_HOST, "The name of a host inside our network", "one of our servers"),
        (_POD, "The name of one running instance", "one of our servers"),
        (_CLOUD, "A resource of our cloud account", "our storage"),
    ):
        for match in pattern.finditer(text):
            if not own.has_host(match[0]) and match[0].casefold() not in own_names:
                yield _name(match.start(), match.end(), what, instead)
    for match in _CHANNEL.finditer(text):
        if not _is_theirs(text, match.start(), match.end()):
            yield _name(match.start(), match.end(), "An internal channel", "our team")
    for match in _SQUAD.finditer(text):
        lead = _SQUAD_LEAD.match(match[0])
        start = match.start() + (lead.end() if lead else 0)
        if "your" not in (lead[0].casefold() if lead else ""):
            yield _name(start, match.end(), "The name of an internal team", "our engineers")
    for match in _TOOLS.finditer(text):
        if match[0].casefold() not in own_names and not _is_theirs(text, match.start(), match.end()):
            yield _name(match.start(), match.end(), "A tool that we use inside", "our monitoring")


def _ids(text: str, own_names: frozenset[str]) -> Iterator[Hit]:
    for match in _KEY.finditer(text):
        prefix = match[1]
        if prefix in _STANDARDS or match[0].casefold() in own_names:
            continue
        if prefix in _KNOWN or _KEY_BEFORE.search(text, max(0, match.start() - 40), match.start()):
            yield _id(match.start(), match.end(), "A ticket of our own tracker")
    for match in _NUMBER.finditer(text):
        if not re.search(r"\byour\s$", text[max(0, match.start() - 6) : match.start()], re.IGNORECASE):
            yield _id(match.start(), match.end(), "The number of a bug or change in our own tracker")
    for match in _COMMIT.finditer(text):
        if re.search(r"\d", match[1]):
            yield _id(match.start(1), match.end(1), "A commit of our code")
    for match in _FULL_SHA.finditer(text):
        if not _DIGEST_BEFORE.search(text, max(0, match.start() - 60), match.start()):
            yield _id(match.start(), match.end(), "This has the shape of a commit of our code")


def _links(text: str, own: Own, own_names: frozenset[str]) -> Iterator[Hit]:
    for match in _URL.finditer(text):
        url = match[0].rstrip(".,;:!?)]}")
        host = re.split(r"[/:?#]", url.split("://", 1)[1].rpartition("@")[2], maxsplit=1)[0]
        end = match.start() + len(url)
        repository = "/".join(url.split("/")[3:5]).casefold()
        if own.has_host(host) or repository in own_names:
            continue
        if _TRACKER_URL.search(url):
            yield _id(match.start(), end, "A link into our own tools, which the customer cannot open or should not see")
        elif _INNER_HOST.fullmatch(host):
            yield _name(match.start(), end, "An address inside our network", "our monitoring")


def _is_theirs(text: str, start: int, end: int) -> bool:
    """The customer's own tool, or one that the product connects to."""
    return bool(_THEIRS_BEFORE.search(text[max(0, start - 40) : start]) or _THEIRS_AFTER.match(text, end))


def _id(start: int, end: int, what: str) -> Hit:
    suggestion = "Leave it out: the customer follows this ticket. Say what is known and when the next update comes."
    return Hit(Kind.INTERNAL_ID, start, end, f"{what}.", suggestion)


def _name(start: int, end: int, what: str, instead: str) -> Hit:
    return Hit(Kind.INTERNAL_NAME, start, end, f"{what}: it means nothing to the customer.", f"Say “{instead}”.")
