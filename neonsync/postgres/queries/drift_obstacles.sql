-- Why the table %(table)s cannot get other columns, or its columns %(widened)s other types: one row
-- a reason, none when it can be tried. To be asked before anything is exported and paid for.
SELECT 'this role is not its owner' FROM pg_class
 WHERE oid = %(table)s::oid AND NOT pg_has_role(relowner, 'USAGE')
UNION ALL
SELECT DISTINCT 'the column "' || a.attname || '" is used by '
       || pg_describe_object(d.classid, d.objid, d.objsubid)
  FROM pg_attribute a
  JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid
                  AND d.refobjsubid = a.attnum
 WHERE a.attrelid = %(table)s::oid AND a.attname = ANY (%(widened)s) AND NOT a.attisdropped
   -- views, policies, triggers; a generated column, by itself or by its expression, which is a
   -- default as far as the catalogue goes
   AND (d.classid IN ('pg_rewrite'::regclass, 'pg_policy'::regclass, 'pg_trigger'::regclass)
        OR d.classid = 'pg_class'::regclass AND d.objid = a.attrelid AND d.objsubid <> 0
        OR d.classid = 'pg_attrdef'::regclass AND EXISTS
           (SELECT FROM pg_attrdef g WHERE g.oid = d.objid AND g.adnum <> a.attnum))
