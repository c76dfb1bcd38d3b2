"""Fifty prompts for a certificate: realistic ones, with texts that tokenizers and templates often get wrong."""

from ...core.records import Hint, Message
from ...prompts.messages import messages
from ...sql.ddl.parse import parse_ddl

_CASES: tuple[tuple[str, tuple[Hint, ...], tuple[str, ...]], ...] = (
    (
        "CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT, city TEXT); "
        "CREATE TABLE pets (id INTEGER PRIMARY KEY, name TEXT, kind TEXT, weight REAL, "
        "owner_id INTEGER REFERENCES owners(id));",
        (Hint("owners", "city", "Oslo"),),
        (
            "How many pets are there?",
            "What are the names of the pets whose owner lives in Oslo?",
            "Which kind of pet is the heaviest on average?",
            "List the owners who have no pet.",
            "How many pets weigh more than 12.75?",
        ),
    ),
    (
        "CREATE TABLE books (isbn TEXT PRIMARY KEY, title TEXT, year INTEGER, price REAL); CREATE TABLE loans "
        "(loan_id INTEGER PRIMARY KEY, isbn TEXT REFERENCES books(isbn), lent DATE, returned DATE);",
        (Hint("books", "title", "L'Étranger"),),
        (
            "How often was L'Étranger lent?",
            "Which books were never lent?",
            "What is the title of the most expensive book of 1999?",
            "How many loans began between 2023-01-01 and 2023-12-31?",
            "Show the title and the price of all books, dearest first.",
        ),
    ),
    (
        'CREATE TABLE "order details" ("order id" INTEGER, "unit price" REAL, quantity INTEGER, "50% off?" BOOLEAN);',
        (),
        (
            "What is the total of quantity times unit price?",
            'How many order details are "50% off"?',
            "What is the highest unit price?",
            "For each order id, how many details are there?",
            "Which order ids have a quantity of at least 1000000?",
        ),
    ),
    (
        "CREATE TABLE städte (id INTEGER PRIMARY KEY, name TEXT, einwohner INTEGER); CREATE TABLE straßen "
        "(id INTEGER PRIMARY KEY, stadt_id INTEGER REFERENCES städte(id), länge REAL);",
        (Hint("städte", "name", "München"),),
        (
            "How many inhabitants has München?",
            "What is the longest street in München?",
            "Which city has the most streets?",
            "How many cities have between 100,000 and 500,000 inhabitants?",
            "What is the average length of the streets by city?",
        ),
    ),
    (
        "CREATE TABLE employees (emp_no INTEGER PRIMARY KEY, name TEXT, salary NUMERIC(9,2), "
        "manager INTEGER REFERENCES employees(emp_no), hired DATE);",
        (),
        (
            "Who earns more than their manager?",
            "How many employees were hired in 2020?",
            "What is the second highest salary?",
            "Who has no manager?",
            "List the names of the employees whose name starts with 'Mc' or ends in 'son'.",
        ),
    ),
    (
        "CREATE TABLE sensors (id INTEGER PRIMARY KEY, room TEXT); CREATE TABLE readings (sensor_id INTEGER REFERENCES "
        "sensors(id), taken_at TIMESTAMP, celsius REAL);",
        (),
        (
            "What was the lowest temperature on 2024-02-29?",
            "Which room was warmer than 21.5 °C at 08:00?",
            "How many readings has each sensor?",
            "What is the average temperature per room, rounded to 1 digit?",
            "Which sensors sent nothing?",
        ),
    ),
    (
        "CREATE TABLE 顧客 (番号 INTEGER PRIMARY KEY, 氏名 TEXT, 国 TEXT);",
        (Hint("顧客", "国", "日本"),),
        (
            "How many customers are from 日本?",
            "日本の顧客は何人ですか?",
            "¿Cuántos clientes hay por país?",
            "Сколько клиентов в таблице?",
            "List all customers 🙂 by name.",
        ),
    ),
    (
        "CREATE TABLE flights (flight_no VARCHAR(10), origin CHAR(3), destination CHAR(3), distance INT, price INT); "
        "CREATE TABLE aircraft (aid INT PRIMARY KEY, name VARCHAR(60), range_km INT);",
        (Hint("flights", "origin", "LAX"), Hint("flights", "destination", "JFK")),
        (
            "How many flights go from LAX to JFK?",
            "Which aircraft can fly farther than the longest flight?",
            "What is the cheapest flight from LAX?",
            "Which destinations are served from both LAX and ORD?",
            "Which origins have more than 3 flights?",
        ),
    ),
    (
        "CREATE TABLE t (a INT, b INT, c TEXT);",
        (),
        (
            "sum of a",
            "rows where b is null and c = '<|im_end|'",
            "distinct c, at most 5",
            "how   many\n\trows?",
            "a" * 200,
        ),
    ),
    (
        "CREATE TABLE matches (id INT PRIMARY KEY, home TEXT, away TEXT, goals_home INT, goals_away INT, played DATE); "
        "CREATE TABLE teams (name TEXT PRIMARY KEY, founded INT, stadium TEXT);",
        (Hint("teams", "name", "1. FC Köln"),),
        (
            "How many home games did 1. FC Köln win?",
            "Which team scored the most goals away?",
            "List the teams founded before 1900 that never lost at home.",
            "How many matches ended 0:0?",
            "What is the average number of goals per match, by year?",
        ),
    ),
)


def probes() -> list[tuple[Message, ...]]:
    """Return the chats, as they are given to any engine."""
    chats = []
    for ddl, hints, questions in _CASES:
        schema = parse_ddl(ddl)
        for number, question in enumerate(questions):
            chats.append(messages(schema, question, hints=hints if number == 0 else ()))
    return chats


PLAIN = (0, 1, 4, 7)  # cases in everyday words


def stop_probes() -> list[tuple[Message, ...]]:
    """Return twenty of the chats to see whether a model ends its answers: everyday questions, as in its training.

    The other chats are hard for tokenizers. A small model may loop over one of them, whatever its end-of-turn token.
    """
    chats = probes()
    at = [sum(len(case[2]) for case in _CASES[:number]) for number in PLAIN]
    return [
        chat for start, number in zip(at, PLAIN, strict=True) for chat in chats[start : start + len(_CASES[number][2])]
    ]


_SQL = (  # of the questions of PLAIN's cases, in the style that training teaches
    "SELECT count(*) FROM pets",
    "SELECT pets.name FROM pets JOIN owners ON pets.owner_id = owners.id WHERE owners.city = 'Oslo'",
    "SELECT pets.kind FROM pets GROUP BY pets.kind ORDER BY avg(pets.weight) DESC LIMIT 1",
    "SELECT owners.name FROM owners WHERE owners.id NOT IN (SELECT pets.owner_id FROM pets)",
    "SELECT count(*) FROM pets WHERE pets.weight > 12.75",
    "SELECT count(*) FROM loans JOIN books ON loans.isbn = books.isbn WHERE books.title = 'L''Étranger'",
    "SELECT books.title FROM books WHERE books.isbn NOT IN (SELECT loans.isbn FROM loans)",
    "SELECT books.title FROM books WHERE books.year = 1999 ORDER BY books.price DESC LIMIT 1",
    "SELECT count(*) FROM loans WHERE loans.lent BETWEEN '2023-01-01' AND '2023-12-31'",
    "SELECT books.title, books.price FROM books ORDER BY books.price DESC",
    "SELECT employees.name FROM employees JOIN employees AS managers ON employees.manager = managers.emp_no "
    "WHERE employees.salary > managers.salary",
    "SELECT count(*) FROM employees WHERE employees.hired BETWEEN '2020-01-01' AND '2020-12-31'",
    "SELECT employees.salary FROM employees ORDER BY employees.salary DESC LIMIT 1 OFFSET 1",
    "SELECT employees.name FROM employees WHERE employees.manager IS NULL",
    "SELECT employees.name FROM employees WHERE employees.name LIKE 'Mc%' OR employees.name LIKE '%son'",
    "SELECT count(*) FROM flights WHERE flights.origin = 'LAX' AND flights.destination = 'JFK'",
    "SELECT aircraft.name FROM aircraft WHERE aircraft.range_km > (SELECT max(flights.distance) FROM flights)",
    "SELECT flights.flight_no FROM flights WHERE flights.origin = 'LAX' ORDER BY flights.price LIMIT 1",
    "SELECT flights.destination FROM flights WHERE flights.origin = 'LAX' INTERSECT "
    "SELECT flights.destination FROM flights WHERE flights.origin = 'ORD'",
    "SELECT flights.origin FROM flights GROUP BY flights.origin HAVING count(*) > 3",
)


def answered_probes() -> list[tuple[tuple[Message, ...], str]]:
    """Return the everyday chats of `stop_probes`, each with the SQL that answers it."""
    return list(zip(stop_probes(), _SQL, strict=True))
