-- Answers of models, and the SQL that is taken out of them (sql/extract.py).

-- Format (tests/golden.py): a case begins with `-- case: NAME`. Its parts follow, each with a label. A short text
-- stands behind its label, a query on the lines below. Empty lines at the end of a part do not count.

-- case: plain: a query
-- answer:
SELECT a FROM t
-- sql:
SELECT a FROM t

-- case: plain: line breaks and blanks
-- answer:
  select a
  from t
  where b = 1 ;
-- sql:
select a from t where b = 1

-- case: plain: WITH
-- answer:
WITH x AS (SELECT 1) SELECT * FROM x;
-- sql:
WITH x AS (SELECT 1) SELECT * FROM x

-- case: plain: WITH RECURSIVE
-- answer:
WITH RECURSIVE n(i) AS (SELECT 1) SELECT i FROM n
-- sql:
WITH RECURSIVE n(i) AS (SELECT 1) SELECT i FROM n

-- case: fence: sql
-- answer:
```sql
SELECT 1
```
-- sql:
SELECT 1

-- case: fence: without a language
-- answer:
```
SELECT 1
```
-- sql:
SELECT 1

-- case: fence: the first of two statements
-- answer:
```SQLite
SELECT 1;
SELECT 2;
```
-- sql:
SELECT 1

-- case: fence: never closed
-- answer:
```sql
SELECT 1
-- sql:
SELECT 1

-- case: fence: opened after the query
-- answer:
SELECT 1
```
This is it.
-- sql:
SELECT 1

-- case: fence: the second one holds the query
-- answer:
```python
print(1)
```
and
```sql
SELECT 2
```
-- sql:
SELECT 2

-- case: fence: comments in the query
-- answer:
Sure!
```sql
-- select the names
SELECT name FROM t -- don't stop
WHERE a = 1
```
-- sql:
SELECT name FROM t WHERE a = 1

-- case: prose: around the query
-- answer:
The answer is:
SELECT a FROM t

It reads t.
-- sql:
SELECT a FROM t

-- case: prose: on the line below
-- answer:
SELECT a FROM t
This query reads all rows.
-- sql:
SELECT a FROM t

-- case: prose: an empty line within the query
-- answer:
SELECT a

FROM t
-- sql:
SELECT a FROM t

-- case: prose: the word select before the query
-- answer:
I will select the names. SELECT name FROM t
-- sql:
SELECT name FROM t

-- case: prose: the word select before a query in small letters
-- answer:
To select names, use this: select name from t;
-- sql:
select name from t

-- case: prose: the query in backticks
-- answer:
Use `SELECT a FROM t`, which reads `t`.
-- sql:
SELECT a FROM t

-- case: prose: a name in backticks within backticks
-- answer:
Use `SELECT `a` FROM t`.
-- sql:
SELECT `a` FROM t

-- case: prose: the query in double quotes
-- answer:
It is "SELECT a FROM t".
-- sql:
SELECT a FROM t

-- case: prose: a label before the query
-- answer:
SQL: SELECT 1
-- sql:
SELECT 1

-- case: quotes: a WITH that has a name in quotes
-- answer:
WITH "my cte" AS (SELECT 1 AS a) SELECT a FROM "my cte"
-- sql:
WITH "my cte" AS (SELECT 1 AS a) SELECT a FROM "my cte"

-- case: quotes: a semicolon and a comment's sign in brackets
-- answer:
SELECT [a;b], [c -- d] FROM t; rest
-- sql:
SELECT [a;b], [c -- d] FROM t

-- case: quotes: blanks and a semicolon in texts
-- answer:
SELECT 'a  b', "c;d" FROM t; rest
-- sql:
SELECT 'a  b', "c;d" FROM t

-- case: quotes: an apostrophe in a text
-- answer:
SELECT 'it''s; ok' FROM t
-- sql:
SELECT 'it''s; ok' FROM t

-- case: comment: a semicolon in it
-- answer:
SELECT a /* ; */ FROM t
-- sql:
SELECT a FROM t

-- case: comment: a minus is none
-- answer:
SELECT a - 1 FROM t
-- sql:
SELECT a - 1 FROM t

-- case: comment: a slash is none
-- answer:
SELECT a/b FROM t
-- sql:
SELECT a/b FROM t

-- case: write: INSERT keeps its verb
-- answer:
INSERT INTO t SELECT * FROM u
-- sql:
INSERT INTO t SELECT * FROM u

-- case: write: insert in small letters
-- answer:
insert into t
select * from u
-- sql:
insert into t select * from u

-- case: write: CREATE TABLE AS
-- answer:
CREATE TABLE x AS SELECT 1
-- sql:
CREATE TABLE x AS SELECT 1

-- case: write: DELETE with a query in it
-- answer:
DELETE FROM t WHERE a IN (SELECT 1);
-- sql:
DELETE FROM t WHERE a IN (SELECT 1)

-- case: write: DELETE within WITH
-- answer:
WITH g AS (DELETE FROM t RETURNING 1) SELECT * FROM g
-- sql:
WITH g AS (DELETE FROM t RETURNING 1) SELECT * FROM g

-- case: none: an empty answer
-- answer:
-- sql:

-- case: none: only a semicolon
-- answer:
  ;
-- sql:

-- case: none: prose
-- answer:
I do not know.
-- sql:
I do not know.

-- case: none: a statement that is no query
-- answer:
DROP TABLE t;
-- sql:
DROP TABLE t
