-- Queries, and the features that are counted for each (evals/queries/hardness.py), in the order of FEATURES.

-- Format (tests/golden.py): a case begins with `-- case: NAME`. Its parts follow, each with a label. A short text
-- stands behind its label, a query on the lines below. Empty lines at the end of a part do not count.

-- case: none
-- query:
SELECT a FROM t
-- features:

-- case: a list of tables
-- query:
SELECT a FROM t, u
-- features: join

-- case: a table twice
-- query:
SELECT x.a FROM t AS x JOIN T AS y ON x.a = y.b
-- features: join, self-join

-- case: LEFT JOIN
-- query:
SELECT a FROM t LEFT JOIN u ON t.a = u.a
-- features: join, outer join

-- case: OR
-- query:
SELECT a FROM t WHERE b = 1 OR b = 2
-- features: filter, or

-- case: GROUP BY and HAVING
-- query:
SELECT a FROM t GROUP BY a HAVING count(*) > 1
-- features: group, having, aggregate

-- case: ORDER BY and LIMIT
-- query:
SELECT a FROM t ORDER BY a LIMIT 1
-- features: order, limit

-- case: UNION
-- query:
SELECT a FROM t UNION SELECT a FROM u
-- features: union

-- case: INTERSECT
-- query:
SELECT a FROM t INTERSECT SELECT a FROM u
-- features: intersect

-- case: EXCEPT
-- query:
SELECT a FROM t EXCEPT SELECT a FROM u
-- features: except

-- case: IN with a nested query
-- query:
SELECT a FROM t WHERE b IN (SELECT b FROM u)
-- features: filter, subquery, in

-- case: a query in FROM
-- query:
SELECT a FROM (SELECT a FROM t)
-- features: subquery, nested from

-- case: WITH
-- query:
WITH x AS (SELECT a FROM t) SELECT a FROM x
-- features: with

-- case: DISTINCT within count
-- query:
SELECT count(DISTINCT a) FROM t
-- features: distinct, aggregate

-- case: DISTINCT
-- query:
SELECT DISTINCT a FROM t
-- features: distinct

-- case: a window
-- query:
SELECT sum(a) OVER (ORDER BY b) FROM t
-- features: aggregate, window

-- case: a function of dates
-- query:
SELECT a FROM t WHERE strftime('%Y', b) = '2014'
-- features: filter, date

-- case: a date in a text
-- query:
SELECT a FROM t WHERE b > '2014-01-31'
-- features: filter, date

-- case: NOT LIKE
-- query:
SELECT a FROM t WHERE b NOT LIKE 'x%'
-- features: filter, like, not

-- case: BETWEEN
-- query:
SELECT a FROM t WHERE b BETWEEN 1 AND 2
-- features: filter, between

-- case: NOT EXISTS
-- query:
SELECT a FROM t WHERE NOT EXISTS (SELECT 1 FROM u)
-- features: filter, subquery, exists, not

-- case: IS NOT NULL
-- query:
SELECT a FROM t WHERE b IS NOT NULL
-- features: filter, not, null

-- case: not equal is no NOT
-- query:
SELECT a FROM t WHERE b <> 1
-- features: filter

-- case: CASE
-- query:
SELECT CASE WHEN a = 1 THEN 2 END FROM t
-- features: case

-- case: arithmetic
-- query:
SELECT a - b FROM t
-- features: arithmetic

-- case: no query
-- query:
no query
-- features:
