-- The indexes of the table %(table)s. "tail" is the definition from USING on, which holds no
-- name of a table, so that the same index can be built on another table. "columns" is NULL for
-- an index with expressions.
SELECT ic.relname,
       i.indisunique,
       substr(pg_get_indexdef(ic.oid),
              length(format('CREATE %%sINDEX %%I ON %%s', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END,
                            ic.relname, format('%%I.%%I', tn.nspname, tc.relname))) + 2),
       coalesce(k.contype::text, ''),
       CASE WHEN i.indexprs IS NULL THEN
            ARRAY(SELECT a.attname::text
                    FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u(attnum, n)
                    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum
                   WHERE u.n <= i.indnkeyatts ORDER BY u.n) END,
       i.indpred IS NOT NULL,
       i.indisvalid AND i.indimmediate
  FROM pg_index i
  JOIN pg_class ic ON ic.oid = i.indexrelid
  JOIN pg_class tc ON tc.oid = i.indrelid
  JOIN pg_namespace tn ON tn.oid = tc.relnamespace
  LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid
                           AND k.contype IN ('p', 'u')
 WHERE i.indrelid = %(table)s::oid
 ORDER BY ic.relname
