"""Blame of the customer, of a colleague or of a vendor."""

from __future__ import annotations

from typing import Final

from knowledge.language.findings import Kind
from knowledge.language.phrases import BLAMING, SAY_EVENT, phrases

_NOT_BLAME: Final = r"\b(?:not|nobody|no one|isn't|wasn't|never|n't|neither|nothing)\b.{0,25}$|\bnot "
_WHO: Final = r"(?:team|developers?|engineers?|admins?|administrators?|colleagues?|staff|users?|side|integration|code|people|agency|provider|agent|vendor|intern)"
PHRASES: Final = phrases(
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
    ("let lets", r"\s(?:us|you|everyone|everybody) down\b"),
    ("screwed messed fouled", r"\s(?:\w{1,12}\s)?up\b"),
    ("should", r"\shave known better\b"),
    ("as", r"\s(?:i|we)\s(?:have\s|had\s|'ve\s)?(?:already|clearly|repeatedly)\s\w{2,20}(?:\s(?:to\s)?you)?\b"),
    ("as", r"\s(?:clearly|already)\s(?:stated|written|documented|explained|mentioned)\b"),
    ("your", r"\s(?:\w{1,12}\s)?(?:side|end|team|developers?|engineers?|admins?|people|company|staff|colleagues?|partner|agency)\s(?:has |have |had )?(?:clearly|obviously|evidently|simply|should|could have|needs? to learn|must learn|does not know|don't know|do not know|doesn't know|didn't|did not|never|wrongly|incorrectly|mistakenly|carelessly|changed something|made|broke)\b",
     r"\b(?:if|whether|unless) (?:\w{1,12} ){0,2}"),
    ("your their his her", r"\s(?:incorrect|faulty|broken|wrong|bad|buggy|poor|sloppy|outdated|improper|terrible|flawed|careless|messy|lousy)\s(?:\w{1,12}\s)?(?:code|set-?up|configuration|config|implementation|integration|usage|use|change|changes|script|handling|software|settings?|work|service|planning|decision|client)\b",
     r"\b(?:if|whether) (?:\w{1,12} ){0,2}"),
    ("improper incorrect wrong careless", r"\s(?:use|usage|configuration|handling|implementation)\s(?:by|on|at|of)\s(?:you|your)\b"),
    ("you", r"\s(?:have\s|had\s|'ve\s)?(?:wrongly|incorrectly|mistakenly|accidentally|carelessly|foolishly|needlessly|improperly|stupidly)\b", r"\b(?:if|whether|in case|should) "),
    ("you", r"\s(?:must|might|may|probably|seem to|appear to)\s(?:have\s)?(?:done something|changed something|broken|set something|entered the wrong|made a mistake|deleted|mixed up)\b"),
    ("you", r"\s(?:set|did|do|configured|entered|used|implemented|called|are using|are doing|have set|have done|typed|copied)\s(?:\w{1,12}\s){0,3}(?:wrong|wrongly|incorrectly|badly|the wrong way)\b", r"\b(?:if|whether|in case) "),
    ("had", r"\syou\s(?:\w{1,12}ly\s|only\s|just\s)?(?:replied|read|told|followed|checked|done|listened|tested|looked|used|configured|answered|written|asked|sent|updated|reported|contacted|paid|rotated|renewed)\b"),
    ("misinformed misled misadvised misguided", r"(?:\s(?:you|us))?", r"\b(?:if|be|were|feel|felt) (?:you )?"),
    ("gave given told", r"\syou\s(?:\w{1,12}\s)?(?:the |an? )?(?:wrong|false|bad|incorrect|misleading|nonsense)\b(?:\s\w{2,12})?", r"\b(?:we|i|page|docs|documentation|email|e-mail) (?:have |had )?"),
    ("unreliable incapable clueless amateurish shoddy irresponsible ridiculous foolish ignorant dumb silly useless hopeless", "", r"\b(?:if|whether|is your network) "),
    ("botched bungled blundered fumbled slipped", r"(?:\sup)?\b", r"\b(?:we|i) "),
    ("need needs must should", r"\s(?:to\s)?(?:learn|be trained|get training|read the (?:docs|documentation|manual|guide))\b", r"\b(?:we|i) "),
    ("read", r"\sthe\s(?:docs|documentation|manual|guide|instructions)\s(?:first|properly|carefully|again|next time|more carefully)\b"),
    ("as per", r"\s(?:per\s)?my\s(?:last|previous|earlier)\b"),
    ("not", r"\s(?:our|my)\s(?:fault|problem|responsibility|job|concern|issue|business)\b"),
    ("on", r"\s(?:you|them)\b(?=[.,;!\n]|$)", r"\b(?:count|rely|depend|depends|based|call|called|wait|impact|effect|charge|charged|check|checking|focus) "),
    ("thanks", r"\sto\s(?:your|their)\s(?:\w{1,12}\s)?(?:developers?|engineers?|admins?|mistake|error|negligence|change)\b"),
    ("brought", r"\s(?:this|it)\son\s(?:yourself|yourselves)\b"),
    ("caused", r"\sby\s(?:your|a colleague's|our engineer's|their|the)\s(?:\w{1,12}\s)?(?:developers?|team|engineers?|mistake|negligence|carelessness|incompetence|admin|colleague|intern|ignorance|staff)\b"),
    ("nothing", r"\swe can do about\b"),
    ("someone somebody", r"\s(?:on|in|at|from)\s(?:your|our|their)\s(?:\w{1,10}\s)?(?:side|end|team|company)\s(?:has |have )?(?:messed|broke|forgot|screwed|must|did not|didn't|failed|made)\b"),
    ("pay", r"\s(?:more |better |closer )?attention\b", r"\b(?:we|will|i|to) ", r"\bwe (?:will )?pay"),
    ("next", r"\stime\s(?:please |just |you |be )", "", r"\bnext time (?:you (?:log|sign|open|call|send))"),
    ("responsible", r"\sfor\s(?:this|the)\s(?:\w{1,12}\s)?(?:mess|outage|error|problem|failure|damage|disaster|incident)\b"),
    ("badly poorly sloppily carelessly wrongly", r"\s(?:written|configured|implemented|designed|built|coded|tested|set up)\b", r"\b(?:if|whether) (?:\w{1,20} ){0,4}"),
    ("incompetent incompetence careless carelessness negligent negligence sloppy stupid lazy unprofessional", ""),
    ("dropped", r"\sthe ball\b"),
    ("wrong", r"\son your (?:side|end|part)\b", r"\b(?:nothing|not|anything) (?:is |was |were |has gone |went )?"),
    ("because since", r"\syou\s(?:ignored|forgot|didn't|did not|never|refused|neglected)\b"),
)  # fmt: skip
