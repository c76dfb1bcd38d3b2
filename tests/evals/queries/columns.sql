-- Queries, and what their first result is when names and aliases are resolved (evals/queries/columns.py) over the
-- database of the fixture `pets`.

-- Format (tests/golden.py): a case begins with `-- case: NAME`. Its parts follow, each with a label. A short text
-- stands behind its label, a query on the lines below. Empty lines at the end of a part do not count.

-- case: capitals
-- query:
SELECT NAME FROM Pets
-- item: pets.name

-- case: an alias of the table and of the column
-- query:
SELECT p.name AS n FROM pets AS p
-- item: pets.name

-- case: backticks and brackets
-- query:
SELECT `Name` FROM [pets]
-- item: pets.name

-- case: double quotes
-- query:
SELECT "name" FROM pets
-- item: pets.name

-- case: double quotes around what is no column are a text
-- query:
SELECT "Rex" FROM pets
-- item: Rex

-- case: the only table that has the column
-- query:
SELECT weight FROM owners, pets
-- item: pets.weight

-- case: a name that a query in FROM gives
-- query:
SELECT n FROM (SELECT name AS n FROM pets) AS x
-- item: pets.name

-- case: every column of a query in FROM
-- query:
SELECT x.name FROM (SELECT * FROM (SELECT * FROM pets)) AS x
-- item: pets.name

-- case: an aggregate in a query in FROM
-- query:
SELECT m FROM (SELECT max(weight) AS m FROM pets)
-- item: max(pets.weight)

-- case: names that WITH gives
-- query:
WITH x(n) AS (SELECT name FROM pets) SELECT n FROM x
-- item: pets.name

-- case: DISTINCT within count
-- query:
SELECT count(DISTINCT kind) FROM pets
-- item: count(distinct pets.kind)

-- case: count of a column
-- query:
SELECT count(kind) FROM pets
-- item: count(*)

-- case: the parts of a sum are sorted
-- query:
SELECT weight + id FROM pets
-- item: add(pets.id,pets.weight)

-- case: a column that no table has
-- query:
SELECT unheard FROM pets
-- item: unheard

-- case: a table that is not there
-- query:
SELECT z.unheard FROM pets
-- item: z.unheard
