"""What people call a table or a column: the words of its name, spelled out."""

import re

from ....sql.name_words import words
from .nouns import COLLECTIVE, UNCOUNTABLE_ENDS, plural, singular_noun

SPELLED = {
    "comm": "commission", "bdate": "birth date", "enr": "enrollment",
    "fname": "first name", "lname": "last name", "firstname": "first name", "lastname": "last name",
    "forename": "first name", "surname": "last name", "num": "number", "no": "number", "nbr": "number", "amt": "amount",
    "qty": "quantity", "desc": "description", "descr": "description", "dob": "date of birth", "yr": "year",
    "avg": "average",
    "max": "maximum", "min": "minimum", "addr": "address", "tel": "phone number", "cust": "customer", "emp": "employee",
    "prod": "product", "loc": "location", "nat": "nationality", "pct": "percentage", "wt": "weight", "ht": "height",
    "dept": "department", "mgr": "manager", "sal": "salary", "stu": "student", "prof": "professor", "inv": "invoice",
    "acct": "account", "hometown": "home town", "birthdate": "birth date", "birthday": "birth date",
    "birthplace": "birth place",
    "hiredate": "hire date", "dname": "name", "cname": "name", "sname": "name", "pname": "name", "tname": "name",
    "ename": "name", "lang": "language", "cat": "category", "temp": "temperature", "dur": "duration",
    "org": "organization",
    "reg": "registration", "mfr": "manufacturer", "dist": "distance", "pop": "population", "len": "length",
    "cap": "capacity",
    "id": "id", "isbn": "ISBN", "gpa": "GPA", "hp": "horsepower", "mpg": "miles per gallon", "supp": "supplier",
    "ord": "order", "apt": "apartment", "bldg": "building", "vol": "volume", "ref": "reference", "cd": "code",
    "dt": "date", "exp": "experience", "insp": "inspection", "lic": "license", "veh": "vehicle", "pat": "patient",
    "doc": "document", "proj": "project", "grp": "group", "pos": "position", "postcode": "postal code",
    "zipcode": "zip code",
    "zip": "zip code", "phonenumber": "phone number", "mem": "member", "pts": "points", "std": "standard",
    "km": "kilometers",
    "kg": "kilograms", "min_": "minutes", "usd": "dollars", "sqm": "square meters", "sqft": "square feet",
    "ha": "hectares",
    "crs": "course", "msg": "message", "pmt": "payment", "txn": "transaction", "trans": "transaction",
    "wh": "warehouse",
    "whse": "warehouse", "arr": "arrival", "dep": "departure", "svc": "service", "maint": "maintenance",
    "tot": "total", "cred": "credits", "vat": "VAT", "src": "source", "dst": "destination",
    "iata": "IATA code", "icao": "ICAO code", "url": "URL", "ssn": "SSN",
    "bal": "balance", "inst": "institution", "init": "initial", "appt": "appointment", "hrs": "hours",
    "mins": "minutes", "secs": "seconds", "yrs": "years", "seq": "sequence", "dest": "destination", "oth": "other",
    "cnt": "count", "nm": "name", "univ": "university", "govt": "government", "mgmt": "management", "freq": "frequency",
    "lvl": "level", "ctry": "country", "prev": "previous", "curr": "current", "orig": "original", "gdp": "GDP",
    "tv": "TV",
    "instr": "instructor", "assn": "association", "cert": "certificate", "info": "information",
    "equip": "equipment", "lat": "latitude", "lng": "longitude", "lon": "longitude", "long": "longitude",
    "alt": "altitude", "abbrev": "abbreviation", "abbr": "abbreviation", "img": "image", "pic": "picture",
}  # fmt: skip
ABBREVIATED_TABLES = {
    "dept": "department",
    "emp": "employee",
    "doc": "document",
    "cat": "category",
    "dep": "department",
}
EMPTY_WORDS = frozenset(
    """
    tbl table ref list info information records record data tb details lookup master mst dim fact all
    """.split()
)
UNSPEAKABLE_STARTS = frozenset(["has", "is", "was", "takes", "belongs", "prefers", "likes", "uses"])
PEOPLE = frozenset(
    """
    person student teacher singer artist player employee customer client patient doctor physician nurse author
    writer actor director manager driver pilot passenger member guest host coach judge professor instructor
    candidate volunteer donor visitor tourist tenant owner agent user staff friend child worker engineer scientist
    swimmer wrestler climber gymnast musician composer conductor editor reviewer chef farmer inspector officer
    soldier captain sailor lawyer investor entrepreneur architect trainer trainee borrower reader subscriber keeper
    curator vet veterinarian breeder applicant resident rider runner skater cyclist athlete referee umpire dentist
    therapist technician mechanic supplier seller buyer advisor faculty journalist reporter people speaker attendee
    parent councillor librarian guide rider astronaut performer dancer
    """.split()
)


KEPT_PLURALS = frozenset(
    """
    sales goods sports arts savings systems news species series headquarters operations logistics claims communications
    resources rights human_resources mathematics physics economics politics statistics electronics
    """.split()
)
"""First words of a compound that stay in the plural: a sales person, but a customer card."""


def table_words(name: str) -> list[str]:
    """Split a table's name into the words that mean something, lower case."""
    parts = [word for word in words(name) if not word.isdigit()] or words(name) or [name.lower()]
    kept = [word for word in parts if word not in EMPTY_WORDS] or parts
    kept = [ABBREVIATED_TABLES.get(word) or SPELLED.get(word, word) for word in kept]
    return " ".join(kept).split()


def table_nouns(name: str, siblings: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Say what one row of a table is called, the fullest name first.

    `siblings` are words that most tables of the schema start with, such as a common prefix; they are dropped.

    >>> table_nouns("tbl_EmpProjects"), table_nouns("Cities")
    (('employee project',), ('city',))
    """
    parts = table_words(name)
    if len(parts) > 1 and parts[0] in siblings:
        parts = parts[1:]
    first = [word if word in KEPT_PLURALS | set(COLLECTIVE) else singular_noun(word) for word in parts[:-1]]
    return (" ".join([*first, singular_noun(parts[-1])]),)


def speakable(name: str) -> bool:
    """Tell whether the table's name can stand for a thing in a sentence: `has_pet` and `member_of` cannot."""
    parts = words(name)
    return bool(parts) and not (
        parts[-1] in UNCOUNTABLE_ENDS
        or parts[0] in UNSPEAKABLE_STARTS
        or any(word in UNCOUNTABLE_ENDS for word in parts[1:])
        or len(parts) > 4
    )


def is_person(noun: str) -> bool:
    """Tell whether a row with this noun is a person.

    >>> is_person("staff member"), is_person("hotel")
    (True, False)
    """
    return noun.split()[-1] in PEOPLE


def is_noun(phrase: str) -> bool:
    """Tell whether the words of a column can stand behind `the`: `took office` and `most popular in` cannot.

    >>> [is_noun(phrase) for phrase in ("name", "took office", "most popular in", "genre is", "date of birth")]
    [True, False, False, False, True]
    """
    first, *rest = phrase.split() or [""]
    return not (rest and (first in NOT_FIRST or rest[-1] in NOT_LAST))


AFTER_LETTER = frozenset("name phone code type title location address id".split())
"""What a column is called behind the first letter of its table."""
NOT_FIRST = frozenset(
    "since from until took left in on at was were did does became can how what when where why who".split()
)
NOT_LAST = frozenset("in by is of to on at with for and or the a as was".split())
BARE = frozenset("average maximum minimum highest lowest total mean median first last".split())
"""Columns of which the name is only an adjective."""


def column_nouns(column: str, table: str) -> tuple[str, ...]:
    """Say what a column is called: without the table's own words first, then in full; each spelled out.

    >>> column_nouns("cust_fname", "customers"), column_nouns("singerName", "Singer"), column_nouns("dept_no", "emp")
    (('first name', 'customer first name'), ('name', 'singer name'), ('department number',))
    """
    parts = words(column) or [column.lower()]
    own = {singular_noun(word) for word in table_words(table)}
    if len(parts) > 1 and len(parts[0]) == 1 and any(word.startswith(parts[0]) for word in own):
        parts = parts[1:]  # eName of emp
    elif len(parts) == 1 and parts[0][1:] in AFTER_LETTER and any(word.startswith(parts[0][0]) for word in own):
        parts = [parts[0][1:]]  # dphone of department
    spelled = [SPELLED.get(word, word) for word in parts]
    full = _tidy(" ".join(spelled))
    short = list(spelled)
    while len(short) > 1 and singular_noun(short[0]) in own:
        short = short[1:]
    brief = _tidy(" ".join(short))
    if brief == "number":  # `the number of the games` would ask for a count
        brief = full if full != "number" else f"{table_nouns(table)[0]} number"
        return (brief,)
    if re.fullmatch(r"[a-z] id", brief):
        return ("id", full)
    if brief in BARE:
        return (f"{brief} value",)
    return (brief,) if brief == full else (brief, full)


UNITS = {
    "kilograms": "kilograms", "kilometers": "kilometers", "cm": "centimeters", "mm": "millimeters",
    "mw": "megawatts", "m": "meters",
    "millions": "millions", "million": "millions", "billion": "billions", "billions": "billions",
    "thousand": "thousands", "thousands": "thousands", "knots": "knots", "tonnes": "tonnes", "mg": "milligrams",
    "hectares": "hectares", "dollars": "dollars",
    "minutes": "minutes", "kb": "kilobytes", "mb": "megabytes", "gb": "gigabytes", "f": "degrees Fahrenheit",
    "miles": "miles", "inches": "inches",
    "feet": "feet", "mph": "mph", "seconds": "seconds", "milliseconds": "milliseconds", "bytes": "bytes",
}  # fmt: skip


DOERS = {
    "directed": "director", "written": "writer", "produced": "producer", "created": "creator", "composed": "composer",
    "painted": "painter", "published": "publisher", "owned": "owner", "managed": "manager", "designed": "designer",
    "built": "builder", "made": "maker", "reviewed": "reviewer", "reported": "reporter", "taught": "teacher",
    "hosted": "host", "sold": "seller", "authored": "author", "edited": "editor", "developed": "developer",
    "manufactured": "manufacturer", "distributed": "distributor", "approved": "approver", "sponsored": "sponsor",
}  # fmt: skip
"""Who did it: `directed_by` is the director."""
LENGTHS = {
    "milliseconds": "length in milliseconds", "bytes": "size in bytes", "sqft": "area in square feet",
}  # fmt: skip
"""What a column that is only called by its unit measures."""


def _tidy(phrase: str) -> str:
    """Repeats, `is_`, trailing units and the like, as people say them."""
    phrase = re.sub(r"\b(\w+) \1\b", r"\1", phrase)
    phrase = re.sub(r" (yn|mf|mfu|y n|m f)$", "", phrase)
    phrase = re.sub(r"^(is|has) (?=\w)", "", phrase)
    phrase = re.sub(r"^years (experience|service|practice)$", r"years of \1", phrase)
    phrase = re.sub(r"^(?:num|number) (?!of\b)(\w+s)$", r"number of \1", phrase)
    phrase = re.sub(r"\b(phone|fax)$", r"\1 number", phrase)
    phrase = re.sub(r"^(start|end) minimum$", r"\1 minute", phrase)
    phrase = re.sub(r"^(start|end) hr$", r"\1 hour", phrase)
    phrase = phrase.replace("number of audience", "audience size").replace("number of attendance", "attendance")
    phrase = phrase.replace("zip code postal code", "postal code")
    phrase = re.sub(r"^amount (\w+)(?<!ed)(?<!paid)(?<!spent)(?<!due)$", r"\1 amount", phrase)
    phrase = re.sub(r"^(\w+) by$", lambda match: DOERS.get(match[1], match[0]), phrase)
    phrase = phrase.replace("mi b", "MiB").replace("wi fi", "Wi-Fi")
    phrase = re.sub(r"^in stock$", "number in stock", phrase)
    phrase = re.sub(r"^number of ([\w ]+)$", lambda match: f"number of {plural(match[1])}", phrase)
    phrase = re.sub(r"^acc (?=balance|type|number|name|id\b)", "account ", phrase)
    phrase = re.sub(r" (km|kilometers) 2$", " in square kilometers", phrase)
    phrase = re.sub(r"^how to (?=\w)", "way to ", phrase)
    phrase = re.sub(r"^state province$", "state or province", phrase)
    phrase = LENGTHS.get(phrase, phrase)
    phrase = phrase.replace(" sq kilometers", " in square kilometers")
    *first, last = phrase.split(" ")
    if (
        first
        and last in UNITS
        and first[-1] not in ("number", "of", "total", "stop", "prep", "in", "average", "square")
    ):
        return " ".join([*first, "in", UNITS[last]])
    return phrase


HAPPENED = {
    "released": "release", "founded": "founding", "opened": "opening", "published": "publication", "joined": "joining",
    "hired": "hiring", "planted": "planting", "enrolled": "enrollment", "installed": "installation", "issued": "issue",
    "borrowed": "borrowing", "returned": "return", "submitted": "submission", "reported": "report",
    "formed": "formation",
    "established": "establishment", "completed": "completion", "bought": "purchase", "purchased": "purchase",
    "sold": "sale",
    "graduated": "graduation", "elected": "election", "admitted": "admission", "seen": "sighting",
    "attended": "attendance",
    "donated": "donation", "shipped": "shipping", "started": "start", "signed": "signing", "built": "construction",
    "born": "birth", "launched": "launch", "played": "playing", "acquired": "acquisition", "aired": "air",
    "painted": "painting",
    "placed": "placement", "settled": "settlement", "written": "writing",
    "modified": "modification", "updated": "update",
    "registered": "registration",
    "added": "addition", "delivered": "delivery", "cancelled": "cancellation", "canceled": "cancellation",
    "received": "receipt", "approved": "approval", "resigned": "resignation", "expired": "expiry",
    "created": "creation", "climbed": "climbing", "closed": "closing", "ordered": "order", "paid": "payment",
}  # fmt: skip


def moment_nouns(phrase: str, unit: str) -> str:
    """Name a column of time as a noun; `unit` is year or date.

    >>> moment_nouns("opened on", "date"), moment_nouns("founded", "year"), moment_nouns("year built", "year")
    ('opening date', 'founding year', 'year built')
    >>> moment_nouns("date order placed", "date"), moment_nouns("date valid from", "date")
    ('order placement date', 'valid-from date')
    """
    if between := re.fullmatch(r"(?:date )?(\w+) (from|to|until)(?: date)?", phrase):
        end = "start" if between[2] == "from" else "end"
        return f"{end} {unit}" if between[1] == "date" else f"{between[1]}-{between[2]} {unit}"  # valid-from date
    if done := re.fullmatch(r"(?:date|year) (\w+) (\w+)", phrase):
        if done[2] == "made":
            return f"{done[1]} {unit}"
        if done[2] in HAPPENED:
            return f"{done[1]} {HAPPENED[done[2]]} {unit}"
    if last := re.fullmatch(r"(date|year) ((?!of )\w+ (?!of )\w.*)", phrase):
        return f"{last[2]} {unit}"  # date incident end
    match = re.fullmatch(
        r"(?:(\w+) )?(\w+?)(?: (?:on|at|in|year|date))?", re.sub(r" (on|at|in|year|date)$", "", phrase)
    )
    if match and match[2] in HAPPENED and match[1] not in ("date", "year", "time"):
        return f"{match[1] or ''} {HAPPENED[match[2]]} {unit}".strip()
    return phrase
