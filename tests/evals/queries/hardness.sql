-- Queries, and their level of difficulty by Spider's rules (evals/queries/hardness.py).

-- Format (tests/golden.py): a case begins with `-- case: NAME`. Its parts follow, each with a label. A short text
-- stands behind its label, a query on the lines below. Empty lines at the end of a part do not count.

-- case: a count
-- query:
SELECT count(*) FROM singer
-- level: easy

-- case: one filter
-- query:
SELECT name FROM singer WHERE age > 3
-- level: easy

-- case: ORDER BY
-- query:
SELECT a FROM t ORDER BY b DESC
-- level: easy

-- case: an aggregate
-- query:
SELECT max(a) FROM t
-- level: easy

-- case: two columns
-- query:
SELECT name, age FROM singer
-- level: medium

-- case: three aggregates and a filter
-- query:
SELECT avg(age), min(age), max(age) FROM singer WHERE country = 'France'
-- level: medium

-- case: ORDER BY and LIMIT
-- query:
SELECT name FROM singer ORDER BY age LIMIT 1
-- level: medium

-- case: GROUP BY with a count
-- query:
SELECT country, count(*) FROM singer GROUP BY country
-- level: medium

-- case: a join with a filter
-- query:
SELECT t1.a FROM t AS t1 JOIN u AS t2 ON t1.b = t2.b WHERE t2.c = 1
-- level: medium

-- case: a nested query
-- query:
SELECT a FROM t WHERE b NOT IN (SELECT b FROM u)
-- level: hard

-- case: EXCEPT
-- query:
SELECT a FROM t EXCEPT SELECT b FROM u
-- level: hard

-- case: a join, two filters and GROUP BY
-- query:
SELECT t1.a FROM t AS t1 JOIN u AS t2 ON t1.b = t2.b WHERE t2.c = 1 AND t2.d = 2 GROUP BY t1.a
-- level: hard

-- case: a filter, ORDER BY and LIMIT
-- query:
SELECT a FROM t WHERE b > 1 ORDER BY c LIMIT 1
-- level: hard

-- case: a nested query and two columns
-- query:
SELECT a, b FROM t WHERE c IN (SELECT c FROM u)
-- level: extra

-- case: a join with everything
-- query:
SELECT t1.a FROM t AS t1 JOIN u AS t2 ON t1.b = t2.b WHERE t2.c = 1 GROUP BY t1.a ORDER BY count(*) LIMIT 1
-- level: extra

-- case: two joins and INTERSECT
-- query:
SELECT a FROM t JOIN u ON t.a = u.a JOIN v ON u.b = v.b WHERE c = 1 INTERSECT SELECT b FROM u
-- level: extra

-- case: an empty text
-- query:
-- level: unknown

-- case: a query that cannot be parsed
-- query:
SELECT FROM
-- level: unknown

-- case: a statement that is no query
-- query:
DROP TABLE t
-- level: unknown

-- case: VALUES
-- query:
VALUES (1)
-- level: unknown
