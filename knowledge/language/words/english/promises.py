"""Promises without a time."""

from __future__ import annotations

from typing import Final

from knowledge.language.findings import Kind
from knowledge.language.phrases import NO_TIME, SAY_WHEN, phrases
from knowledge.language.words.english.context import TIMED

PHRASES: Final = phrases(
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
    ("when once as until", r"\s(?:soon as\s)?(?:i|we|they)(?:'ve|\shave)?\s(?:have|has|got|know|hear|heard|learn|get|find out|receive)?\s?(?:more|news|further|an update|an answer|something|anything|new information|details)\b",
     "", TIMED + r"|\b(?:please|could you|can you)\b"),
    ("when once as", r"\s(?:soon as\s)?(?:there\s(?:is|are)|there's)\s(?:\w{1,12}\s)?(?:news|updates?|progress|information|anything)\b", "", TIMED),
    ("when if once", r"\s(?:i|we|they|he|she)\s(?:find|finds|have|has|get|gets)\s(?:\w{1,8}\s)?(?:time|chance|opportunity|moment|capacity)\b"),
    ("time", r"\s(?:permits|permitting|allows|allowing)\b"),
    ("in for with", r"\s(?:our|the|one of the|an?|some)\s(?:current|next|upcoming|coming|following|future|later|subsequent)\s(?:\w{1,12}\s)?(?:sprints?|releases?|iterations?|cycles?|quarters?|versions?|updates?|months?|weeks?|days)\b",
     r"\b(?:was|were|is|are) (?:included |due |listed |charged |billed )?", TIMED + r"|\binvoice|\bnext (?:billing|payment)|\b(?:version|release) \d"),
    ("conversations discussions talks", r"\sare\s(?:taking place|ongoing|under ?way|happening|being held)\b"),
    ("should", r"\s(?:soon |hopefully |then )?(?:be able to|get (?:it|this|to it)|have (?:it|this|a fix|news|more|an answer))\b", r"\b(?:you|clients?|customers?|users?|they) ", TIMED),
    ("not", r"\s(?:too|so|very) distant future\b"),
    ("not won", r"(?:'t)?\s(?:be|take)\s(?:too |very |much )?(?:long|longer)\b", "", TIMED),
    ("before", r"\s(?:too )?long\b"),
    ("any", r"\s(?:moment|minute|day|time|second|hour)\s(?:now|soon)\b"),
    ("leave", r"\s(?:it|this|that)\s(?:with|to)\s(?:us|me)\b"),
    ("on", r"\s(?:its|the) way\b", r"\b(?:card|parcel|letter|hardware|device) (?:is )?", TIMED + r"|\b(?:lost|dropped|e-?mail|refund)\b"),
    ("under", r"\s?way\b", "", TIMED + r"|\b(?:was|were)\b"),
    ("underway", "", "", TIMED + r"|\b(?:was|were)\b"),
    ("in", r"\s(?:the works|the pipeline|hand|good hands|progress|the making)\b", r"\b(?:been|arrived|sent|delivered|received|paid|just|requests?|calls?|transactions?|jobs?) ", TIMED),
    ("on", r"\s(?:our|the|their)\s(?:road ?map|radar|list|agenda|backlog|to-?do list)\b", "", r"\b(?:allow|block|deny|customer|price) ?list|\blist of\b"),
    ("highest top high utmost", r"\s(?:\w{1,10}\s)?(?:priority|urgency|importance)\b", "", TIMED + r"|\b(?:queue|field|plan|level|support)\b"),
    ("on", r"\s(?:top of|it)\b(?:\s(?:it|this|that|things|everything))?", r"\b(?:based|depends?|depending|click|clicks|works?|working|built|hover|tap|rely|relies|relying|looks?|more|later) ", TIMED + r"|\bon top of (?:your|the|that plan|a)\b|\bon it(?:s)? (?:own|\w{2,20}s\b)"),
    ("momentarily imminently promptly swiftly speedily expeditiously", "", "", r"\b(?:was|were|had|has)\b"),
    ("down", r"\sthe\s(?:line|road|track)\b"),
    ("later", r"\son\b", "", TIMED + r"|\b(?:was|were|had|you can|if you)\b"),
    ("keep keeping", r"\s(?:an|a close|our) eyes? on\b", "", r"\b(?:please|you)\b"),
    ("keep continue continuing", r"\s(?:to |on )?(?:monitor|monitoring|investigate|investigating|watch|watching|work|working|look|looking)\b(?:\s(?:closely|it|this|the situation|on it|on this|into it|into this))?", r"\b(?:please|you|to) ", TIMED),
    ("monitoring", r"\s(?:it|this|the situation|the matter|things|closely|everything)\b", "", TIMED),
    ("we i they he she team engineers developers colleagues", r"(?:'ll|\swill)\s(?:\w{1,12}\s)?(?:fix|resolve|solve|repair|address|improve|investigate|look|check|review|sort|deal|handle|try|see what|do everything|do what|take a|have a look|work|discuss|consider|prioriti[sz]e|escalate|chase|push)\b(?:\s(?:it|this|that|into|at|to|out|with))?",
     "", TIMED + r"|\b(?:if you|once you|as soon as you|when you|after you)\b|\bprioriti[sz]e (?:the|your) (?:events|requests|calls)\b"),
    ("will", r"\s(?:\w{1,12}\s)?be\s(?:\w{1,12}\s)?(?:fixed|resolved|solved|sorted|addressed|repaired|released|shipped|available|rolled out|corrected|improved|back to normal|investigated|looked (?:at|into)|taken care of|dealt with|done|ready)\b",
     "", TIMED + r"|\b(?:if|once|when|after|as soon as|version|release) (?:you|your|the|\d)"),
    ("is are", r"\s(?:still\s|now\s|currently\s|already\s)?being\s(?:worked|looked|investigated|treated|handled|dealt|taken care|prioriti[sz]ed|addressed|reviewed|discussed|fixed|analy[sz]ed|checked|escalated)\b(?:\s(?:on|at|into|with|of))?", "", TIMED),
    ("around", r"\sthe clock\b"),
    ("as", r"\s(?:fast|quickly|swiftly|promptly) as (?:we|they|he|she|i)\b", "", r"\bplease\b"),
    ("work working works", r"\s(?:tirelessly|flat out|hard|diligently|closely|urgently)\b", "", TIMED),
    ("we'll we", r"(?:'ll|\swill)\s(?:see|find) (?:what|a way|out)\b", "", TIMED),
    ("ball", r"\s(?:is )?(?:now|rolling)\b"),
    ("watch", r"\sthis space\b"),
    ("hang", r"\s(?:in there|tight|on)\b", r"\b(?:to|may|can|would|requests?|calls?) "),
    ("more", r"\s(?:news|details|information|updates?)\s(?:will|to|is|are)\s(?:follow|come|coming)\b", "", TIMED),
    ("quick", r"\s(?:fix|solution|resolution)\b", r"\b(?:a|your|the) "),
    ("urgently", "", r"\b(?:you|please) "),
    ("we i", r"\s(?:hope|aim|try|plan|intend|expect)\s(?:to|that (?:we|this|it))\b", "", TIMED + r"|\bin the near future\b|\bat some point\b|\bhope (?:that )?this helps\b"),
    ("stay", r"\stuned\b"),
    ("bear", r"\swith us\b", "", TIMED),
    ("sooner", r"\srather than later\b"),
    ("high", r"\s(?:on our list|priority for us)\b", "", TIMED),
    ("do", r"\s(?:our|my) best\b", "", TIMED),
)  # fmt: skip
