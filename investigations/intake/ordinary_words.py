"""Ordinary words one edit away from words that tickets are recognised by. They mean what they say."""

from __future__ import annotations

from typing import Final

ORDINARY: Final = frozenset(
    """abort aboard above abound abode around array arrow average averages bullying bill bills bowling boiling building filling
    calling carry change changed changes changing charger chargers charms clarify class clause clauses closed cover coverage
    currently current cure dairy day deliver delivered delivers delivery delivering detail device devices dispatch display event eventful
    events evening even evening's field find finding fine forever fund funds garbage hand handed handing hands handling hang hanged happen
    happening hour hourly hours house houses image images implement improve improved invoke invoked invokes involve involved large
    late later latent latest least left letting lifts light limb limp lined list live load loading local lock login logins loaded
    meeting mention merely method might minus minute mired misses missing money month mounting mourning movie moving need needed
    nightly notice number offer opening order orders other output over page pages parcel part past patent patience patient pavement
    paying performed performing perform permits pending placed plan plans please point policy post press presence present presents
    pretty prince principal printing print prints pricey price prices process product profile project promotion protection provide quite quiet quote
    quoted quotes quota rather rating ration react ready real really recap recent recently recipe recipes receive received refine refined
    refuse refused refunds reject rejected relate related remote repeat request requests respond responds response restore result results return
    returned returns right round running science second section seconds select send sender sense sensing series served server service
    services sign signal signals signed signature simple sine singe singing site slice slide slight slop slope slot slots slower slowly
    snow solution some song sort source speed spent stage standard starred stared start starter starts state stated states station status
    stay step still stop stopped stopping store stored stores strange subscribe subscriber subscribed such sundry supply support sure table
    tables take taken talking tax taxi taxis team test text than thank thanks that their them then there these they thing think this those though
    thought three through ticket tickets tight time timed timer times timing title toady together token tokens tool total tower track
    trace track trading traffic transfer transport trial tried trouble trying turn twice type under update updated updates upgrade upgraded
    usage usual user users using value values verify version view visit wait waiting want warehouse warning water website week weekly
    went were what when where which while white whole will window with within without wonder word words work worked worker workers
    working works world would write wrong year yearly years your yours outage overall overage versus inverse invite invites invited
    charming chance chances chanced pushing punt latch latches patience throat throttle hanger banging sale sales stable logging variation variations transition transitions
    authentic authenticity invoicing decline declines declining cash""".split()
)
