-- Queries that SQLite does not understand over the schema of test_repair.py, and how they are mended (sql/repair.py).

-- case: a table in the plural
-- wrong:
SELECT singers.name FROM singers WHERE singers.country = 'France'
-- mended:
SELECT singer.name FROM singer WHERE singer.country = 'France'

-- case: a table named by its columns
-- wrong:
SELECT artist.country FROM artist WHERE artist.birth_year > 1990
-- mended:
SELECT singer.country FROM singer WHERE singer.birth_year > 1990

-- case: a column with its table's name before it
-- wrong:
SELECT singer.singer_name FROM singer
-- mended:
SELECT singer.name FROM singer

-- case: a column that is nearly known
-- wrong:
SELECT count(*) FROM singer WHERE singer.birthyear > 1990
-- mended:
SELECT COUNT(*) FROM singer WHERE singer.birth_year > 1990

-- case: a column of another table
-- wrong:
SELECT concert.capacity FROM concert WHERE concert.year = 2014
-- mended:
SELECT stadium.capacity FROM concert JOIN stadium ON concert.stadium_id = stadium.stadium_id WHERE concert.year = 2014

-- case: a table that is named and not read
-- wrong:
SELECT singer.name, concert.year FROM singer
-- mended:
SELECT singer.name, concert.year FROM singer JOIN singer_in_concert ON singer.singer_id = singer_in_concert.singer_id JOIN concert ON singer_in_concert.concert_id = concert.concert_id

-- case: bare columns get their table when another one is joined
-- wrong:
SELECT country FROM singer WHERE concert.year = 2014
-- mended:
SELECT singer.country FROM singer JOIN singer_in_concert ON singer.singer_id = singer_in_concert.singer_id JOIN concert ON singer_in_concert.concert_id = concert.concert_id WHERE concert.year = 2014

-- case: a join over a column that is not there
-- wrong:
SELECT stadium.name FROM concert JOIN stadium ON concert.stadium = stadium.stadium_id
-- mended:
SELECT stadium.name FROM concert JOIN stadium ON concert.stadium_id = stadium.stadium_id

-- case: a join without its link table
-- wrong:
SELECT s.name FROM singer AS s JOIN concert AS c ON s.singer_id = c.singer_id WHERE c.year = 2014
-- mended:
SELECT s.name FROM singer AS s JOIN singer_in_concert ON s.singer_id = singer_in_concert.singer_id JOIN concert AS c ON singer_in_concert.concert_id = c.concert_id WHERE c.year = 2014

-- case: inside another query
-- wrong:
SELECT singer.name FROM singer WHERE singer.singer_id NOT IN (SELECT concert.singer_id FROM concert)
-- mended:
SELECT singer.name FROM singer WHERE NOT singer.singer_id IN (SELECT singer_in_concert.singer_id FROM concert JOIN singer_in_concert ON concert.concert_id = singer_in_concert.concert_id)

-- case: the outer table's column inside
-- wrong:
SELECT name FROM singer WHERE EXISTS (SELECT 1 FROM concert WHERE concert.singer_id = singer.singer_id)
-- mended:
SELECT name FROM singer WHERE EXISTS(SELECT 1 FROM concert JOIN singer_in_concert ON concert.concert_id = singer_in_concert.concert_id WHERE singer_in_concert.singer_id = singer.singer_id)

-- case: a table that is joined twice
-- wrong:
SELECT singer.name FROM singer JOIN singer_in_concert ON singer.singer_id = singer_in_concert.singer_id JOIN singer_in_concert ON singer_in_concert.singer_id = singer.singer_id
-- mended:
SELECT singer.name FROM singer JOIN singer_in_concert ON singer.singer_id = singer_in_concert.singer_id

-- case: names that need quotes
-- wrong:
SELECT order.price FROM "order" WHERE "order".unit_price > 3
-- mended:
SELECT "order"."unit price" FROM "order" WHERE "order"."unit price" > 3

-- case: both sides of a union
-- wrong:
SELECT names FROM singer UNION SELECT stadium.names FROM stadium
-- mended:
SELECT singer.name FROM singer UNION SELECT stadium.name FROM stadium

-- case: an alias with a wrong column
-- wrong:
SELECT T1.names FROM singer AS T1 WHERE T1.countries = 'France'
-- mended:
SELECT t1.name FROM singer AS T1 WHERE t1.country = 'France'
