"""German phrases that warn. `why` and `suggestion` are for the person who writes, in the language of the product."""

from __future__ import annotations

from typing import Final

from knowledge.language.findings import Kind
from knowledge.language.phrases import Phrase
from knowledge.language.words_en import (
    BLAMING,
    GUESS,
    INSIDE,
    NO_TIME,
    SAY_BOUNDS,
    SAY_EVENT,
    SAY_KNOWN,
    TOO_SURE,
)

_TIMED: Final = (
    r"\b\d{1,2}[:.]\d{2}\b|\b\d{1,2}\suhr\b|\b(?:bis|am|bis zum|bis spätestens)\s(?:heute|morgen|übermorgen|montag|dienstag|mittwoch"
    r"|donnerstag|freitag|samstag|sonntag|\d{1,2}\.)|\b(?:innerhalb|binnen)\s(?:von\s)?\w{2,10}\s(?:stunden?|tagen?|minuten?)"
    r"|\bin\s(?:einer|zwei|drei|\d{1,3})\s(?:stunden?|tagen?|minuten?)|\b(?:heute|morgen)\b"
)
_SAY_WHEN: Final = "Name the time of the next update, as in “Ich schreibe Ihnen heute bis 16:00 Uhr UTC”."


def _phrases(kind: Kind, why: str, suggestion: str, *rows: tuple[str, ...]) -> list[Phrase]:
    """Rows: first words, rest, before, unless. Missing ends are empty."""
    made = []
    for row in rows:
        firsts, rest, before, unless = (*row, "", "", "")[:4]
        made.append(Phrase(kind, tuple(firsts.split()), rest, why, suggestion, before, unless))
    return made


_WER: Final = r"(?:team|entwickler(?:in)?|kollege|kollegin|kollegen|mitarbeiter(?:in)?|dienstleister|anbieter|administrator|agentur)"
_PHRASES: Final = (
    *_phrases(
        Kind.SPECULATION, GUESS, SAY_KNOWN,
        ("vermutlich wahrscheinlich möglicherweise womöglich eventuell vielleicht anscheinend scheinbar offenbar höchstwahrscheinlich mutmaßlich wohl", "", r"\b(?:ob|sowie|sehr|fühlen sie sich) "),
        ("unwahrscheinlich", ""),
        ("es das", r"\s(?:scheint|sieht (?:so|danach) aus|könnte (?:sein|daran liegen)|kann (?:gut )?sein, dass|dürfte)\b", r"\b(?:wenn|falls) "),
        ("scheint scheinen", r"(?=[\s,])", r"\b(?:wenn|falls)\s(?:\w{1,20}\s){0,4}"),
        ("könnte könnten dürfte dürften", r"\s(?:\w{1,20}\s){0,5}(?:liegen|sein|zusammenhängen|verursacht|kommen|stammen)\b", r"\b(?:sie|wir) "),
        ("ich wir", r"\s(?:glaube|glauben|vermute|vermuten|denke|denken|nehme an|nehmen an|gehe davon aus|gehen davon aus|schätze|schätzen)\b"),
        ("glaube vermute vermuten glauben", r"\s(?:ich|wir)\b"),
        ("nicht", r"\s(?:ganz )?sicher\b", r"\b(?:sie sind|sie sich) "),
        ("sollte sollten", r"\s(?:jetzt|nun|wieder)\s(?:\w{1,20}\s){0,3}(?:funktionieren|behoben|gehen|laufen)\b"),
    ),
    *_phrases(
        Kind.VAGUE_PROMISE, NO_TIME, _SAY_WHEN,
        ("bald baldmöglichst demnächst zeitnah schnellstmöglich umgehend kurzfristig baldigst", "", r"\b(?:so|sobald|bitte) ", r"\b(?:bitte|bitten sie)\b"),
        ("in", r"\s(?:kürze|absehbarer zeit|naher zukunft|den (?:nächsten|kommenden) (?:tagen|wochen|stunden)|einem künftigen release)\b"),
        ("so", r"\s(?:schnell|bald|rasch|früh)\s(?:wie|als)\s(?:möglich|es geht|wir können)\b", "", r"\bbitte\b"),
        ("wir ich", r"\s(?:arbeiten|arbeite|sind|bin|kümmern|kümmere|untersuchen|untersuche|prüfen|prüfe)\s(?:uns |mich )?(?:\w{1,20}\s){0,3}(?:daran|dran|an einer (?:lösung|behebung)|mit hochdruck|darum|das problem|die sache|den fehler|das|hochdruck)\b", "", _TIMED),
        ("arbeiten arbeite", r"\s(?:(?:wir|ich)\s)?(?:\w{1,20}\s){0,2}(?:mit hochdruck|daran|an einer (?:lösung|behebung))\b", "", _TIMED),
        ("wir ich", r"\s(?:melden|melde|kommen|komme|halten|halte)\s(?:uns|mich|sie|auf sie)\s?(?:wieder|bei ihnen|auf dem laufenden|zurück|zu)?\b", "", _TIMED + r"|\bin kürze\b|\bsobald\b|\bbald\b|\bzeitnah\b"),
        ("hoffentlich", ""),
        ("wir ich", r"\s(?:hoffen|hoffe|bemühen|bemühe|versuchen|versuche)\b", "", _TIMED),
        ("irgendwann", ""),
        ("tun", r"\sunser bestes\b"),
    ),
    *_phrases(
        Kind.BLAME, BLAMING, SAY_EVENT,
        ("sie", r"\shätten\b", r"\b(?:wenn|falls) ", r"\bhätten sie (?:gern|lieber)"),
        ("sie", r"\shaben\s(?:\w{1,20}\s){0,5}(?:vergessen|versäumt|ignoriert|falsch (?:konfiguriert|eingerichtet|gemacht)|übersehen|verursacht|missachtet|kaputt ?gemacht)\b", r"\b(?:wenn|falls) ", r"\bnichts falsch"),
        ("hätten", r"\ssie\s(?:\w{1,20}\s){0,5}(?:gelesen|befolgt|geprüft|beachtet)\b"),
        ("ihr ihre ihrem sein seine", r"\s(?:eigener |eigene |eigenes )?(?:fehler|schuld|verschulden|versäumnis|versagen|nachlässigkeit)\b", r"\bnicht "),
        ("ihr unser ein eine der die das ihre unsere", r"\s(?:\w{1,20}\s)?" + _WER + r"\s(?:hat|haben)\s(?:\w{1,20}\s){0,5}(?:vergessen|versagt|verursacht|versäumt|falsch gemacht|einen fehler gemacht|ignoriert)\b"),
        ("hat haben", r"\s(?:vergessen|versagt|versäumt|geschlampt)\b", r"\b(?:wenn|falls)\s(?:\w{1,20}\s){0,4}"),
        ("versagt geschlampt gepfuscht", "", "", r"\bversagt (?:den|die|das) "),
        ("schuld", "", r"\b(?:keine|nicht|nicht ihre) "),
        ("anwenderfehler benutzerfehler bedienungsfehler bedienfehler", ""),
        ("wie", r"\s(?:ich|wir)\s(?:ihnen\s)?(?:bereits|schon)\s\w{2,20}\b"),
        ("wie", r"\s(?:bereits|schon)\s(?:mehrfach|mehrmals)\b"),
        ("falsch", r"\s(?:konfiguriert|eingerichtet|programmiert|bedient)\b", r"\b(?:wenn|falls|ob)\s(?:\w{1,20}\s){0,5}"),
        ("im", r"\sstich gelassen\b"),
    ),
    *_phrases(
        Kind.ABSOLUTE, TOO_SURE, SAY_BOUNDS,
        ("immer", "", r"\b(?:wie|noch|weiterhin|schon|empfehlen|empfehle|können sie uns|können sie mich) ", r"\bimmer (?:wenn|dann|mehr|noch|wieder|als|in utc|eine? (?:zahl|text|zeichenkette))\b|\bwie immer\b|\bnoch immer\b|\bempfehlen\b"),
        ("nie niemals", r"\s(?:wieder|mehr)\b"),
        ("niemals nie", "", r"\b(?:wurde|wurden|hat|haben|war) |^\W*", r"\b(?:wurde|wurden|noch) (?:\w{1,20} )?nie\b"),
        ("garantiert garantieren garantie", "", r"\b(?:nicht|keine|ohne) ", r"\bnicht garantiert\b|\bkeine garantie\b"),
        ("100", r"\s?%(?:ig)?", "", r"\b(?:der|ihrer|ihres|aller|von|kontingent|limit|verbraucht|zwischen)\b"),
        ("hundertprozentig unmöglich ausgeschlossen", "", r"\b(?:nicht|fast) ", r"\bvom .{0,30}ausgeschlossen\b"),
        ("absolut völlig vollkommen", r"\s(?:sicher|kein|keine|ausgeschlossen|zuverlässig|unmöglich|behoben)\b"),
        ("ein", r"\sfür alle ?mal\b"),
        ("endgültig dauerhaft", r"\s(?:behoben|gelöst|beseitigt|erledigt)\b"),
        ("ohne", r"\s(?:jeden |jeglichen )?zweifel\b"),
        ("zweifellos definitiv", ""),
        ("unter", r"\skeinen umständen\b"),
        ("kein keine", r"\s(?:risiko|ausfallzeit|datenverlust)\b", r"\b(?:gab es|war|gab) "),
        ("auf", r"\s(?:jeden|keinen) fall\b"),
    ),
)  # fmt: skip


def _jargon(*rows: tuple[str, ...]) -> list[Phrase]:
    """Rows: first words, rest, plain words, unless."""
    return [
        Phrase(Kind.JARGON, tuple(row[0].split()), row[1], INSIDE, f"Say “{row[2]}”.", "", (*row, "")[3]) for row in rows
    ]


_JARGON: Final = _jargon(
    ("p50 p75 p90 p95 p99", "", "die langsamsten Anfragen"),
    ("perzentil perzentile", "", "die langsamsten von 100 Anfragen"),
    ("rollback rollbacks zurückgerollt", "", "wir sind zur Version davor zurückgekehrt"),
    ("hotfix hotfixes hotfixe bugfix", "", "eine Korrektur"),
    ("pod pods kubernetes k8s", "", "einer unserer Server"),
    ("span spans", "", "ein Schritt Ihrer Anfrage"),
    ("2xx 4xx 5xx", "", "eine Antwort mit Erfolg, eine Ablehnung, ein Fehler auf unserer Seite"),
    ("idempotency", r"[ -]keys?\b", "derselbe Schlüssel bei jeder Wiederholung"),
    ("idempotent idempotenz idempotenzschlüssel", "", "ohne Schaden zweimal zu senden"),
    ("shard shards replica replicas replikat replikate", "", "ein Teil oder eine Kopie der Datenbank"),
    ("failover", "", "die Umschaltung auf unser zweites System"),
    ("backfill", "", "wir tragen die fehlenden Daten nach"),
    ("circuit", r"[ -]breaker\b", "eine Sicherung, die Aufrufe eine Weile anhält"),
    ("connection", r"[ -]pool\b", "die Zahl der gleichzeitigen Verbindungen"),
    ("race", r"[ -]condition\b", "zwei Vorgänge, die sich in die Quere kamen"),
    ("deadlock deadlocks", "", "zwei Vorgänge, die aufeinander warteten"),
    ("dead", r"[ -]letter[ -]queue\b", "der Ort, an dem unzustellbare Ereignisse liegen"),
    ("upstream downstream ingress", "", "ein System, von dem unseres abhängt"),
    ("kafka redis postgres rabbitmq", "", "unsere Warteschlange oder Datenbank", r"\bihr(?:e|en|em)? (?:kafka|redis|postgres)"),
    ("feature", r"[ -]?flags?\b", "eine Einstellung Ihres Kontos auf unserer Seite"),
    ("rca postmortem", "", "ein Bericht über die Ursache"),
    ("post", r"[ -]mortem\b", "ein Bericht über die Ursache"),
    ("regression throughput durchsatz oom slo ttl", "", "ein Wort, das ohne Fachwissen verständlich ist"),
)
PHRASES: Final = (*_PHRASES, *_JARGON)
