"""English nouns: plural, singular, article."""

import functools
import re

from ....sql.name_words import singular

IRREGULAR = {
    "person": "people", "child": "children", "man": "men", "woman": "women", "mouse": "mice", "goose": "geese",
    "foot": "feet", "tooth": "teeth", "ox": "oxen",
    "leaf": "leaves", "knife": "knives", "shelf": "shelves", "wolf": "wolves", "calf": "calves", "wife": "wives",
    "dwarf": "dwarves", "scarf": "scarves", "wharf": "wharves", "louse": "lice", "business": "businesses",
    "radius": "radii", "syllabus": "syllabi", "clothes": "clothes",
    "bonus": "bonuses", "virus": "viruses", "campus": "campuses", "status": "statuses", "circus": "circuses",
    "census": "censuses", "corpus": "corpuses", "chorus": "choruses", "consensus": "consensuses",
    "half": "halves", "thief": "thieves", "loaf": "loaves", "life": "lives",
    "hero": "heroes", "potato": "potatoes", "tomato": "tomatoes", "echo": "echoes",
    "criterion": "criteria", "phenomenon": "phenomena", "medium": "media", "datum": "data", "curriculum": "curricula",
    "bacterium": "bacteria", "fungus": "fungi", "stimulus": "stimuli", "alumnus": "alumni", "nucleus": "nuclei",
    "analysis": "analyses", "diagnosis": "diagnoses", "thesis": "theses", "basis": "bases", "crisis": "crises",
    "axis": "axes", "hypothesis": "hypotheses", "synopsis": "synopses", "prognosis": "prognoses",
    "matrix": "matrices", "vertex": "vertices", "appendix": "appendices",
    "movie": "movies", "cookie": "cookies", "zombie": "zombies", "calorie": "calories", "tie": "ties",
    "cache": "caches", "niche": "niches", "headache": "headaches", "moustache": "moustaches",
    "quiz": "quizzes", "gas": "gas", "bus": "buses", "passerby": "passersby",
    "menu": "menus", "lens": "lenses", "atlas": "atlases", "alias": "aliases", "canvas": "canvases",
    "bias": "biases", "iris": "irises", "pancreas": "pancreases", "christmas": "christmases",
}  # fmt: skip
"""Nouns of which the rules below give a wrong plural or, back from the plural, a wrong singular."""
COLLECTIVE = {
    "staff": "staff member", "personnel": "employee", "faculty": "faculty member", "crew": "crew member",
    "data": "record", "bases": "base",
}  # fmt: skip
"""What one row of a table of this name is called, where grammar alone would not say it."""
UNCHANGED = frozenset(
    """
    aircraft species series sheep livestock fish staff news equipment furniture luggage deer offspring software
    music hardware jewelry information feedback salmon shrimp spacecraft hovercraft baggage traffic merchandise
    headquarters means scissors police cattle swine gossip progress research weather electricity
    """.split()
)
COMPOUNDS = ("of", "per", "in", "on", "at", "by", "to", "for", "with", "from")
"""Words after the head of a phrase: `date of birth`, `weight in kilograms`."""
TRAILING = frozenset(
    "built sold spent seen paid taken won lost for against since made born held due payable available".split()
)
"""Last words, beside those in -ed, that say something about the noun before them."""
UNCOUNTABLE_ENDS = frozenset("of in on at by to for with from has as and taken enrolled attended".split())
SINGULARS = {many: single for single, many in IRREGULAR.items()}


@functools.cache
def plural(phrase: str) -> str:
    """Form a noun phrase's plural, by rule and a few exceptions.

    >>> plural("city"), plural("staff member"), plural("date of birth"), plural("aircraft"), plural("child")
    ('cities', 'staff members', 'dates of birth', 'aircraft', 'children')
    """
    words = phrase.split(" ")
    for place, word in enumerate(words[1:-1], 1):
        if word in COMPOUNDS:
            return " ".join([plural(" ".join(words[:place])), *words[place:]])
    if len(words) > 1 and (words[-1] in TRAILING or re.search(r"[^be]ed$", words[-1])):
        return f"{plural(' '.join(words[:-1]))} {words[-1]}"  # years built, amounts claimed
    *first, last = words
    return " ".join([*first, _plural_word(last)])


def _plural_word(word: str) -> str:
    low = word.lower()
    if low in IRREGULAR:
        return IRREGULAR[low]
    is_plural = low in SINGULARS or (low.endswith("s") and not low.endswith(("ss", "us", "is")))
    if low.isdigit() or low in UNCHANGED or low in UNCOUNTABLE_ENDS or low.endswith("ness") or is_plural:
        return word
    if re.search(r"[^aeiou]y$", low):
        return word[:-1] + "ies"
    if low.endswith("sis"):
        return word[:-2] + "es"
    if low.endswith("man") and low not in ("human", "german", "roman", "talisman", "shaman"):
        return word[:-2] + "en"
    return word + ("es" if re.search(r"(s|x|ch|sh|z)$", low) else "s")


@functools.cache
def singular_noun(word: str) -> str:
    """Form a word's singular, or say what one of many is called.

    >>> [singular_noun(word) for word in ("people", "species", "courses", "cities", "gas", "boxes", "bonus", "staff")]
    ['person', 'species', 'course', 'city', 'gas', 'box', 'bonus', 'staff member']
    """
    low = word.lower()
    if low in COLLECTIVE:
        return COLLECTIVE[low]
    if low in SINGULARS:
        return SINGULARS[low]
    if low in UNCHANGED or low in IRREGULAR:
        return word
    if low.endswith("men") and low not in ("specimen", "regimen", "abdomen", "omen", "acumen", "stamen"):
        return word[:-2] + "an"
    return singular(word)


def article(phrase: str) -> str:
    """Put the indefinite article before a phrase.

    >>> article("hour"), article("university"), article("umbrella"), article("one-way ticket")
    ('an hour', 'a university', 'an umbrella', 'a one-way ticket')
    """
    an = re.match(r"[aeiou](?!ne\b|ni(?!n)|se|su)|hour|honou?r", phrase.lower())
    return ("an " if an else "a ") + phrase


def indefinite(name: str) -> str:
    """Put the article before a noun, unless it is a plural."""
    head = re.split(r" (?:of|in|per) ", name)[0]
    return name if head.endswith("s") and not head.endswith(("ss", "us", "is")) else article(name)
