"""Mail providers for everybody: their domains name no company."""

from __future__ import annotations

from typing import Final

#: Mail providers whose domain says nothing about the company.
FREE_MAIL: Final = frozenset(
    """gmail.com googlemail.com outlook.com outlook.de hotmail.com hotmail.co.uk hotmail.fr live.com msn.com yahoo.com yahoo.co.uk yahoo.fr
    yahoo.de ymail.com icloud.com me.com mac.com aol.com gmx.de gmx.net gmx.com gmx.at gmx.ch web.de t-online.de freenet.de mail.com
    mail.ru yandex.ru yandex.com proton.me protonmail.com pm.me tutanota.com tuta.io fastmail.com hey.com zoho.com zohomail.com qq.com 163.com
    126.com sina.com naver.com daum.net orange.fr free.fr wanadoo.fr laposte.net libero.it virgilio.it comcast.net verizon.net att.net
    btinternet.com bigpond.com uol.com.br bol.com.br rediffmail.com posteo.de mailbox.org hushmail.com duck.com""".split()
)
