"""English phrases that warn."""

from __future__ import annotations

from typing import Final

from knowledge.language.findings import Kind
from knowledge.language.phrases import Phrase

GUESS: Final = "This is a guess: the customer cannot tell it from what is known."
SAY_KNOWN: Final = "Say what was observed and how it is known, or that the cause is not known yet and when you will write again."
NO_TIME: Final = "A promise without a time: the customer cannot plan with it and will ask again."
SAY_WHEN: Final = "Name the time of the next update, as in “I will write to you by 16:00 UTC today”."
BLAMING: Final = "This blames somebody; it does not help the customer on."
SAY_EVENT: Final = "Say what happened and what to do, without who is at fault."
TOO_SURE: Final = "Nothing holds in every case; one exception later breaks the trust."
SAY_BOUNDS: Final = "Say for what and since when it holds, as in “since 14:40 UTC all deliveries succeeded”."
INSIDE: Final = "A word of engineers that not every reader knows."

#: A time of the next step, which makes a promise one that can be kept.
TIMED: Final = (
    r"\b\d{1,2}:\d{2}\b|\b\d{1,2}\s?(?:am|pm|uhr)\b|\b(?:by|until|on|before|at|till|this|next)\s(?:the\s)?(?:end of\s)?(?:the\s)?"
    r"(?:day|today|tonight|tomorrow|noon|week|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b"
    r"|\bwithin\s(?:the next\s)?(?:an?|one|two|three|four|\d{1,3})\s(?:business\s|working\s)?(?:hours?|minutes?|days?|weeks?)\b"
    r"|\b(?:tomorrow|every|in)\s(?:an?|one|two|three|four|\d{1,3})\s(?:hours?|minutes?|days?|weeks?)\b|\btomorrow\b|\btoday\b"
    r"|\b(?:by|on|until)\s\d{1,2}\.?\s[a-z]{3,9}\b|\b20\d\d-\d\d-\d\d\b"
)
_ADVICE: Final = r"\b(?:please|make sure|if you|you (?:can|should|need to|must|may)|we recommend|we advise)\b"
_PLAIN_WORD: Final = r"\b(?:recommend|advise|suggest)\b"


def _phrases(kind: Kind, why: str, suggestion: str, *rows: tuple[str, ...]) -> list[Phrase]:
    """Rows: first words, rest, before, unless. Missing ends are empty."""
    made = []
    for row in rows:
        firsts, rest, before, unless = (*row, "", "", "")[:4]
        made.append(Phrase(kind, tuple(firsts.split()), rest, why, suggestion, before, unless))
    return made


_IF: Final = r"\b(?:if|whether|unless|in case)\s(?:[\w']{1,20}\s){0,4}"
_SPECULATION = _phrases(
    Kind.SPECULATION, GUESS, SAY_KNOWN,
    ("probably presumably perhaps maybe apparently conceivably supposedly seemingly possibly", "", r"where |if |as soon as "),
    ("likely", "", r"(?:how|un|just as|as) |-", r"more likely to succeed"),
    ("unlikely", ""),
    ("most more very quite", r"\s(?:likely|probably)"),
    ("it this that there", r"\s(?:seems?|seemed|looks?|looked|appears?|appeared)(?:\s(?:that|like|as if|as though|to))", _IF),
    ("seems seemed", r"\s(?:to|that|like|as)\b[\w ]{0,3}", _IF),
    ("appears appeared", r"\sto\b", _IF),
    ("looks looked", r"\s(?:like|as if|as though)\b", _IF + r"|\b(?:what|that|which|how)\s(?:it\s)?"),
    ("might", r"(?:\s(?:have|be|not|well|also|still|come|stem|relate|explain|cause|point|come))+", r"\b(?:you|we) ",
     r"\b(?:a|the) (?:lower|higher|shorter|longer|smaller|larger|different)\b.{0,20}\bmight|" + _ADVICE),
    ("may", r"\s(?:be|have(?:\sbeen)?|well|stem|come)\b(?:\s(?:due|caused|related))?", r"\b(?:you|we|i|they|customers) ",
     _ADVICE + r"|\b(?:each|every|per) \w{1,20} may be\b|\bmay be (?:used|sent|called|set|changed|up to)\b"),
    ("could", r"\s(?:be|have been)\s(?:that|due|related|caused|because|a (?:problem|bug|network|sign)|the (?:cause|reason|case)"
     r"|connected|linked|an? \w{1,20} (?:issue|problem))\b", _IF),
    ("could", r"\s(?:stem|come|result)\sfrom"),
    ("i we", r"\s(?:\w{1,12}ly\s)?(?:think|believe|suspect|guess|assume|suppose|imagine|presume|have a (?:hunch|feeling))(?!\s(?:about|over))"
     , _IF + r"|\b(?:what|how|do|did|so) "),
    ("i we", r"'d\s(?:guess|assume|say)"),
    ("my our", r"\s(?:guess|suspicion|hunch|assumption|best guess|theory)"),
    ("not", r"\s(?:entirely |quite |fully |completely |100 ?% )?(?:sure|certain)\b", r"\b(?:if you are|you are|you're|make) "),
    ("unsure", "", r"\b(?:if you are|you are|you're) "),
    ("should", r"\s(?:now\s)?be\s(?:now\s)?(?:solved|resolved|fixed|working|fine|gone|ok|okay|good|over|back to normal)\b", _IF),
    ("must", r"\shave\sbeen\b"),
    ("chances", r"\sare\b"),
    ("sounds", r"\slike"),
    ("suggests suggesting", r"\s(?:that|a)\b"),
)  # fmt: skip
_PROMISE = _phrases(
    Kind.VAGUE_PROMISE, NO_TIME, SAY_WHEN,
    ("soon", "", r"\b(?:as|too|so|how) ", r"\b(?:sooner|soon after)\b"),
    ("shortly", "", "", r"\bshortly (?:after|before|afterwards|thereafter)\b"),
    ("as", r"\s(?:soon|quickly|fast|early)\sas\s(?:possible|we can|i can|we are able)\b", "", r"\bplease (?:\w{1,20} ){1,6}as (?:soon|quickly|fast)"),
    ("asap", ""),
    ("in", r"\s(?:due course|due time|the near future|the coming (?:days|weeks|hours|months)|no time|a (?:short )?while|the next few (?:days|weeks|hours)"
     r"|a (?:few|couple of) (?:days|weeks|hours|moments)|an upcoming release|a future (?:release|version|update))\b"),
    ("at", r"\s(?:some|a later)\s(?:point|time|stage|date)\b", "", r"\b(?:saw|happened|failed|occurred|was|were)\b"),
    ("eventually", r"(?!\s(?:consistent|delivered|succeeded))", "", r"\b(?:was|were|has|had)\seventually\b"),
    ("sometime", ""),
    ("we i our they the", r"(?:'re|'m|\s(?:team|engineers?|developers?|colleagues|specialists)\s(?:is|are)|\sare|\sam)\s"
     r"(?:currently |still |already |actively |now |also |busy |on it |all ){0,2}(?:working (?:on|hard|to)|looking into|looking at"
     r"|investigating|on it\b|checking|on the case|doing our best|analysing|analyzing|addressing|fixing)(?:\s(?:it|this|that|a fix|the (?:issue|problem|matter))\b)?", "", TIMED),
    ("being", r"\s(?:worked on|looked into|looked at|investigated|addressed)\b", "", TIMED),
    ("we i you", r"(?:'ll|\swill)\s(?:\w{1,12}\s)?(?:get|come|be|report|circle)\sback\s(?:to|with)\s(?:you|us)\b|(?:'ll|\swill)\s(?:\w{1,12}\s)?(?:be in touch|look into (?:it|this|that)"
     r"|keep you (?:posted|updated|informed|in the loop)|follow up|hear from us|update you|let you know|take care of (?:it|this|that)|reach out)\b", "", TIMED + r"|\b(?:as soon as|once|when|if|after)\b|\bhear from us in due course"),
    ("hopefully", ""),
    ("we i", r"\s(?:hope|aim|try|plan|intend|expect)\s(?:to|that (?:we|this|it))\b", "", TIMED + r"|\bin the near future\b|\bat some point\b|\bhope (?:that )?this helps\b"),
    ("stay", r"\stuned\b"),
    ("bear", r"\swith us\b", "", TIMED),
    ("sooner", r"\srather than later\b"),
    ("high", r"\s(?:on our list|priority for us)\b", "", TIMED),
    ("do", r"\s(?:our|my) best\b", "", TIMED),
)  # fmt: skip
_NOT_BLAME: Final = r"\b(?:not|nobody|no one|isn't|wasn't|never|n't|neither|nothing)\b.{0,25}$|\bnot "
_WHO: Final = r"(?:team|developers?|engineers?|admins?|administrators?|colleagues?|staff|users?|side|integration|code|people|agency|provider|agent|vendor|intern)"
_BLAME = _phrases(
    Kind.BLAME, BLAMING, SAY_EVENT,
    ("user operator human customer client", r"\serror\b", r"\b(?:no|not a|not) "),
    ("you", r"\s(?:\w{1,12}ly\s)?(?:misconfigured|mis-configured|broke|ignored|neglected|overlooked|messed|mishandled|caused|misused|misread|misunderstood|abused"
     r"|failed to|forgot to|refused to|didn't bother|did not bother|didn't read|did not read|have ignored|have failed to)\b", r"\b(?:if|unless|whether|in case|when) "),
    ("you", r"\s(?:should|could|ought to|must)(?:'ve|\shave)\s(?!received|seen|got|gotten|an? |access|the )\w{2,20}"),
    ("you", r"\s(?:clearly|obviously|apparently|simply|evidently)\b"),
    ("you", r"\s(?:never|didn't even|did not even)\s(?:set|read|check|verified|configured|tested|answered|told|replied)"),
    ("if", r"\syou\s(?:had|'d)\s(?:only\s)?(?:read|followed|checked|done|listened|tested|looked|told|used|configured)\b"),
    ("your our the a one some another my his their", r"\s(?:of (?:our|your|the|my) )?(?:\w{1,20}\s)?" + _WHO
     + r"\s(?:\w{1,12}\s)?(?:misconfigured|broke|ignored|forgot|neglected|overlooked|messed|caused|failed to|made an? (?:mistake|error|blunder)"
     r"|made mistakes|screwed|dropped the ball|did not bother|didn't bother|deleted by mistake|has made an? (?:mistake|error))(?:\sto)?\b", r"\b(?:if|whether) "),
    ("misconfigured", "", r"\b(?:if|was|is|were|are|been|it|whether|be) "),
    ("forgot forgotten", r"\sto\b", r"\bif (?:\w{1,20} ){0,3}"),
    ("made make makes", r"\s(?:an?|some|the|this)\s(?:\w{1,12}\s)?(?:mistake|error|blunder)s?\b", r"\b(?:we|i|if you|you have not|nobody) "),
    ("it's that's is was", r"\s(?:entirely |all |clearly |solely |your |their |his |her )?(?:to blame|(?:your|their|his|her) (?:own )?fault|your (?:own )?(?:mistake|error|doing))\b", _NOT_BLAME),
    ("your their his her", r"\s(?:own\s)?(?:fault|mistake|negligence|carelessness|incompetence|blunder)\b", _NOT_BLAME),
    ("fault", r"\s(?:of|lies with|is with|on your side)\b", r"\b(?:no|not the|segmentation|page|not a) "),
    ("blame blames blamed", r"\b", r"\b(?:no|not|without|not to) "),
    ("let lets", r"\s(?:us|you) down\b"),
    ("screwed messed fouled", r"\s(?:\w{1,12}\s)?up\b"),
    ("should", r"\shave known better\b"),
    ("as", r"\s(?:i|we)\s(?:have\s|had\s|'ve\s)?(?:already|clearly|repeatedly)\s\w{2,20}(?:\s(?:to\s)?you)?\b"),
    ("as", r"\s(?:clearly|already)\s(?:stated|written|documented|explained|mentioned)\b"),
    ("badly poorly sloppily carelessly wrongly", r"\s(?:written|configured|implemented|designed|built|coded|tested|set up)\b", r"\b(?:if|whether) (?:\w{1,20} ){0,4}"),
    ("incompetent incompetence careless carelessness negligent negligence sloppy stupid lazy unprofessional", ""),
    ("dropped", r"\sthe ball\b"),
    ("wrong", r"\son your (?:side|end|part)\b", r"\b(?:nothing|not|anything) (?:is |was |were |has gone |went )?"),
    ("because since", r"\syou\s(?:ignored|forgot|didn't|did not|never|refused|neglected)\b"),
)  # fmt: skip
_QUOTE_FACT: Final = r"\byou (?:wrote|said|reported|mentioned|told)\b"
_ABSOLUTE = _phrases(
    Kind.ABSOLUTE, TOO_SURE, SAY_BOUNDS,
    ("always", "", r"\b(?:as|can|may|could|we|are welcome to|is|are) ", r"\b(?:recommend|advise|suggest|welcome|please)\b|\bas always\b|\balways (?:an? )?(?:string|integer|number|array|object|null|utc|in utc)\b"),
    ("never", r"\sagain\b"),
    ("never", r"(?:\s\w{2,20}){1,5}\sagain\b"),
    ("never", "", r"\b(?:was|were|had|has|have|please|did|is|are) |^|[.!?:;,-]\s?$|\n|^\W*", r"\bnever (?:reached|arrived|made|sent|charged|received|came|left|answered|delivered|tried|used|stored|share|send|put|commit)\b|" + _QUOTE_FACT),
    ("will would can", r"\snever\b", "", r"\bnever (?:reach|arrive|ask|share|store)"),
    ("guaranteed guarantee guarantees", "", r"\b(?:not|no|cannot|can't|n't|without|never|best[- ]effort|money[- ]back) (?:be |any |a |give a )?", r"\b(?:not|cannot|can't|isn't|aren't|no) (?:be )?guarantee"),
    ("100", r"\s?%\s(?:safe|sure|reliable|certain|secure|stable|fixed|available|solved|resolved|correct|accurate|guaranteed|uptime|confident|compatible)"),
    ("100", r"\s?%", "", r"\b(?:of (?:your|the|all|our|them|these|those|it|its|calls|requests|deliveries)|between|from|used|reached|quota|limit|cpu|disk|usage|rate|credit|discount|refund|error|memory)\b"),
    ("impossible", "", r"\b(?:not|almost|nearly) ", r"\bimpossible to (?:log|sign|use|read|see|call|create|send|change|delete|tell|open|reach|export|edit|reproduce|set|add|pay|connect)\b"),
    ("absolutely", r"\s(?:no|sure|certain|safe|never|nothing|every|secure|guaranteed|impossible|certainly|all|none)\b"),
    ("zero no", r"\s(?:downtime|risk|data loss|interruption)(?:\s(?:at all|whatsoever))?\b", r"\b(?:there was|there were|saw|had|with|was|recorded) "),
    ("permanently", r"\s(?:fixed|solved|resolved|gone|eliminated|over)"),
    ("permanently", "", r"\b(?:is|are|be|been) (?:now )?", r"\b(?:delete|deleted|remove|removed|erased|moved|redirect)"),
    ("once", r"\sand for all\b"),
    ("without", r"\s(?:any |a |a shadow of a )?doubt\b"),
    ("undoubtedly definitely certainly", r"(?!\snot\b)", r"\b(?:almost|most) ", r"\b(?:almost certainly)\b|\bcertainly!|\bcertainly,"),
    ("cannot can won will", r"(?:'t)?(?:\snot)?\s(?:ever\s)?(?:happen|occur|return|come back|break|fail|go wrong)(?:\s(?:again|any ?more|ever))\b", r"\bif it "),
    ("completely totally entirely perfectly fully", r"\s(?:safe|secure|reliable|fixed|solved|resolved|stable|risk-free|bug-free|impossible|protected)\b", r"\b(?:not|n't) "),
    ("foolproof bulletproof flawless unbreakable failsafe", ""),
    ("risk bug error", r"-free\b"),
    ("under", r"\sno circumstances\b", "", _ADVICE),
    ("no", r"\s(?:doubt|way) (?:that|at all)\b"),
    ("every", r"\ssingle (?:time|request|event|customer|delivery)\b", "", r"\b(?:failed|was|were)\b"),
    ("forever", "", "", r"\b(?:kept|stored|retained|takes|hang|wait)\b"),
    ("in", r"\s(?:all|any|every) (?:cases?|circumstances)\b", r"\b(?:not|n't) "),
)  # fmt: skip


def _jargon(*rows: tuple[str, ...]) -> list[Phrase]:
    """Rows: first words, rest, plain words, unless, before."""
    made = []
    for row in rows:
        firsts, rest, plain, unless, before = (*row, "", "")[:5]
        made.append(Phrase(Kind.JARGON, tuple(firsts.split()), rest, INSIDE, f"Say “{plain}”.", before, unless))
    return made


_JARGON = _jargon(
    ("p50 p75 p90 p95 p98 p99 p999", "", "the slowest requests (of 100, the slowest 5 took at least ...)"),
    ("95th 99th 90th 50th", r"\spercentile", "the slowest of 100 requests"),
    ("percentile percentiles", "", "the slowest of 100 requests", "", r"(?:95th|99th|90th|50th) "),
    ("span", "", "one step of your request", r"\bspan of\b|\b(?:time|life|attention|date|wing)[ -]?span\b|\bspan (?:two|three|several|across|\d)|<span", r"\b(?:to|will|can|may|that|which|they) "),
    ("spans", "", "steps of your request", r"\bspans? (?:of|two|three|four|several|many|a|an|the|across|over|multiple|from|\d)\b"),
    ("rollback rollbacks", "", "we went back to the version before"),
    ("rolled rolling roll", r"\s(?:(?:it|this|the \w{1,20}|that)\s)?back\b", "we went back to the version before"),
    ("pod pods", "", "one of our servers", r"\bpods? (?:of|coffee)\b|\bcoffee pods?\b"),
    ("1xx 2xx", "", "a success (a status from 200 to 299)"),
    ("4xx", "", "a refusal (a status from 400 to 499)"),
    ("5xx 5xxs", "", "an error on our side (a status from 500 to 599)"),
    ("idempotency", r"[ -](?:key|keys|token)", "the same key with each retry of one request, so that it counts once"),
    ("idempotent idempotency idempotence", r"(?![ -](?:key|token))", "safe to send twice"),
    ("shard shards sharding sharded resharding", "", "a part of the database"),
    ("replica replicas replication", r"(?:\slag)?", "a copy of the database"),
    ("failover failovers", "", "the switch to our second system"),
    ("fail failed failing", r"[ -]over\b", "the switch to our second system", r"\bfailed over (?:the|a|\d|an)\s"),
    ("hotfix hotfixes hotfixed", "", "a correction"),
    ("canary", r"(?!\s(?:islands|wharf))(?:\s(?:release|deployment|deploy|rollout|test))?", "a release to a few customers first"),
    ("backfill backfills backfilled backfilling", "", "we fill in the missing data"),
    ("backpressure", "", "the system slowed down the intake"),
    ("back", r"-pressure", "the system slowed down the intake"),
    ("circuit", r"[ -]breakers?\b", "a safety switch that stops calls for a while"),
    ("connection thread worker", r"\spools?\b", "the number of connections open at once"),
    ("race", r"\sconditions?\b", "two actions that got in each other's way"),
    ("deadlock deadlocks deadlocked mutex semaphore livelock", "", "two actions that waited for each other"),
    ("dead", r"[ -]letter(?:ed|s)?(?:[ -]?queues?)?\b", "the place where undeliverable events are kept"),
    ("dlq dlqs", "", "the place where undeliverable events are kept"),
    ("upstream upstreams downstream", "", "a system that ours depends on", r"\b(?:your|git) (?:upstream|downstream)\b"),
    ("ingress egress sidecar nginx envoy istio haproxy", "", "the entrance to our servers", r"\begress (?:ip|address|range)"),
    ("kubernetes k8s kubelet helm docker terraform", "", "our servers", r"\byour (?:own )?(?:kubernetes|k8s|docker|helm|terraform)\b|\bdocker (?:run|image|compose|pull)"),
    ("kafka rabbitmq redis memcached postgres cassandra zookeeper etcd sidekiq celery", "", "our queue or our database", r"\byour (?:own )?(?:kafka|redis|postgres|rabbitmq|celery)\b"),
    ("oom oomkilled", "", "a server ran out of memory"),
    ("gc", r"(?:\spauses?)?", "a short pause of a server"),
    ("garbage", r"\scollect(?:ion|or)\b", "a short pause of a server"),
    ("stampede", "", "many requests at once that could not use stored results", r"\bcattle\b"),
    ("thundering", r"\sherd\b", "many requests at the same moment"),
    ("cache", r"\s(?:stampede|miss(?:es)?|invalidation|eviction|hits?|warm-?up)\b", "stored results that were out of date or missing"),
    ("cold", r"[ -]starts?\b", "the first request after a pause takes longer"),
    ("feature", r"[ -](?:flags?|toggles?)\b", "a setting of your account on our side"),
    ("rca rcas", "", "a report on the cause"),
    ("post", r"[ -]?mortems?\b", "a report on the cause"),
    ("postmortem postmortems", "", "a report on the cause"),
    ("slo slos sli slis mttr mtta mttd", "", "our target for availability or repair"),
    ("ttl ttls", "", "how long a stored result is used", r"\byour\b.{0,30}\bttl\b"),
    ("query", r"\s(?:plan|planner|optimi[sz]er)\b", "the way the database looks up your data"),
    ("full", r"\s(?:table|index)\sscans?\b", "a slow way of looking up data"),
    ("n", r"\+1 quer(?:y|ies)\b", "too many look-ups for one request"),
    ("blue", r"[/-]green\b", "a release in two steps"),
    ("heisenbug regression regressions segfault segfaulted coredump stacktrace", "", "an error that a change brought", r"\b(?:linear|logistic) regression"),
    ("stack", r"[ -]?traces?\b", "the error report", r"\b(?:your|send|attach|paste)\b"),
    ("throughput qps rps tps iops", "", "requests per second", r"\byour\b"),
    ("autoscaling autoscaler autoscaled hpa", "", "we add servers as needed"),
    ("eventual", r"\sconsistency\b", "a change shows up after a short while"),
    ("tail", r"\slatenc(?:y|ies)\b", "the slowest requests"),
    ("cronjob cronjobs cron", r"(?:\sjobs?)?\b", "a task that runs at fixed times", r"\byour (?:own )?cron"),
    ("microservice microservices monolith", "", "a part of our product"),
    ("noisy", r"\sneighbou?rs?\b", "the load of other users"),
    ("blast", r"\sradius\b", "who was affected"),
    ("bottleneck bottlenecked", "", "the part that slowed the rest down"),
    ("schema", r"\smigrations?\b", "a change of the database"),
    ("kill", r"[ -]?switch\b", "an emergency stop"),
    ("exponential", r"\sback-?off\b", "wait twice as long after each failed try", _ADVICE + "|" + _PLAIN_WORD),
    ("jitter", "", "a random extra pause", _ADVICE),
    ("on", r"-call\b", "the person on duty"),
    ("tech", r"\sdebt\b", "older parts of our product"),
    ("ack acked nack nacked", "", "confirmed"),
    ("bgp anycast vpc mtls conntrack", "", "our network"),
)  # fmt: skip
PHRASES: Final = (*_SPECULATION, *_PROMISE, *_BLAME, *_ABSOLUTE, *_JARGON)
