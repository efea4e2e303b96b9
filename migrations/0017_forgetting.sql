-- Whom the log has forgotten, and what must not be written of them any more (docs/adr/0020-forgetting.md).

-- Subjects whose data keys were destroyed for ever: no append makes a new key for one of them. Written under the head
-- lock, with the certificate, which is the event at this position.
CREATE TABLE erased_subjects (
    workspace_id uuid        NOT NULL,
    subject      text        COLLATE "C" NOT NULL,
    position     bigint      NOT NULL CHECK (position > 0),
    erased_at    timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, subject)
);

-- An answer that is still being made when its customer is erased is not kept, and neither is what a receiver answers.
ALTER TABLE commands ADD COLUMN forgotten boolean NOT NULL DEFAULT false;
ALTER TABLE webhook_deliveries ADD COLUMN forgotten boolean NOT NULL DEFAULT false;
