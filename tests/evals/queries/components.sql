-- Pairs of queries, and the components in which Spider's component match sees a difference
-- (evals/queries/components.py), `nothing` where it takes them for alike, whatever they return. It overlooks DISTINCT
-- and the choice between two joined columns in the outer query only, and values not in a query in FROM, as Spider's
-- own evaluator does.

-- Format (tests/golden.py): a case begins with `-- case: NAME`. Its parts follow, each with a label. A short text
-- stands behind its label, a query on the lines below. Empty lines at the end of a part do not count.

-- case: alike: columns in another order, with an alias
-- gold:
SELECT name, age FROM owners
-- predicted:
SELECT T1.age, T1.name FROM owners AS T1
-- differ: nothing

-- case: alike: another value
-- gold:
SELECT name FROM owners WHERE age > 3
-- predicted:
SELECT name FROM owners WHERE age > 99
-- differ: nothing

-- case: alike: DISTINCT
-- gold:
SELECT DISTINCT name FROM owners
-- predicted:
SELECT name FROM owners
-- differ: nothing

-- case: alike: DISTINCT within count
-- gold:
SELECT count(DISTINCT name) FROM owners
-- predicted:
SELECT count(name) FROM owners
-- differ: nothing

-- case: alike: filters in another order with other values
-- gold:
SELECT name FROM owners WHERE age > 3 AND city = 'x'
-- predicted:
SELECT name FROM owners WHERE city = 'y' AND age > 1
-- differ: nothing

-- case: alike: the other column of the join
-- gold:
SELECT T1.id FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id
-- predicted:
SELECT T2.owner_id FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id
-- differ: nothing

-- case: alike: GROUP BY the other column of the join
-- gold:
SELECT count(*) FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id GROUP BY T1.id
-- predicted:
SELECT count(*) FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id GROUP BY T2.owner_id
-- differ: nothing

-- case: alike: another condition of the join
-- gold:
SELECT T1.name FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id
-- predicted:
SELECT owners.name FROM pets JOIN owners ON owners.id = pets.pet_id
-- differ: nothing

-- case: alike: another number in LIMIT
-- gold:
SELECT name FROM owners LIMIT 1
-- predicted:
SELECT name FROM owners LIMIT 5
-- differ: nothing

-- case: alike: ASC written out
-- gold:
SELECT name FROM owners ORDER BY age
-- predicted:
SELECT name FROM owners ORDER BY age ASC
-- differ: nothing

-- case: alike: DESC of another term
-- gold:
SELECT name FROM owners ORDER BY age DESC, id
-- predicted:
SELECT name FROM owners ORDER BY age, id DESC
-- differ: nothing

-- case: alike: AND and OR in another order
-- gold:
SELECT name FROM owners WHERE age > 1 AND id < 2 OR age < 0
-- predicted:
SELECT name FROM owners WHERE age > 1 OR id < 2 AND age < 0
-- differ: nothing

-- case: alike: two signs for not equal
-- gold:
SELECT name FROM owners WHERE age != 1
-- predicted:
SELECT name FROM owners WHERE age <> 1
-- differ: nothing

-- case: alike: the alias of a result
-- gold:
SELECT city, count(*) FROM owners GROUP BY city
-- predicted:
SELECT city, count(*) AS n FROM owners GROUP BY city
-- differ: nothing

-- case: alike: the place of a result in GROUP BY
-- gold:
SELECT city FROM owners GROUP BY city ORDER BY count(*)
-- predicted:
SELECT city FROM owners GROUP BY 1 ORDER BY COUNT ( * )
-- differ: nothing

-- case: alike: another value in a nested query
-- gold:
SELECT name FROM owners WHERE id IN (SELECT owner_id FROM pets WHERE weight > 1)
-- predicted:
SELECT name FROM owners WHERE id IN (SELECT owner_id FROM pets WHERE weight > 9)
-- differ: nothing

-- case: apart: the other column
-- gold:
SELECT name FROM owners
-- predicted:
SELECT age FROM owners
-- differ: select

-- case: apart: the other aggregate
-- gold:
SELECT max(age) FROM owners
-- predicted:
SELECT min(age) FROM owners
-- differ: select

-- case: apart: a column twice
-- gold:
SELECT name FROM owners
-- predicted:
SELECT name, name FROM owners
-- differ: select

-- case: apart: the sides of a difference exchanged
-- gold:
SELECT age - id FROM owners
-- predicted:
SELECT id - age FROM owners
-- differ: select

-- case: apart: another operator
-- gold:
SELECT name FROM owners WHERE age > 3
-- predicted:
SELECT name FROM owners WHERE age >= 3
-- differ: where

-- case: apart: a filter left out
-- gold:
SELECT name FROM owners WHERE age > 3
-- predicted:
SELECT name FROM owners
-- differ: keywords, where

-- case: apart: OR in place of AND
-- gold:
SELECT name FROM owners WHERE age > 3 AND id = 1
-- predicted:
SELECT name FROM owners WHERE age > 3 OR id = 1
-- differ: connectors, keywords

-- case: apart: NOT LIKE in place of LIKE
-- gold:
SELECT name FROM owners WHERE name LIKE 'x'
-- predicted:
SELECT name FROM owners WHERE name NOT LIKE 'x'
-- differ: keywords, where

-- case: apart: GROUP BY another column
-- gold:
SELECT count(*) FROM owners GROUP BY city
-- predicted:
SELECT count(*) FROM owners GROUP BY age
-- differ: group

-- case: apart: another condition in HAVING
-- gold:
SELECT city FROM owners GROUP BY city HAVING count(*) > 1
-- predicted:
SELECT city FROM owners GROUP BY city HAVING sum(age) > 1
-- differ: group

-- case: apart: another direction
-- gold:
SELECT name FROM owners ORDER BY age
-- predicted:
SELECT name FROM owners ORDER BY age DESC
-- differ: keywords, order

-- case: apart: ORDER BY another column
-- gold:
SELECT name FROM owners ORDER BY age
-- predicted:
SELECT name FROM owners ORDER BY id
-- differ: order

-- case: apart: a LIMIT after ORDER BY
-- gold:
SELECT name FROM owners ORDER BY age
-- predicted:
SELECT name FROM owners ORDER BY age LIMIT 1
-- differ: keywords, order

-- case: apart: a LIMIT alone
-- gold:
SELECT name FROM owners
-- predicted:
SELECT name FROM owners LIMIT 1
-- differ: keywords

-- case: apart: EXCEPT in place of UNION
-- gold:
SELECT name FROM owners UNION SELECT name FROM pets
-- predicted:
SELECT name FROM owners EXCEPT SELECT name FROM pets
-- differ: keywords, sets

-- case: apart: another query behind UNION
-- gold:
SELECT name FROM owners UNION SELECT name FROM pets
-- predicted:
SELECT name FROM owners UNION SELECT kind FROM pets
-- differ: sets

-- case: apart: another table
-- gold:
SELECT count(*) FROM owners
-- predicted:
SELECT count(*) FROM pets
-- differ: tables

-- case: apart: a join left out
-- gold:
SELECT T2.name FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id
-- predicted:
SELECT name FROM pets
-- differ: tables

-- case: apart: a LEFT JOIN in place of a JOIN
-- gold:
SELECT T1.name FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id
-- predicted:
SELECT T1.name FROM owners AS T1 LEFT JOIN pets AS T2 ON T1.id = T2.owner_id
-- differ: tables

-- case: apart: a join without a condition
-- gold:
SELECT T1.name FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id
-- predicted:
SELECT T1.name FROM owners AS T1, pets AS T2
-- differ: tables

-- case: apart: DISTINCT within a nested query
-- gold:
SELECT name FROM owners WHERE id IN (SELECT DISTINCT owner_id FROM pets)
-- predicted:
SELECT name FROM owners WHERE id IN (SELECT owner_id FROM pets)
-- differ: where

-- case: apart: another value in a query in FROM
-- gold:
SELECT count(*) FROM (SELECT name FROM pets WHERE weight > 1)
-- predicted:
SELECT count(*) FROM (SELECT name FROM pets WHERE weight > 2)
-- differ: tables
