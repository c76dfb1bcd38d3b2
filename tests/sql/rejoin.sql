-- Queries over the schema of test_repair.py that compare columns which are no key of each other, and how they are joined.

-- case: the wrong column of the right table
-- wrong:
SELECT stadium.name FROM concert JOIN stadium ON concert.concert_id = stadium.stadium_id WHERE concert.year = 2014
-- joined:
SELECT stadium.name FROM concert JOIN stadium ON concert.stadium_id = stadium.stadium_id WHERE concert.year = 2014

-- case: a link table is left out
-- wrong:
SELECT s.name FROM singer AS s JOIN concert AS c ON s.singer_id = c.concert_id
-- joined:
SELECT s.name FROM singer AS s JOIN singer_in_concert ON s.singer_id = singer_in_concert.singer_id JOIN concert AS c ON singer_in_concert.concert_id = c.concert_id

-- case: inside another query
-- wrong:
SELECT COUNT(*) FROM singer WHERE singer.singer_id IN (SELECT singer_in_concert.singer_id FROM singer_in_concert JOIN concert ON singer_in_concert.singer_id = concert.concert_id)
-- joined:
SELECT COUNT(*) FROM singer WHERE singer.singer_id IN (SELECT singer_in_concert.singer_id FROM singer_in_concert JOIN concert ON singer_in_concert.concert_id = concert.concert_id)
