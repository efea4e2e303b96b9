-- Attempts go with their deliveries (infrastructure/src/webhooks/pruning.rs): an erasure finds them by these, and would
-- leave what receivers of deleted webhooks answered. Before, they could stay until they were old.
DELETE FROM webhook_attempts a
    WHERE NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.workspace_id = a.workspace_id AND d.id = a.delivery_id);
