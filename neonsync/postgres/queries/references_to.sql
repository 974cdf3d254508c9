-- The foreign keys that lead to the table %(table)s, with their columns side by side; a key of a
-- partitioned table stands once, not again for each partition.
SELECT k.conname,
       n.nspname,
       c.relname,
       k.conrelid = k.confrelid,
       ARRAY(SELECT a.attname::text
               FROM unnest(k.conkey) WITH ORDINALITY AS u(attnum, n)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum
              ORDER BY u.n),
       ARRAY(SELECT a.attname::text
               FROM unnest(k.confkey) WITH ORDINALITY AS u(attnum, n)
               JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum
              ORDER BY u.n)
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype = 'f' AND k.confrelid = %(table)s::oid AND k.conparentid = 0
 ORDER BY n.nspname, c.relname, k.conname
