-- SPDX-License-Identifier: GPL-2.0-or-later
-- bench.sql: a table in memory, an index, joins, groups, updates. N is the number of rows.
PRAGMA journal_mode = off;
CREATE TABLE item(id INTEGER PRIMARY KEY, kind INTEGER, price REAL, name TEXT);
CREATE TABLE kind(id INTEGER PRIMARY KEY, name TEXT);
WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < @N@)
INSERT INTO item SELECT n, n * 7919 % 101, n * 31 % 1000 / 4.0, printf('item %x', n * 2654435761 % 65536) FROM c;
INSERT INTO kind SELECT DISTINCT kind, 'kind ' || kind FROM item;
CREATE INDEX by_name ON item(name);
SELECT k.name, count(*), sum(i.price), max(i.name) FROM item i JOIN kind k ON k.id = i.kind
 GROUP BY k.name ORDER BY 3 DESC LIMIT 5;
UPDATE item SET price = price * 1.5 WHERE name LIKE '%a%';
SELECT count(*), sum(price) FROM item WHERE name BETWEEN 'item 4' AND 'item a';
DELETE FROM item WHERE kind IN (SELECT id FROM kind WHERE name LIKE '%3%');
SELECT count(*), min(name), round(avg(price), 6) FROM item;
