-- Pairs of queries that ask for the same in two styles: no cause tells them apart (evals/queries/causes.py).

-- Format (tests/golden.py): a case begins with `-- case: NAME`. Its parts follow, each with a label. A short text
-- stands behind its label, a query on the lines below. Empty lines at the end of a part do not count.

-- case: aliases, and the tables in the other order
-- gold:
SELECT owners.name FROM owners JOIN pets ON owners.id = pets.owner_id
-- predicted:
select o.name from pets p inner join owners o on p.owner_id = o.id

-- case: IN in place of a join
-- gold:
SELECT owners.name FROM owners JOIN pets ON owners.id = pets.owner_id WHERE kind = 'dog'
-- predicted:
SELECT name FROM owners WHERE id IN (SELECT owner_id FROM pets WHERE kind="dog")

-- case: WHERE in place of ON
-- gold:
SELECT owners.name FROM owners JOIN pets ON owners.id = pets.owner_id
-- predicted:
SELECT o.name FROM owners o, pets p WHERE o.id = p.owner_id

-- case: WITH in place of a table
-- gold:
SELECT owners.name FROM owners JOIN pets ON owners.id = pets.owner_id
-- predicted:
WITH p AS (SELECT * FROM pets) SELECT o.name FROM p JOIN owners AS o ON p.owner_id = o.id

-- case: the other column of the join
-- gold:
SELECT owner_id FROM pets JOIN owners ON owners.id = owner_id
-- predicted:
SELECT o.id FROM owners o JOIN pets ON o.id = owner_id

-- case: NOT and the sides exchanged
-- gold:
SELECT name FROM pets WHERE weight > 3
-- predicted:
SELECT name FROM pets WHERE NOT 3.0 >= weight

-- case: BETWEEN as two comparisons
-- gold:
SELECT name FROM pets WHERE weight BETWEEN 1 AND 2
-- predicted:
SELECT name FROM pets WHERE weight >= 1 AND weight <= 2

-- case: IN as OR
-- gold:
SELECT name FROM pets WHERE kind = 'a' OR kind = 'b'
-- predicted:
SELECT name FROM pets WHERE kind IN ('b', 'a')

-- case: GROUP BY as DISTINCT
-- gold:
SELECT DISTINCT kind FROM pets
-- predicted:
SELECT kind FROM pets GROUP BY kind

-- case: places in place of names
-- gold:
SELECT kind, count(*) AS n FROM pets GROUP BY kind ORDER BY n
-- predicted:
SELECT kind, count(*) FROM pets GROUP BY 1 ORDER BY 2

-- case: every column by its name
-- gold:
SELECT * FROM owners
-- predicted:
SELECT id, name, city FROM owners

-- case: NOT IN as EXCEPT
-- gold:
SELECT id FROM owners EXCEPT SELECT owner_id FROM pets
-- predicted:
SELECT id FROM owners WHERE id NOT IN (SELECT owner_id FROM pets)

-- case: NOT EXISTS as NOT IN
-- gold:
SELECT name FROM owners WHERE id NOT IN (SELECT owner_id FROM pets)
-- predicted:
SELECT name FROM owners o WHERE NOT EXISTS (SELECT 1 FROM pets p WHERE p.owner_id = o.id)
