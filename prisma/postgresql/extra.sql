-- What the models cannot say. Applied after the migrations whenever it changed, so every statement can be repeated.
-- A constraint or index that is no longer wanted stays here as its DROP.

-- Which task is next. Statements must spell out `status = 'QUEUED'`: with a parameter the index is not considered.
CREATE INDEX IF NOT EXISTS "Task_queued_idx" ON "Task" ("priority" DESC, "runAtMs", "id") WHERE "status" = 'QUEUED';
-- Whose lease has run out.
CREATE INDEX IF NOT EXISTS "Task_running_idx" ON "Task" ("leaseExpiresAtMs") WHERE "status" = 'RUNNING';
CREATE INDEX IF NOT EXISTS "Stream_open_idx" ON "Stream" ("leaseExpiresAtMs") WHERE "status" IN ('PENDING', 'STREAMING');

ALTER TABLE "Task"
  DROP CONSTRAINT IF EXISTS "Task_lease_check",
  DROP CONSTRAINT IF EXISTS "Task_progress_check",
  DROP CONSTRAINT IF EXISTS "Task_attempt_check",
  DROP CONSTRAINT IF EXISTS "Task_completedAtMs_check",
  ADD CONSTRAINT "Task_lease_check" CHECK (
    ("status" = 'RUNNING') = ("leaseToken" IS NOT NULL)
    AND ("status" = 'RUNNING') = ("worker" IS NOT NULL)
    AND ("status" = 'RUNNING') = ("leaseExpiresAtMs" IS NOT NULL)),
  ADD CONSTRAINT "Task_progress_check" CHECK ("progress" BETWEEN 0 AND 1),
  ADD CONSTRAINT "Task_attempt_check" CHECK ("attempt" >= 0),
  ADD CONSTRAINT "Task_completedAtMs_check" CHECK (("status" IN ('COMPLETED', 'FAILED', 'CANCELLED')) = ("completedAtMs" IS NOT NULL));

ALTER TABLE "Stream"
  DROP CONSTRAINT IF EXISTS "Stream_lastSeq_check",
  DROP CONSTRAINT IF EXISTS "Stream_completedAtMs_check",
  ADD CONSTRAINT "Stream_lastSeq_check" CHECK ("lastSeq" >= -1),
  ADD CONSTRAINT "Stream_completedAtMs_check" CHECK (("status" IN ('COMPLETED', 'FAILED', 'CANCELLED', 'INTERRUPTED')) = ("completedAtMs" IS NOT NULL));

ALTER TABLE "StreamChunk"
  DROP CONSTRAINT IF EXISTS "StreamChunk_seq_check",
  ADD CONSTRAINT "StreamChunk_seq_check" CHECK ("seq" >= 0);
