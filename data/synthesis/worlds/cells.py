"""Words that fill the made-up databases: names, places, streets."""

import random

FIRST = """
Aaron Abigail Adele Ahmed Aiko Alba Alejandro Alice Amara Amina Anders Andrea Anika Anton Aria Arthur Astrid
Beatriz Ben Bianca Boris Bruno Camila Carla Carlos Cecile Chen Chloe Clara Colin Daniela Dara David Diego
Dmitri Edith Elena Elias Emeka Emil Emma Erik Esther Fatima Felix Fiona Florian Gabriel Grace Greta Hana
Hannah Harold Hassan Helga Hugo Ibrahim Ida Ines Ingrid Irene Ivan Jack Jana Javier Jonas Josef Julia Kamal
Karim Kate Keiko Kenji Lara Laura Leila Leon Lina Liam Lucas Lucia Luis Magnus Maja Marco Maria Marta Martin
Mateo Maya Mei Mila Miriam Mohammed Nadia Naomi Nils Nina Noah Nora Olga Oliver Omar Oscar Paula Pedro Peter
Petra Philip Priya Quentin Rachel Rafael Ravi Rebecca Robert Rosa Ruth Samir Samuel Sara Sofia Stefan Susan
Tara Theo Thomas Tomas Ursula Victor Viola Walter Wei Yara Yusuf Zara Zoe
""".split()

LAST = """
Abbott Adeyemi Ahmed Almeida Andersen Baker Barros Becker Bennett Bergman Bianchi Brandt Brooks Carter
Castillo Chen Clarke Costa Cruz Dahl Davies Delgado Dubois Duran Edwards Eriksen Evans Farkas Ferrari Fischer
Fleming Fontaine Foster Garcia Gibson Gomez Graham Gupta Haas Hansen Harris Hayes Hoffman Holm Horvath Hughes
Ivanov Jansen Jensen Johansson Kaya Keller Kennedy Khan Kim Klein Kowalski Kumar Lambert Larsen Lee Lindberg
Lopez Mahmoud Marino Martinez Meyer Miller Moreau Morgan Moreno Murphy Nakamura Nguyen Nielsen Novak Obi
Okafor Olsen Ortega Owens Park Patel Pereira Petrov Popescu Quinn Ramos Reyes Richter Rivera Robinson Romero
Rossi Sanchez Santos Sato Schmidt Schwarz Shah Silva Singh Smith Sokolov Suzuki Takahashi Tanaka Taylor
Thompson Torres Turner Vargas Vasquez Vogel Wagner Walker Wang Watson Weber Winter Wright Yilmaz Young Zhang
Zimmerman
""".split()

CITIES = """Amsterdam|Athens|Austin|Barcelona|Bergen|Berlin|Boston|Bristol|Brussels|Budapest|Cairo|Calgary|Cape Town|
Chicago|Copenhagen|Dallas|Denver|Dublin|Edinburgh|Florence|Geneva|Glasgow|Hamburg|Helsinki|Istanbul|Kyoto|Lagos|
Leeds|Lima|Lisbon|London|Lyon|Madrid|Manchester|Marseille|Melbourne|Miami|Milan|Montreal|Mumbai|Munich|Nairobi|
Naples|New York|Oslo|Ottawa|Paris|Porto|Portland|Prague|Quito|Riga|Rome|Rotterdam|San Diego|Santiago|Seattle|
Seoul|Seville|Sydney|Tallinn|Tokyo|Toronto|Turin|Valencia|Vancouver|Vienna|Warsaw|Zurich""".replace("\n", "").split("|")

COUNTRIES = """Argentina|Australia|Austria|Belgium|Brazil|Canada|Chile|China|Colombia|Denmark|Egypt|Finland|France|
Germany|Ghana|Greece|Hungary|India|Ireland|Italy|Japan|Kenya|Mexico|Morocco|Netherlands|New Zealand|Nigeria|Norway|Peru|
Poland|Portugal|South Africa|South Korea|Spain|Sweden|Switzerland|Thailand|Turkey|United Kingdom|United States|
Vietnam""".replace("\n", "").split("|")

STREETS = """
Oak Maple Harbour Station Church Mill River Park High King Queen Victoria Garden Bridge Forest Hill Lake
Market
""".split()


def person(rng: random.Random) -> str:
    """Make a person's full name."""
    return f"{rng.choice(FIRST)} {rng.choice(LAST)}"


def company(rng: random.Random) -> str:
    """Make a firm's name."""
    form = rng.choice(
        [
            "{a} & {b}",
            "{a} Group",
            "{a} Ltd",
            "{c} Industries",
            "{a} and Sons",
            "{c} Partners",
            "{c} Supplies",
            "{a} Holdings",
        ]
    )
    firsts = [
        "Northern",
        "Blue Ridge",
        "Atlas",
        "Pioneer",
        "Summit",
        "Coastal",
        "Evergreen",
        "Granite",
        "Silverline",
        "Horizon",
    ]
    return form.format(a=rng.choice(LAST), b=rng.choice(LAST), c=rng.choice(firsts))


def street(rng: random.Random) -> str:
    """Make a street address without its city."""
    return f"{rng.randint(1, 240)} {rng.choice(STREETS)} {rng.choice(['Street', 'Road', 'Avenue', 'Lane'])}"


def date(rng: random.Random, low: int, high: int) -> str:
    """Make a day in one of the years from `low` to `high`, as YYYY-MM-DD."""
    return f"{rng.randint(low, high)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
