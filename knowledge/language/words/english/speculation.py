"""Guesses."""

from __future__ import annotations

from typing import Final

from knowledge.language.findings import Kind
from knowledge.language.phrases import GUESS, SAY_KNOWN, phrases
from knowledge.language.words.english.context import ADVICE, IF

PHRASES: Final = phrases(
    Kind.SPECULATION, GUESS, SAY_KNOWN,
    ("probably presumably perhaps maybe apparently conceivably supposedly seemingly possibly potentially plausibly arguably allegedly", "",
     r"\b(?:where|if|as soon as|how) "),
    ("likely", "", r"(?:how|un|just as|as) |-", r"more likely to succeed"),
    ("unlikely", ""),
    ("most more very quite", r"\s(?:likely|probably)"),
    ("it this that there", r"\s(?:seems?|seemed|looks?|looked|appears?|appeared)(?:\s(?:that|like|as if|as though|to))", IF),
    ("seems seemed seem", r"\s(?:to|that|like|as)\b", IF),
    ("would", r"\s(?:seem|appear|imagine|guess|suspect|assume|suppose|venture)\b", IF + r"|\b(?:you|they) "),
    ("would", r"\s(?:expect|think|say)\b", r"\b(?:you|they|one) |\b(?:do|if|what) (?:\w{1,12} )?"),
    ("i we", r"(?:'d|\swould)\s(?:\w{1,12}ly\s)?(?:expect|think|say|bet|put it down)\b"),
    ("reckon reckons figure gather", r"\s(?:it|this|that|the|there|your|you|we|a)\b", r"\b(?:how|to|the|this|that|each|every|a) "),
    ("appears appeared", r"\sto\b", IF),
    ("looks looked look", r"\s(?:very |rather |quite )?(?:like|as if|as though)\s(?:it|this|that|there|your|you|we|our|they|some\w{0,5}|an? (?:problem|bug|issue|network|timeout|glitch|case)"
     r"|the (?:cause|problem|issue|reason))\b", IF + r"|\b(?:what|that|which|how|should|must|will|to)\s(?:it\s)?"),
    ("might", r"(?:\s(?:have|be|not|well|also|still|come|stem|relate|explain|cause|point|come))+", r"\b(?:you|we) ",
     r"\b(?:a|the) (?:lower|higher|shorter|longer|smaller|larger|different)\b.{0,20}\bmight|" + ADVICE),
    ("may", r"\s(?:be|have(?:\sbeen)?|well|stem|come)\b(?:\s(?:due|caused|related))?", r"\b(?:you|we|i|they|customers) ",
     ADVICE + r"|\b(?:each|every|per) \w{1,20} may be\b|\bmay be (?:used|sent|called|set|changed|up to)\b"),
    ("could", r"\s(?:be|have been)\s(?:that|due|related|caused|because|a (?:problem|bug|network|sign)|the (?:cause|reason|case)"
     r"|connected|linked|an? \w{1,20} (?:issue|problem))\b", IF),
    ("could", r"\s(?:stem|come|result)\sfrom"),
    ("i we", r"\s(?:\w{1,12}ly\s)?(?:think|believe|suspect|guess|assume|suppose|imagine|presume|have a (?:hunch|feeling))(?!\s(?:about|over))"
     , IF + r"|\b(?:what|how|do|did|so) "),
    ("i we", r"'d\s(?:guess|assume|say)"),
    ("my our", r"\s(?:guess|suspicion|hunch|assumption|best guess|theory)"),
    ("not", r"\s(?:entirely |quite |fully |completely |100 ?% )?(?:sure|certain)\b", r"\b(?:if you are|you are|you're|make) "),
    ("unsure", "", r"\b(?:if you are|you are|you're) "),
    ("should", r"\s(?:now\s)?be\s(?:now\s)?(?:solved|resolved|fixed|working|fine|gone|ok|okay|good|over|back to normal)\b", IF),
    ("must", r"\shave\sbeen\b"),
    ("chances odds", r"\sare\b"),
    ("looks looked look", r"\s(?:very |rather |quite )?as (?:if|though)\b", IF),
    ("gut", r"\s(?:feeling|instinct|says|tells)\b"),
    ("have had", r"\sa\s(?:\w{1,10}\s)?(?:feeling|hunch|suspicion|theory|inkling)\b"),
    ("my our", r"\s(?:best |educated |first |working |initial )?(?:guess|suspicion|hunch|assumption|theory|hypothesis|impression|feeling|money is|understanding is)\b"),
    ("educated wild", r"\sguess\b"),
    ("one another a the", r"\s(?:possible|potential|likely|plausible|probable|conceivable|suspected)\s(?:\w{1,12}\s)?(?:cause|reason|explanation|culprit|trigger|source)\b"),
    ("one another the", r"\s(?:only |other )?(?:explanation|reason|cause|possibility|theory|culprit)\s(?:would|could|might|may|that (?:comes|i))\b"),
    ("possible potential suspected", r"\s(?:cause|reason|explanation|culprit)s?\b", r"\b(?:other|all|every|the following|any) "),
    ("possibility", r"\s(?:is|that|would)\b"),
    ("it it's", r"(?:'s|\sis)\s(?:quite |very |also |entirely |well )?(?:possible|conceivable|plausible|thinkable) that\b", IF),
    ("in", r"\s(?:all (?:likelihood|probability)|theory|my opinion|our opinion)\b"),
    ("as", r"\sfar\sas\s(?:i|we)\s(?:can (?:tell|see|judge)|know|see|understand|am aware|are aware|recall|could tell)\b"),
    ("to", r"\s(?:the best of )?(?:my|our)\sknowledge\b"),
    ("from", r"\swhat\s(?:i|we)\s(?:can (?:tell|see|gather)|understand|gather|hear|heard)\b"),
    ("if", r"\s(?:i|we)(?:'m|'re|\sam|\sare)?\s(?:not mistaken|had to guess|remember (?:correctly|right|rightly)|recall correctly|understand (?:it )?correctly)\b"),
    ("unless", r"\s(?:i|we)(?:'m|'re|\sam|\sare)\smistaken\b"),
    ("some", r"\s(?:kind|sort)\sof\s(?:\w{1,12}\s)?(?:issue|problem|glitch|error|bug|hiccup|failure|mismatch|timeout)\b"),
    ("somehow", "", r"\b(?:if|whether) (?:\w{1,20} ){0,3}"),
    ("must", r"\sbe\s(?:an?\s\w{1,20}|some\w{0,5}|your|the)\s(?:issue|problem|error|bug|cause|reason|wrong|firewall|proxy|network|end|side)\b"),
    ("cannot can", r"(?:'t|not)?\s(?:be\s)?rule[d]? out\b"),
    ("ruled", r"\sout\b", r"\bhave "),
    ("hints hinted hint", r"\s(?:at|that)\b"),
    ("believed thought suspected assumed", r"\sto (?:be|have)\b"),
    ("assuming", r"\s(?:that|this|the|it|your)\b"),
    ("hard difficult", r"\sto (?:say|tell|know)\b"),
    ("no", r"\sidea\b"),
    ("theoretically hypothetically", ""),
    ("could can", r"\swell\s(?:be|have)\b"),
    ("could", r"\shave\s(?:been|come|caused|happened|triggered|led|gone|something)\b", IF),
    ("would", r"\s(?:explain|account for)\b", r"\bplease "),
    ("may might could", r"\s(?:explain|account for|be (?:to blame|behind|responsible|why|what|where))\b"),
    ("sounds", r"\slike"),
    ("suggests suggesting", r"\s(?:that|a)\b"),
)  # fmt: skip
