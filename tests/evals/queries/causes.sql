-- Wrong answers to a gold query, and the cause that is named for each (evals/queries/causes.py). Both queries run on
-- the database of the fixture `home` in test_causes.py, so that the errors are SQLite's own.

-- Format (tests/golden.py): a case begins with `-- case: NAME`. Its parts follow, each with a label. A short text
-- stands behind its label, a query on the lines below. Empty lines at the end of a part do not count.

-- case: an empty answer
-- gold:
SELECT name FROM pets
-- predicted:
-- cause: no query

-- case: prose that begins with The
-- gold:
SELECT name FROM pets
-- predicted:
The names of all pets are in the table.
-- cause: no query

-- case: prose that begins with With
-- gold:
SELECT name FROM pets
-- predicted:
With this schema it cannot be said.
-- cause: no query

-- case: only a comment
-- gold:
SELECT name FROM pets
-- predicted:
-- nothing
-- cause: no query

-- case: a DELETE
-- gold:
SELECT name FROM pets
-- predicted:
DELETE FROM pets
-- cause: refused

-- case: two statements
-- gold:
SELECT name FROM pets
-- predicted:
SELECT name FROM pets; SELECT 1
-- cause: refused

-- case: a PRAGMA behind a comment
-- gold:
SELECT name FROM pets
-- predicted:
/* all */ PRAGMA table_info(pets)
-- cause: refused

-- case: a misspelt keyword
-- gold:
SELECT name FROM pets
-- predicted:
SELECT name FORM pets WHERE
-- cause: syntax error

-- case: a bracket that is not closed
-- gold:
SELECT name FROM pets
-- predicted:
SELECT name FROM pets WHERE (kind = 'dog'
-- cause: syntax error

-- case: a text that is not closed
-- gold:
SELECT name FROM pets
-- predicted:
SELECT name FROM pets WHERE kind = 'dog
-- cause: syntax error

-- case: a recursion without an end
-- gold:
SELECT name FROM pets
-- predicted:
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n
-- cause: timeout

-- case: a value of 900 MB
-- gold:
SELECT name FROM pets
-- predicted:
SELECT zeroblob(900000000)
-- cause: too much memory

-- case: a table that is not there
-- gold:
SELECT name FROM pets
-- predicted:
SELECT name FROM animals
-- cause: invented table

-- case: a column that is not there
-- gold:
SELECT name FROM pets
-- predicted:
SELECT nickname FROM pets
-- cause: invented column

-- case: a column that is not there, behind an alias
-- gold:
SELECT name FROM pets
-- predicted:
SELECT p.nickname FROM pets AS p
-- cause: invented column

-- case: a column of the other table
-- gold:
SELECT owners.name FROM owners JOIN pets ON owners.id = pets.owner_id
-- predicted:
SELECT pets.city FROM owners JOIN pets ON owners.id = pets.owner_id
-- cause: misplaced column

-- case: a table that is used but not joined
-- gold:
SELECT owners.name FROM owners JOIN pets ON owners.id = pets.owner_id
-- predicted:
SELECT owners.name FROM pets WHERE pets.kind = 'dog'
-- cause: missing join

-- case: a column that both tables have
-- gold:
SELECT owners.name FROM owners JOIN pets ON owners.id = pets.owner_id
-- predicted:
SELECT name FROM owners JOIN pets ON owners.id = pets.owner_id
-- cause: other database error

-- case: a function that is not there
-- gold:
SELECT name FROM pets
-- predicted:
SELECT year(name) FROM pets
-- cause: other database error

-- case: a gold that fails
-- gold:
SELECT nickname FROM pets
-- predicted:
SELECT name FROM pets
-- cause: gold fails

-- case: two columns in the other order
-- gold:
SELECT name, kind FROM pets
-- predicted:
SELECT kind, name FROM pets
-- cause: column order

-- case: EXCEPT left out
-- gold:
SELECT name FROM pets EXCEPT SELECT name FROM owners
-- predicted:
SELECT name FROM pets
-- cause: wrong set operation

-- case: OR in place of INTERSECT
-- gold:
SELECT city FROM owners WHERE name = 'Ann' INTERSECT SELECT city FROM owners WHERE name = 'Bob'
-- predicted:
SELECT city FROM owners WHERE name = 'Ann' OR name = 'Bob'
-- cause: wrong set operation

-- case: a UNION that nobody wants
-- gold:
SELECT name FROM pets
-- predicted:
SELECT name FROM pets UNION SELECT name FROM owners
-- cause: wrong set operation

-- case: a number in place of a nested query
-- gold:
SELECT name FROM pets WHERE weight > (SELECT avg(weight) FROM pets)
-- predicted:
SELECT name FROM pets WHERE weight > 5
-- cause: missing subquery

-- case: a filter in place of NOT IN
-- gold:
SELECT name FROM owners WHERE id NOT IN (SELECT owner_id FROM pets WHERE kind = 'dog')
-- predicted:
SELECT owners.name FROM owners JOIN pets ON owners.id = pets.owner_id WHERE kind <> 'dog'
-- cause: missing subquery

-- case: a nested query in place of ORDER BY and LIMIT
-- gold:
SELECT name FROM pets ORDER BY weight LIMIT 1
-- predicted:
SELECT name FROM pets WHERE weight = (SELECT max(weight) FROM pets)
-- cause: extra subquery

-- case: the other table
-- gold:
SELECT name FROM pets
-- predicted:
SELECT name FROM owners
-- cause: wrong table

-- case: a join left out
-- gold:
SELECT owners.name FROM owners JOIN pets ON owners.id = pets.owner_id
-- predicted:
SELECT name FROM owners
-- cause: missing join

-- case: a join that nobody wants
-- gold:
SELECT name FROM owners
-- predicted:
SELECT owners.name FROM owners JOIN pets ON owners.id = pets.owner_id
-- cause: extra join

-- case: a join on other columns
-- gold:
SELECT owners.name FROM owners JOIN pets ON owners.id = pets.owner_id
-- predicted:
SELECT owners.name FROM owners JOIN pets ON owners.id = pets.id
-- cause: wrong join condition

-- case: a join without a condition
-- gold:
SELECT owners.name FROM owners JOIN pets ON owners.id = pets.owner_id
-- predicted:
SELECT owners.name FROM owners, pets
-- cause: wrong join condition

-- case: a LEFT JOIN in place of a JOIN
-- gold:
SELECT owners.name FROM owners JOIN pets ON owners.id = pets.owner_id
-- predicted:
SELECT owners.name FROM owners LEFT JOIN pets ON owners.id = pets.owner_id
-- cause: wrong join condition

-- case: the other column
-- gold:
SELECT name FROM pets
-- predicted:
SELECT kind FROM pets
-- cause: wrong column

-- case: one column more
-- gold:
SELECT name FROM pets
-- predicted:
SELECT name, kind FROM pets
-- cause: wrong column

-- case: every column
-- gold:
SELECT name FROM pets
-- predicted:
SELECT * FROM pets
-- cause: wrong column

-- case: the other column within max
-- gold:
SELECT max(weight) FROM pets
-- predicted:
SELECT max(id) FROM pets
-- cause: wrong column

-- case: min in place of max
-- gold:
SELECT max(weight) FROM pets
-- predicted:
SELECT min(weight) FROM pets
-- cause: wrong aggregate

-- case: rows in place of their count
-- gold:
SELECT count(*) FROM pets
-- predicted:
SELECT name FROM pets
-- cause: wrong aggregate

-- case: count of a column that has nulls
-- gold:
SELECT count(*) FROM pets
-- predicted:
SELECT count(kind) FROM pets
-- cause: wrong aggregate

-- case: sum in place of avg in HAVING
-- gold:
SELECT kind FROM pets GROUP BY kind HAVING avg(weight) > 5
-- predicted:
SELECT kind FROM pets GROUP BY kind HAVING sum(weight) > 5
-- cause: wrong aggregate

-- case: min in place of avg in a nested query
-- gold:
SELECT name FROM pets WHERE weight > (SELECT avg(weight) FROM pets)
-- predicted:
SELECT name FROM pets WHERE weight > (SELECT min(weight) FROM pets)
-- cause: wrong aggregate

-- case: one of two filters left out
-- gold:
SELECT name FROM pets WHERE kind = 'cat' AND weight > 4
-- predicted:
SELECT name FROM pets WHERE kind = 'cat'
-- cause: missing filter

-- case: a filter that nobody wants
-- gold:
SELECT name FROM pets
-- predicted:
SELECT name FROM pets WHERE kind = 'cat'
-- cause: extra filter

-- case: a filter on the other column
-- gold:
SELECT name FROM pets WHERE kind = 'cat'
-- predicted:
SELECT name FROM pets WHERE name = 'cat'
-- cause: wrong filter column

-- case: greater or equal in place of greater
-- gold:
SELECT name FROM pets WHERE weight > 4
-- predicted:
SELECT name FROM pets WHERE weight >= 4
-- cause: wrong operator

-- case: OR in place of AND
-- gold:
SELECT name FROM pets WHERE kind = 'cat' AND weight > 3.9
-- predicted:
SELECT name FROM pets WHERE kind = 'cat' OR weight > 3.9
-- cause: wrong operator

-- case: IN in place of NOT IN
-- gold:
SELECT name FROM owners WHERE id NOT IN (SELECT owner_id FROM pets WHERE kind = 'dog')
-- predicted:
SELECT name FROM owners WHERE id IN (SELECT owner_id FROM pets WHERE kind = 'dog')
-- cause: wrong operator

-- case: a value in the wrong case
-- gold:
SELECT name FROM pets WHERE kind = 'cat'
-- predicted:
SELECT name FROM pets WHERE kind = 'Cat'
-- cause: wrong filter value

-- case: BETWEEN with another upper end
-- gold:
SELECT name FROM pets WHERE weight BETWEEN 3 AND 4
-- predicted:
SELECT name FROM pets WHERE weight >= 3 AND weight <= 20.5
-- cause: wrong filter value

-- case: GROUP BY left out
-- gold:
SELECT kind, count(*) FROM pets GROUP BY kind
-- predicted:
SELECT kind, count(*) FROM pets
-- cause: missing group

-- case: GROUP BY the other column
-- gold:
SELECT kind, count(*) FROM pets GROUP BY kind
-- predicted:
SELECT kind, count(*) FROM pets GROUP BY name
-- cause: wrong group

-- case: DISTINCT left out
-- gold:
SELECT DISTINCT kind FROM pets
-- predicted:
SELECT kind FROM pets
-- cause: missing distinct

-- case: DISTINCT within count left out
-- gold:
SELECT count(DISTINCT kind) FROM pets
-- predicted:
SELECT count(*) FROM pets
-- cause: missing distinct

-- case: GROUP BY that works as DISTINCT
-- gold:
SELECT kind FROM pets
-- predicted:
SELECT kind FROM pets GROUP BY kind
-- cause: extra distinct

-- case: ORDER BY left out
-- gold:
SELECT name FROM pets ORDER BY weight
-- predicted:
SELECT name FROM pets
-- cause: missing order

-- case: the other direction
-- gold:
SELECT name FROM pets ORDER BY weight DESC
-- predicted:
SELECT name FROM pets ORDER BY weight
-- cause: wrong order

-- case: ORDER BY the other column
-- gold:
SELECT name FROM pets ORDER BY weight LIMIT 1
-- predicted:
SELECT name FROM pets ORDER BY name DESC LIMIT 1
-- cause: wrong order

-- case: LIMIT left out
-- gold:
SELECT name FROM pets ORDER BY weight LIMIT 2
-- predicted:
SELECT name FROM pets ORDER BY weight
-- cause: wrong limit

-- case: the sides of EXCEPT exchanged
-- gold:
SELECT name FROM pets EXCEPT SELECT name FROM owners
-- predicted:
SELECT name FROM owners EXCEPT SELECT name FROM pets
-- cause: other
