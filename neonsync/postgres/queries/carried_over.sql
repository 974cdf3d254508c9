-- What of the table %(table)s its staging table %(staging)s has otherwise, as one of them was changed
-- after the other had been made LIKE it: names of columns and checks. Indexes, rights and the
-- table's own comment are not asked here: a swap takes them over as they are then.
WITH carried AS (
    SELECT a.attrelid AS owner, a.attname::text AS name,
           jsonb_build_array(pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attstorage,
                             a.attcompression, a.attcollation, col_description(a.attrelid, a.attnum),
                             (SELECT to_jsonb(q) - 'seqrelid' FROM pg_depend p
                                JOIN pg_sequence q ON q.seqrelid = p.objid
                               WHERE p.classid = 'pg_class'::regclass
                                 AND p.refclassid = 'pg_class'::regclass AND p.deptype = 'i'
                                 AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum)) AS detail
      FROM pg_attribute a
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid IN (%(table)s::oid, %(staging)s::oid) AND a.attnum > 0 AND NOT a.attisdropped
       AND NOT a.attname = ANY (%(marks)s)
    UNION ALL
    SELECT k.conrelid, k.conname::text,
           jsonb_build_array(pg_get_constraintdef(k.oid), obj_description(k.oid, 'pg_constraint'))
      FROM pg_constraint k
     WHERE k.conrelid IN (%(table)s::oid, %(staging)s::oid) AND k.contype = 'c'
), target AS (
    SELECT name, detail FROM carried WHERE owner = %(table)s::oid
), staged AS (
    SELECT name, detail FROM carried WHERE owner = %(staging)s::oid
)
SELECT DISTINCT name
  FROM ((TABLE target EXCEPT TABLE staged) UNION (TABLE staged EXCEPT TABLE target)) AS differing
 ORDER BY name
