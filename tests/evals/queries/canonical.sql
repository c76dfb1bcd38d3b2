-- Pairs of queries, and whether they share one canonical text (evals/queries/canonical.py): spellings of one query do,
-- other queries do not.

-- Format (tests/golden.py): a case begins with `-- case: NAME`. Its parts follow, each with a label. A short text
-- stands behind its label, a query on the lines below. Empty lines at the end of a part do not count.

-- case: capitals, quotes and an alias
-- query:
SELECT name FROM owners
-- other:
select "T1"."Name" from OWNERS as "T1" ;
-- alike: yes

-- case: a text in double quotes
-- query:
SELECT name FROM owners WHERE city = 'x'
-- other:
SELECT name FROM owners WHERE city = "x"
-- alike: yes

-- case: filters and their sides in another order
-- query:
SELECT name FROM owners WHERE age > 3 AND id = 1
-- other:
SELECT name FROM owners WHERE (1 = id) AND 3 < age
-- alike: yes

-- case: OR in another order and with brackets
-- query:
SELECT name FROM owners WHERE age > 3 OR id = 1 OR id = 2
-- other:
SELECT name FROM owners WHERE id = 2 OR (id = 1 OR age > 3)
-- alike: yes

-- case: NOT greater is less or equal
-- query:
SELECT name FROM owners WHERE NOT age > 3
-- other:
SELECT name FROM owners WHERE age <= 3
-- alike: yes

-- case: BETWEEN as two comparisons
-- query:
SELECT name FROM owners WHERE age BETWEEN 1 AND 2
-- other:
SELECT name FROM owners WHERE age <= 2 AND age >= 1
-- alike: yes

-- case: IN in another order and with a value twice
-- query:
SELECT name FROM owners WHERE id IN (1, 2)
-- other:
SELECT name FROM owners WHERE id IN (2, 1, 2)
-- alike: yes

-- case: count of 1
-- query:
SELECT count(*) FROM owners
-- other:
SELECT COUNT(1) FROM owners
-- alike: yes

-- case: a join as a list of tables with a filter
-- query:
SELECT T1.name FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id WHERE T2.weight > 1
-- other:
SELECT owners.name FROM pets, owners WHERE owner_id = id AND weight > 1
-- alike: yes

-- case: the tables of a join in another order
-- query:
SELECT T1.name FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id
-- other:
SELECT owners.name FROM pets INNER JOIN owners ON pets.owner_id = owners.id
-- alike: yes

-- case: the alias and the place of a result
-- query:
SELECT city, count(*) FROM owners GROUP BY city ORDER BY count(*) DESC
-- other:
SELECT city, count(*) AS n FROM owners GROUP BY 1 ORDER BY n DESC
-- alike: yes

-- case: the sides of UNION exchanged
-- query:
SELECT name FROM owners UNION SELECT name FROM pets
-- other:
SELECT name FROM pets UNION SELECT name FROM owners
-- alike: yes

-- case: the sides of a sum exchanged
-- query:
SELECT age + id FROM owners
-- other:
SELECT id + age FROM owners
-- alike: yes

-- case: every column of the only table
-- query:
SELECT owners.* FROM owners
-- other:
SELECT * FROM owners
-- alike: yes

-- case: another name in WITH
-- query:
WITH x AS (SELECT name FROM pets) SELECT name FROM x
-- other:
WITH mine AS (SELECT pets.name FROM pets) SELECT mine.name FROM mine
-- alike: yes

-- case: EXISTS with aliases
-- query:
SELECT name FROM owners WHERE EXISTS (SELECT 1 FROM pets WHERE owner_id = owners.id)
-- other:
SELECT o.name FROM owners o WHERE EXISTS (SELECT 1 FROM pets p WHERE o.id = p.owner_id)
-- alike: yes

-- case: DISTINCT
-- query:
SELECT name FROM owners
-- other:
SELECT DISTINCT name FROM owners
-- alike: no

-- case: columns in another order
-- query:
SELECT name, age FROM owners
-- other:
SELECT age, name FROM owners
-- alike: no

-- case: another value
-- query:
SELECT name FROM owners WHERE age > 3
-- other:
SELECT name FROM owners WHERE age > 4
-- alike: no

-- case: a text in capitals
-- query:
SELECT name FROM owners WHERE city = 'x'
-- other:
SELECT name FROM owners WHERE city = 'X'
-- alike: no

-- case: brackets around OR
-- query:
SELECT name FROM owners WHERE age > 3 AND id = 1 OR id = 2
-- other:
SELECT name FROM owners WHERE age > 3 AND (id = 1 OR id = 2)
-- alike: no

-- case: the sides of a difference exchanged
-- query:
SELECT age - id FROM owners
-- other:
SELECT id - age FROM owners
-- alike: no

-- case: the sides of a comparison exchanged
-- query:
SELECT name FROM owners WHERE age < id
-- other:
SELECT name FROM owners WHERE id < age
-- alike: no

-- case: the sides of EXCEPT exchanged
-- query:
SELECT name FROM owners EXCEPT SELECT name FROM pets
-- other:
SELECT name FROM pets EXCEPT SELECT name FROM owners
-- alike: no

-- case: UNION ALL
-- query:
SELECT name FROM owners UNION SELECT name FROM pets
-- other:
SELECT name FROM owners UNION ALL SELECT name FROM pets
-- alike: no

-- case: a LEFT JOIN in place of a JOIN
-- query:
SELECT T1.name FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id
-- other:
SELECT T1.name FROM owners AS T1 LEFT JOIN pets AS T2 ON T1.id = T2.owner_id
-- alike: no

-- case: the sides of a LEFT JOIN exchanged
-- query:
SELECT name FROM owners LEFT JOIN pets ON id = owner_id
-- other:
SELECT name FROM pets LEFT JOIN owners ON id = owner_id
-- alike: no

-- case: a filter in place of a condition of LEFT JOIN
-- query:
SELECT name FROM owners LEFT JOIN pets ON id = owner_id AND age > 1
-- other:
SELECT name FROM owners LEFT JOIN pets ON id = owner_id WHERE age > 1
-- alike: no

-- case: another LIMIT
-- query:
SELECT name FROM owners ORDER BY age LIMIT 1
-- other:
SELECT name FROM owners ORDER BY age LIMIT 2
-- alike: no

-- case: ORDER BY in another order
-- query:
SELECT name FROM owners ORDER BY age, id
-- other:
SELECT name FROM owners ORDER BY id, age
-- alike: no

-- case: NULLS LAST
-- query:
SELECT name FROM owners ORDER BY age
-- other:
SELECT name FROM owners ORDER BY age NULLS LAST
-- alike: no

-- case: a column that both tables have, without its table
-- query:
SELECT T1.name FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id
-- other:
SELECT name FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id
-- alike: no

-- case: a column of the other table
-- query:
SELECT T1.id FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id
-- other:
SELECT T2.pet_id FROM owners AS T1 JOIN pets AS T2 ON T1.id = T2.owner_id
-- alike: no

-- case: a nested query that does not look at the outer one
-- query:
SELECT name FROM owners WHERE age > (SELECT avg(o.age) FROM owners AS o WHERE o.city = owners.city)
-- other:
SELECT name FROM owners WHERE age > (SELECT avg(o.age) FROM owners AS o WHERE o.city = o.city)
-- alike: no

-- case: another column under the same name in WITH
-- query:
WITH x AS (SELECT name FROM pets) SELECT name FROM x
-- other:
WITH x AS (SELECT kind AS name FROM pets) SELECT name FROM x
-- alike: no

-- case: another order of a window
-- query:
SELECT sum(age) OVER (ORDER BY id) FROM owners
-- other:
SELECT sum(age) OVER (ORDER BY name) FROM owners
-- alike: no
