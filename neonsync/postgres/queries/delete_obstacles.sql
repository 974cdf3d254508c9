-- Why no rows can be deleted from the table %(table)s: one row a reason, none when it can be tried.
SELECT 'its row security holds for this role, which then cannot see whether a row is there'
 WHERE row_security_active(%(table)s::oid)
UNION ALL
SELECT 'it has rules on DELETE'
 WHERE EXISTS (SELECT FROM pg_rewrite WHERE ev_class = %(table)s::oid AND ev_type = '4')
UNION ALL
SELECT 'other tables inherit from it, and their rows would go with its own' FROM pg_class
 WHERE oid = %(table)s::oid AND relkind = 'r'
   AND EXISTS (SELECT FROM pg_inherits WHERE inhparent = %(table)s::oid)
UNION ALL
SELECT 'this role lacks the privilege DELETE'
 WHERE NOT has_table_privilege(%(table)s::oid, 'DELETE')
