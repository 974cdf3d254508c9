-- The columns of the table %(table)s in their order. "settable" is false for a column that must
-- get a value from whoever inserts: NOT NULL, and neither default, identity nor generated.
SELECT a.attname,
       format_type(a.atttypid, a.atttypmod),
       a.attnotnull,
       a.attgenerated <> '' OR a.attidentity = 'a',
       NOT a.attnotnull OR a.atthasdef OR a.attidentity <> ''
  FROM pg_attribute a
 WHERE a.attrelid = %(table)s::oid AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum
