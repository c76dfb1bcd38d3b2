-- Queries as people write them, and the same queries in the project's one plain style (sql/normalise.py).
-- `before` and `after` return the same rows from the database of the fixture `pets`, and `after` stays as it is.

-- Format (tests/golden.py): a case begins with `-- case: NAME`. Its parts follow, each with a label. A short text
-- stands behind its label, a query on the lines below. Empty lines at the end of a part do not count.

-- case: an alias becomes its table, and a text in double quotes gets single ones
-- before:
select T1.Name from Owners as T1 join Pets as T2 on T1.id = T2.owner_id where T2.kind = "dog";
-- after:
SELECT owners.name FROM owners JOIN pets ON owners.id = pets.owner_id WHERE pets.kind = 'dog'

-- case: functions are in capitals
-- before:
SELECT count(*) FROM pets
-- after:
SELECT COUNT(*) FROM pets

-- case: columns get their table, and brackets lose their blanks
-- before:
SELECT city , COUNT( * ) FROM owners GROUP BY city
-- after:
SELECT owners.city, COUNT(*) FROM owners GROUP BY owners.city

-- case: the alias of a result stays
-- before:
SELECT kind, avg(weight) AS w FROM pets GROUP BY kind ORDER BY w DESC LIMIT 1
-- after:
SELECT pets.kind, AVG(pets.weight) AS w FROM pets GROUP BY pets.kind ORDER BY w DESC LIMIT 1

-- case: a query within a query
-- before:
SELECT name FROM owners WHERE id NOT IN (SELECT owner_id FROM pets WHERE name NOT LIKE 'R%')
-- after:
SELECT owners.name FROM owners WHERE owners.id NOT IN (SELECT pets.owner_id FROM pets WHERE pets.name NOT LIKE 'R%')

-- case: each side of a UNION has its own table
-- before:
SELECT name FROM owners UNION SELECT name FROM pets
-- after:
SELECT owners.name FROM owners UNION SELECT pets.name FROM pets

-- case: a table that stands twice keeps its aliases
-- before:
SELECT a.name FROM pets a JOIN pets b ON a.owner_id = b.owner_id WHERE b.name = 'Rex'
-- after:
SELECT a.name FROM pets AS a JOIN pets AS b ON a.owner_id = b.owner_id WHERE b.name = 'Rex'

-- case: a query within a query that looks at the outer table
-- before:
SELECT o.name FROM owners o WHERE EXISTS (SELECT 1 FROM pets p WHERE p.owner_id = o.id AND p.weight > 4)
-- after:
SELECT owners.name FROM owners WHERE EXISTS(SELECT 1 FROM pets WHERE pets.owner_id = owners.id AND pets.weight > 4)

-- case: not equal is written in one way, and blanks at the ends go
-- before:
  SELECT * FROM pets WHERE weight != 4
-- after:
SELECT * FROM pets WHERE pets.weight <> 4
