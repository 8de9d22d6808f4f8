"""Which currency a unit names: ISO 4217 codes, the symbols in use, and the common names of currencies.

A table of our own rather than a library: what is needed is not the list of codes but the words that statistical
offices write for them, and those no library carries.
"""

import re
from functools import lru_cache

LOCAL = "LCU"
"""The currency of a unit that is money of an unnamed country ("current LCU", "National currency")."""

# Code, then the adjectives of the country and the nouns of the currency, each with `/` between spellings.
# A noun that no other country uses may stand alone ("naira"); "rupee" needs its adjective.
_TABLE = """
AED uae/emirati dirham | AFN afghan afghani | ALL albanian lek/leke | AMD armenian dram | ANG antillean guilder
AOA angolan kwanza | ARS argentine/argentinian peso | AUD australian/aus dollar | AWG aruban florin
AZN azerbaijani/azeri manat | BAM bosnian mark | BBD barbadian/barbados dollar | BDT bangladeshi/bangladesh taka
BGN bulgarian lev/leva | BHD bahraini dinar | BIF burundian/burundi franc | BMD bermudian/bermuda dollar
BND brunei dollar | BOB bolivian boliviano | BRL brazilian real/reais | BSD bahamian dollar | BTN bhutanese ngultrum
BWP botswana pula | BYN belarusian rouble/ruble | BZD belize dollar | CAD canadian dollar | CDF congolese franc
CHF swiss franc | CLP chilean peso | CNY chinese yuan/renminbi | COP colombian peso | CRC costa-rican colon
CUP cuban peso | CVE cape-verdean/verdean escudo | CZK czech koruna/koruny/crown | DJF djiboutian/djibouti franc
DKK danish krone/kroner/crown | DOP dominican peso | DZD algerian dinar | EGP egyptian pound | ERN eritrean nakfa
ETB ethiopian birr | EUR - euro | FJD fijian/fiji dollar | FKP falkland pound | GBP british/uk/sterling pound
GEL georgian lari | GHS ghanaian/ghana cedi | GIP gibraltar pound | GMD gambian dalasi | GNF guinean franc
GTQ guatemalan quetzal | GYD guyanese/guyana dollar | HKD hong-kong dollar | HNL honduran lempira | HTG haitian gourde
HUF hungarian forint | IDR indonesian rupiah | ILS israeli shekel/sheqel/nis | INR indian rupee | IQD iraqi dinar
IRR iranian rial | ISK icelandic krona | JMD jamaican/jamaica dollar | JOD jordanian dinar | JPY japanese yen
KES kenyan/kenya shilling | KGS kyrgyz som | KHR cambodian riel | KMF comorian franc | KPW north-korean won
KRW korean/south-korean won | KWD kuwaiti dinar | KYD cayman dollar | KZT kazakh/kazakhstani tenge | LAK lao kip
LBP lebanese pound/lira | LKR sri-lankan/sri-lanka/lankan rupee | LRD liberian dollar | LSL lesotho loti/maloti
LYD libyan dinar | MAD moroccan dirham | MDL moldovan leu/lei | MGA malagasy ariary | MKD macedonian denar
MMK myanmar kyat | MNT mongolian tugrik/togrog | MOP macau/macanese pataca | MRU mauritanian ouguiya
MUR mauritian/mauritius rupee | MVR maldivian rufiyaa | MWK malawian/malawi kwacha | MXN mexican peso
MYR malaysian ringgit | MZN mozambican metical/meticais | NAD namibian/namibia dollar | NGN nigerian naira
NIO nicaraguan cordoba | NOK norwegian krone/kroner/crown | NPR nepalese/nepali/nepal rupee | NZD new-zealand dollar
OMR omani rial | PAB panamanian balboa | PEN peruvian sol/soles/nuevo-sol | PGK papua kina
PHP philippine/filipino peso | PKR pakistani/pakistan rupee | PLN polish zloty/zlotys | PYG paraguayan guarani
QAR qatari/qatar riyal/rial | RON romanian leu/lei | RSD serbian dinar | RUB russian rouble/ruble
RWF rwandan/rwanda franc | SAR saudi riyal/rial | SBD solomon dollar | SCR seychellois/seychelles rupee
SDG sudanese pound | SEK swedish krona/kronor/crown | SGD singapore/singaporean dollar | SHP saint-helena pound
SLE sierra-leonean leone | SLL - - | SOS somali shilling | SRD surinamese/suriname dollar | SSP south-sudanese pound
STN sao-tome dobra | SVC salvadoran colon | SYP syrian pound | SZL swazi lilangeni/emalangeni | THB thai baht
TJS tajik somoni | TMT turkmen manat | TND tunisian dinar | TOP tongan paanga | TRY turkish lira
TTD trinidad/trinidadian dollar | TWD taiwan/taiwanese dollar | TZS tanzanian/tanzania shilling
UAH ukrainian hryvnia | UGX ugandan/uganda shilling | USD us/u.s./united-states/american dollar | UYU uruguayan peso
UZS uzbek/uzbekistani sum/som | VES venezuelan bolivar/bolivares | VND vietnamese dong | VUV vanuatu vatu
WST samoan tala | XAF central-african franc | XCD east-caribbean/caribbean dollar | XDR - sdr | XOF west-african franc
XPF pacific/cfp franc | YER yemeni rial | ZAR south-african rand | ZMW zambian kwacha | ZWL zimbabwean/zimbabwe dollar
ZWG zimbabwean zig | CNH - - | CUC - - | BOV - - | CHE - - | CHW - - | CLF - - | COU - - | MXV - - | USN - - | UYI - -
UYW - - | VED - - | XAD - - | XCG - - | XSU - - | XUA - - | HRK croatian kuna | LTL lithuanian litas
LVL latvian lats | EEK estonian kroon | BYR - - | GHC - - | MRO - - | STD - - | VEF - - | ZMK - - | TRL - - | DEM - -
FRF - - | ITL - - | ESP - - | GRD - -
"""

# Nouns that are also words of another meaning, or of several currencies: they never stand alone.
_NEVER_ALONE = frozenset(
    re.findall(
        r"\w+",
        """real reais sol soles som sum won rand colon crown mark dollar pound peso franc rupee dinar dirham
        rial riyal lira krone kroner krona kronor koruna koruny shilling leu lei lev leva lek leke zig guilder
        florin manat kwacha kip kina tala rouble ruble lats sdr nis""",
    )
)
_ALONE = {
    "dollar": "USD", "won": "KRW", "rand": "ZAR", "reais": "BRL", "kip": "LAK", "lek": "ALL", "ruble": "RUB",
    "rouble": "RUB", "sdr": "XDR", "special drawing right": "XDR", "sterling": "GBP", "pound sterling": "GBP",
    "pounds sterling": "GBP", "pence": "GBP", "rmb": "CNY", "nis": "ILS", "kwacha": "ZMW", "cent": "USD",
    "us cent": "USD", "u.s. cent": "USD", "leva": "BGN",
}  # fmt: skip
_ALONE |= dict.fromkeys(("rupee", "peso", "franc", "shilling", "dinar", "riyal", "lira", "krone", "krona"), LOCAL)
_ALONE |= dict.fromkeys(
    ("lei", "leu", "soms", "cfa", "fcfa", "lcu", "local currency", "national currency", "domestic currency"), LOCAL
)
_ALONE |= dict.fromkeys(("local currency unit", "local currencies", "national currencies"), LOCAL)
# An international dollar buys what a US dollar buys in the United States; ISO 4217 has no code of its own for it.
_ALONE |= dict.fromkeys(("international dollar", "geary-khamis dollar", "ppp dollar"), "USD")
# The same for Eurostat's purchasing power standard: on average over the Union it buys what a euro buys.
_ALONE |= dict.fromkeys(("purchasing power standard", "pps"), "EUR")

_SYMBOLS = {
    "US$": "USD", "U.S.$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "NZ$": "NZD", "HK$": "HKD",
    "S$": "SGD", "NT$": "TWD", "R$": "BRL", "MX$": "MXN", "J$": "JMD", "TT$": "TTD", "N$": "NAD", "EC$": "XCD",
    "Z$": "ZWL", "B$": "BSD", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₦": "NGN", "₽": "RUB",
    "₩": "KRW", "₺": "TRY", "₴": "UAH", "₫": "VND", "₱": "PHP", "₪": "ILS", "₵": "GHS", "₡": "CRC", "฿": "THB",
    "₸": "KZT", "₾": "GEL", "₼": "AZN", "₭": "LAK", "₮": "MNT", "៛": "KHR", "৳": "BDT", "₲": "PYG", "zł": "PLN",
    "Kč": "CZK", "KSh": "KES", "Ksh": "KES", "Kshs": "KES", "Kshs.": "KES", "Tk": "BDT", "TSh": "TZS", "USh": "UGX",
    "GH¢": "GHS", "RM": "MYR", "Rp": "IDR", "Mex$": "MXN", "Shs": LOCAL, "Rs.": LOCAL, "Rs": LOCAL,
    "kr": LOCAL, "USX": "USD", "USd": "USD", "GBX": "GBP", "GBp": "GBP", "ZAc": "ZAR", "RUR": "RUB",
}  # fmt: skip

# Codes that are English words too: only a unit that is nothing but the code (and a scale) means the currency.
_WORDLIKE = frozenset(
    re.findall(r"\w+", "ALL TOP TRY CUP MOP GEL PEN RON MAD NAD SOS BAM COP LAK DOP BOB ANG STD STN MUR MGA")
)


def _entries() -> list[tuple[str, list[str], list[str]]]:
    rows = (cell.split() for line in _TABLE.strip().splitlines() for cell in line.split("|"))
    return [(code, adjectives.split("/"), nouns.split("/")) for code, adjectives, nouns in rows]


def _words() -> dict[str, str]:
    words = dict(_ALONE)
    for code, adjectives, nouns in _entries():
        for noun in (n.replace("-", " ") for n in nouns if n != "-"):
            if noun not in _NEVER_ALONE:
                words.setdefault(noun, code)
            for adjective in (a.replace("-", " ") for a in adjectives if a != "-"):
                words[f"{adjective} {noun}"] = code
    return words


CODES = frozenset(code for code, _, _ in _entries())
"""The codes of ISO 4217, and those of the currencies that long series still carry."""

_WORDS = _words()
_CODE = re.compile(r"(?<![A-Za-z$])([A-Z]{3}|[a-z]{3}|[A-Z][a-z]{2})(?=(?:mn?|bn?|tn|k)?(?![A-Za-z]))")
_SYMBOL = re.compile(
    "|".join(
        rf"(?<![A-Za-z]){re.escape(s)}" + (r"(?![A-Za-z])" if s[-1].isalpha() else "")
        for s in sorted(_SYMBOLS, key=len, reverse=True)
    )
)
_WORD = re.compile(
    r"(?<![a-z])(" + "|".join(re.escape(w) for w in sorted(_WORDS, key=len, reverse=True)) + r")(?:e?s)?(?![a-z])"
)
_SCALES = r"thousands?|mln|mn|millions?|bln|bn|billions?|trillions?"
_BARE_WORDLIKE = re.compile(
    rf"(?i:(?:current|constant|nominal|real|in|of|{_SCALES}|\d{{4}}|[,.\s()])*)(?P<code>[A-Z]{{3}})"
    rf"(?i:(?:{_SCALES}|per\b.*|/.*|[,.\s()])*)"
)


@lru_cache(maxsize=65_536)
def currency_in(text: str) -> str | None:
    """The first currency that `text` names, as an ISO 4217 code or `LCU`; None where it names none."""
    found: list[tuple[int, str]] = []
    for match in _CODE.finditer(text):
        code = match[1].upper()
        if code not in CODES:
            continue
        bare = _BARE_WORDLIKE.fullmatch(text) if code in _WORDLIKE else None
        if code not in _WORDLIKE or (bare and bare["code"] == code):
            found.append((match.start(), code))
            break
    if symbol := _SYMBOL.search(text):
        found.append((symbol.start(), _SYMBOLS[symbol[0]]))
    if word := _WORD.search(text.lower()):
        found.append((word.start(), _WORDS[word[1]]))
    # A currency that has a name says more than an unnamed one ("LCU, Kenyan shillings").
    return min(found, key=lambda f: (f[1] == LOCAL, f[0]))[1] if found else None
