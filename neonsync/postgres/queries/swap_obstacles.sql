-- Why the table %(table)s may not be replaced by another one under its name: one row a reason,
-- none when a swap is safe. DROP ... RESTRICT would stop for views and foreign keys only;
-- policies, triggers, publications and the like would vanish in silence.
-- Emptiness is not asked here.
WITH t AS (
    SELECT c.* FROM pg_class c WHERE c.oid = %(table)s::oid
), identity AS (
    SELECT s.* FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
     WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
       AND d.refobjid = %(table)s::oid AND d.deptype = 'i'
), rights AS (
    SELECT 'r'::"char" AS kind, relowner, relacl AS acl FROM t
    UNION ALL SELECT 's', relowner, relacl FROM identity
    UNION ALL SELECT 'c', t.relowner, a.attacl FROM t JOIN pg_attribute a ON a.attrelid = t.oid
               WHERE NOT a.attisdropped
)
SELECT 'it is not an ordinary table' FROM t
 WHERE relkind <> 'r' OR relpersistence <> 'p' OR relispartition
    OR EXISTS (SELECT FROM pg_inherits i WHERE t.oid IN (i.inhrelid, i.inhparent))
UNION ALL
SELECT 'another role owns it' FROM t
 WHERE relowner <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
UNION ALL
SELECT 'it has row security or policies' FROM t
 WHERE relrowsecurity OR relforcerowsecurity
    OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid)
UNION ALL
SELECT 'it has triggers' FROM t
 WHERE EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = t.oid AND NOT g.tgisinternal)
UNION ALL
SELECT 'it has rules' FROM t WHERE relhasrules
UNION ALL
SELECT 'it is in a publication' FROM t
 WHERE EXISTS (SELECT FROM pg_publication_rel r WHERE r.prrelid = t.oid)
    OR EXISTS (SELECT FROM pg_publication_namespace n WHERE n.pnnspid = t.relnamespace)
    OR EXISTS (SELECT FROM pg_publication a WHERE a.puballtables)
UNION ALL
SELECT 'it has a replica identity of its own' FROM t WHERE relreplident <> 'd'
UNION ALL
SELECT 'foreign keys lead to or from it' FROM t
 WHERE EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND t.oid IN (f.conrelid, f.confrelid))
UNION ALL
SELECT 'it has exclusion, deferrable or trigger constraints' FROM t
 WHERE EXISTS (SELECT FROM pg_constraint x
                WHERE x.conrelid = t.oid AND (x.contype IN ('x', 't') OR x.condeferrable))
UNION ALL
SELECT 'views or functions depend on it' FROM t
 WHERE EXISTS (SELECT FROM pg_depend d
                WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.deptype = 'n'
                  AND d.classid NOT IN ('pg_policy'::regclass, 'pg_publication_rel'::regclass)
                  -- a generated column or a check names its own table, which goes with it
                  AND NOT (d.classid = 'pg_attrdef'::regclass AND d.objid IN
                           (SELECT a.oid FROM pg_attrdef a WHERE a.adrelid = t.oid))
                  AND NOT (d.classid = 'pg_constraint'::regclass AND d.objid IN
                           (SELECT k.oid FROM pg_constraint k WHERE k.conrelid = t.oid)))
    OR EXISTS (SELECT FROM pg_depend d
                WHERE d.refclassid = 'pg_type'::regclass AND d.deptype = 'n'
                  AND d.refobjid IN (SELECT y.oid FROM pg_type y
                                      WHERE y.oid = t.reltype OR y.typelem = t.reltype))
UNION ALL
SELECT 'it owns a sequence that is no identity column''s' FROM t
 WHERE EXISTS (SELECT FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
                WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                  AND d.refobjid = t.oid AND d.deptype = 'a')
UNION ALL
SELECT 'it has identity columns besides the generated id' FROM t
 WHERE EXISTS (SELECT FROM pg_attribute a
                WHERE a.attrelid = t.oid AND a.attidentity <> '' AND NOT a.attisdropped
                  AND a.attname IS DISTINCT FROM %(generated_id)s::text)
UNION ALL
SELECT 'the sequence of its identity column is used elsewhere' FROM t
 WHERE EXISTS (SELECT FROM pg_depend i JOIN pg_depend d ON d.refobjid = i.objid
                WHERE i.classid = 'pg_class'::regclass AND i.refclassid = 'pg_class'::regclass
                  AND i.refobjid = t.oid AND i.deptype = 'i'
                  AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'n')
UNION ALL
SELECT 'it has constraints that are not validated' FROM t
 WHERE EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = t.oid AND NOT k.convalidated)
UNION ALL
SELECT 'its row type has comments or rights of its own' FROM t
 WHERE EXISTS (SELECT FROM pg_type y
                WHERE (y.oid = t.reltype OR y.typelem = t.reltype)
                  AND (y.typacl IS NOT NULL
                       OR EXISTS (SELECT FROM pg_description c
                                   WHERE c.classoid = 'pg_type'::regclass AND c.objoid = y.oid)))
UNION ALL
SELECT 'its indexes, constraints or sequence have comments' FROM t
 WHERE EXISTS (SELECT FROM pg_description c JOIN identity s ON s.oid = c.objoid
                WHERE c.classoid = 'pg_class'::regclass)
    OR EXISTS (SELECT FROM pg_description c JOIN pg_index i ON i.indexrelid = c.objoid
                WHERE c.classoid = 'pg_class'::regclass AND i.indrelid = t.oid)
    OR EXISTS (SELECT FROM pg_description c JOIN pg_constraint k ON k.oid = c.objoid
                WHERE c.classoid = 'pg_constraint'::regclass AND k.conrelid = t.oid
                  AND k.contype IN ('p', 'u'))
UNION ALL
SELECT 'its owner has given up rights of his own' FROM t
 WHERE EXISTS (SELECT FROM rights
                WHERE acl IS NOT NULL AND kind <> 'c'
                  AND (SELECT count(*) FROM aclexplode(acl) x WHERE x.grantee = relowner)
                      < (SELECT count(*) FROM aclexplode(acldefault(kind, relowner)) x
                          WHERE x.grantee = relowner))
UNION ALL
SELECT 'another role than its owner has granted rights on it' FROM t
 WHERE EXISTS (SELECT FROM rights, aclexplode(acl) x WHERE x.grantor <> relowner)
UNION ALL
SELECT 'it belongs to an extension' FROM t
 WHERE EXISTS (SELECT FROM pg_depend d
                WHERE d.classid = 'pg_class'::regclass AND d.objid = t.oid AND d.deptype = 'e')
UNION ALL
SELECT 'it has security labels' FROM t
 WHERE EXISTS (SELECT FROM pg_seclabel l
                WHERE l.classoid = 'pg_class'::regclass AND l.objoid = t.oid)
UNION ALL
SELECT 'it has extended statistics' FROM t
 WHERE EXISTS (SELECT FROM pg_statistic_ext e WHERE e.stxrelid = t.oid)
UNION ALL
SELECT 'it has storage options or a tablespace of its own' FROM t
 WHERE reltablespace <> 0 OR reloptions IS NOT NULL OR reloftype <> 0
    OR EXISTS (SELECT FROM pg_class o WHERE o.oid = t.reltoastrelid AND o.reloptions IS NOT NULL)
    OR relam <> (SELECT oid FROM pg_am WHERE amname = 'heap')
    OR EXISTS (SELECT FROM pg_attribute a
                WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
                  AND (a.attoptions IS NOT NULL OR coalesce(a.attstattarget, -1) <> -1))
    OR EXISTS (SELECT FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid
                WHERE i.indrelid = t.oid
                  AND (i.indisclustered OR NOT i.indisvalid OR ic.reltablespace <> 0
                       OR EXISTS (SELECT FROM pg_attribute a
                                   WHERE a.attrelid = ic.oid AND coalesce(a.attstattarget, -1) <> -1)))
