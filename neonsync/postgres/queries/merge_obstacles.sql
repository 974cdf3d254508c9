-- Why nothing can be merged into the table %(table)s: one row a reason, none when it can be tried.
-- To be asked before anything is exported and paid for.
SELECT 'it is a view or a foreign table' FROM pg_class
 WHERE oid = %(table)s::oid AND relkind NOT IN ('r', 'p')
UNION ALL
SELECT 'its row security holds for this role, which then cannot see whether a row is there'
 WHERE row_security_active(%(table)s::oid)
UNION ALL
SELECT 'it has rules on INSERT or UPDATE, which ON CONFLICT does not go with'
 WHERE EXISTS (SELECT FROM pg_rewrite
                WHERE ev_class = %(table)s::oid AND ev_type IN ('2', '3'))
UNION ALL
SELECT 'this role lacks the privilege ' || p FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS p
 WHERE NOT has_table_privilege(%(table)s::oid, p)
