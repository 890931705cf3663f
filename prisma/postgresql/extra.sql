-- What the models cannot say. Applied after the migrations whenever it changed, so every statement can be repeated.
-- A constraint or index that is no longer wanted stays here as its DROP.

-- What a worker may claim, lane by lane. Statements must spell out `status = 'QUEUED'`: with a parameter the index is not considered.
DROP INDEX IF EXISTS "Task_queued_idx";
CREATE INDEX IF NOT EXISTS "Task_ready_idx" ON "Task" ("lane" COLLATE "C", "priority" DESC, "runAtMs", "id") WHERE "status" = 'QUEUED' AND "readyAtMs" IS NOT NULL;
-- What becomes ready by time alone.
CREATE INDEX IF NOT EXISTS "Task_delayed_idx" ON "Task" ("runAtMs") WHERE "status" = 'QUEUED' AND "readyAtMs" IS NULL AND "waitingFor" = 0;
-- What must have ended, though it still waits.
CREATE INDEX IF NOT EXISTS "Task_deadline_idx" ON "Task" ("deadlineAtMs") WHERE "status" = 'QUEUED' AND "deadlineAtMs" IS NOT NULL;
-- What waits for others, and for whom: few among many. A task that waits for nobody is never in either.
CREATE INDEX IF NOT EXISTS "Task_waiting_idx" ON "Task" ("id") WHERE "status" IN ('CREATED', 'QUEUED') AND "waitingFor" > 0;
CREATE INDEX IF NOT EXISTS "TaskDependency_pending_idx" ON "TaskDependency" ("taskId", "dependsOnId") WHERE "isPending";
-- Whose lease has run out; which attempts must have ended; whom to let go after it was asked to stop; what holds a concurrency key.
CREATE INDEX IF NOT EXISTS "Task_running_idx" ON "Task" ("leaseExpiresAtMs") WHERE "status" = 'RUNNING';
CREATE INDEX IF NOT EXISTS "Task_overdue_idx" ON "Task" ("attemptEndsAtMs") WHERE "status" = 'RUNNING' AND "attemptEndsAtMs" IS NOT NULL;
CREATE INDEX IF NOT EXISTS "Task_stopping_idx" ON "Task" ("cancelRequestedAtMs") WHERE "status" = 'RUNNING' AND "cancelRequestedAtMs" IS NOT NULL;
CREATE INDEX IF NOT EXISTS "Task_running_key_idx" ON "Task" ("ownerId", "concurrencyKey") WHERE "status" = 'RUNNING' AND "concurrencyKey" IS NOT NULL;
-- What ended when, to archive and delete by age.
CREATE INDEX IF NOT EXISTS "Task_completed_idx" ON "Task" ("completedAtMs") WHERE "completedAtMs" IS NOT NULL;
CREATE INDEX IF NOT EXISTS "Task_unarchived_idx" ON "Task" ("completedAtMs") WHERE "completedAtMs" IS NOT NULL AND "archivedAtMs" IS NULL;
-- Who the ADMINs are, and which types have a name: asked by every claim and creation of a worker's type.
CREATE INDEX IF NOT EXISTS "User_admin_idx" ON "User" ("id") WHERE "role" = 'ADMIN';
CREATE INDEX IF NOT EXISTS "OutsideTaskType_name_idx" ON "OutsideTaskType" ("name");
CREATE INDEX IF NOT EXISTS "Task_parent_idx" ON "Task" ("parentId", "createdAtMs", "id") WHERE "parentId" IS NOT NULL;
CREATE INDEX IF NOT EXISTS "Task_schedule_idx" ON "Task" ("scheduleId", "createdAtMs", "id") WHERE "scheduleId" IS NOT NULL;
CREATE INDEX IF NOT EXISTS "Stream_open_idx" ON "Stream" ("leaseExpiresAtMs") WHERE "status" IN ('PENDING', 'STREAMING');
-- Calls under way, also those of a stream that ends; and ended ones that no sum has yet. Statements must spell both out.
CREATE INDEX IF NOT EXISTS "ProviderUsage_running_idx" ON "ProviderUsage" ("streamId") WHERE "status" = 'RUNNING';
CREATE INDEX IF NOT EXISTS "ProviderUsage_unsummed_idx" ON "ProviderUsage" ("day") WHERE "isSummed" = FALSE AND "status" <> 'RUNNING';
-- Budgets that hold for every call, and what of them is held.
CREATE INDEX IF NOT EXISTS "Budget_everything_idx" ON "Budget" ("id") WHERE "scope" = 'EVERYTHING';
CREATE INDEX IF NOT EXISTS "BudgetSpent_reserved_idx" ON "BudgetSpent" ("budgetId", "periodStartMs") WHERE "reservedMicroUsd" <> 0;
-- Which answers of a conversation are not final: few among many.
CREATE INDEX IF NOT EXISTS "Message_open_idx" ON "Message" ("conversationId") WHERE "status" IN ('PENDING', 'STREAMING');
-- Streams that have ended and are not yet compacted, or not yet cleared after they expired; and those that may still expire.
CREATE INDEX IF NOT EXISTS "Stream_uncompacted_idx" ON "Stream" ("completedAtMs") WHERE "compactedAtMs" IS NULL AND "completedAtMs" IS NOT NULL;
CREATE INDEX IF NOT EXISTS "Stream_unexpired_idx" ON "Stream" ("completedAtMs") WHERE "expiredAtMs" IS NULL AND "completedAtMs" IS NOT NULL AND "lastSeq" >= 0;
-- One set a space is built at a time; and what is left of sets that were replaced.
CREATE UNIQUE INDEX IF NOT EXISTS "VectorSet_building_key" ON "VectorSet" ("space") WHERE "status" = 'BUILDING';
CREATE INDEX IF NOT EXISTS "VectorSet_retired_idx" ON "VectorSet" ("id") WHERE "status" = 'RETIRED';

ALTER TABLE "Task"
  DROP CONSTRAINT IF EXISTS "Task_lease_check",
  DROP CONSTRAINT IF EXISTS "Task_progress_check",
  DROP CONSTRAINT IF EXISTS "Task_attempt_check",
  DROP CONSTRAINT IF EXISTS "Task_completedAtMs_check",
  DROP CONSTRAINT IF EXISTS "Task_ready_check",
  DROP CONSTRAINT IF EXISTS "Task_waitingFor_check",
  ADD CONSTRAINT "Task_lease_check" CHECK (
    ("status" = 'RUNNING') = ("leaseToken" IS NOT NULL)
    AND ("status" = 'RUNNING') = ("worker" IS NOT NULL)
    AND ("status" = 'RUNNING') = ("leaseExpiresAtMs" IS NOT NULL)
    AND ("status" = 'RUNNING') = ("workerKind" IS NOT NULL)),
  ADD CONSTRAINT "Task_ready_check" CHECK ("readyAtMs" IS NULL OR ("status" = 'QUEUED' AND "waitingFor" = 0)),
  ADD CONSTRAINT "Task_waitingFor_check" CHECK ("waitingFor" >= 0),
  ADD CONSTRAINT "Task_progress_check" CHECK ("progress" BETWEEN 0 AND 1),
  ADD CONSTRAINT "Task_attempt_check" CHECK ("attempt" >= 0),
  ADD CONSTRAINT "Task_completedAtMs_check" CHECK (("status" IN ('COMPLETED', 'FAILED', 'CANCELLED')) = ("completedAtMs" IS NOT NULL));

-- The legal moves: TASK_MOVES in src/tasks/task.ts, in SQL.
CREATE OR REPLACE FUNCTION "Task_move_refused"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a task may not become %', NEW."status" USING ERRCODE = 'check_violation', CONSTRAINT = 'Task_move_check', TABLE = 'Task';
END $$;
DROP TRIGGER IF EXISTS "Task_check_move" ON "Task";
CREATE TRIGGER "Task_check_move" BEFORE UPDATE OF "status" ON "Task" FOR EACH ROW WHEN (OLD."status" <> NEW."status" AND NOT (
    (OLD."status" = 'CREATED' AND NEW."status" IN ('QUEUED', 'CANCELLED'))
    OR (OLD."status" = 'QUEUED' AND NEW."status" IN ('RUNNING', 'FAILED', 'CANCELLED'))
    OR (OLD."status" = 'RUNNING' AND NEW."status" IN ('COMPLETED', 'FAILED', 'CANCELLED', 'QUEUED'))
    OR (OLD."status" IN ('FAILED', 'CANCELLED') AND NEW."status" = 'QUEUED')))
  EXECUTE FUNCTION "Task_move_refused"();
DROP TRIGGER IF EXISTS "Task_check_first" ON "Task";
CREATE TRIGGER "Task_check_first" BEFORE INSERT ON "Task" FOR EACH ROW WHEN (NEW."status" NOT IN ('CREATED', 'QUEUED', 'RUNNING'))
  EXECUTE FUNCTION "Task_move_refused"();

ALTER TABLE "Stream"
  DROP CONSTRAINT IF EXISTS "Stream_lastSeq_check",
  DROP CONSTRAINT IF EXISTS "Stream_completedAtMs_check",
  ADD CONSTRAINT "Stream_lastSeq_check" CHECK ("lastSeq" >= -1),
  ADD CONSTRAINT "Stream_completedAtMs_check" CHECK (("status" IN ('COMPLETED', 'FAILED', 'CANCELLED', 'INTERRUPTED')) = ("completedAtMs" IS NOT NULL));

ALTER TABLE "StreamChunk"
  DROP CONSTRAINT IF EXISTS "StreamChunk_seq_check",
  ADD CONSTRAINT "StreamChunk_seq_check" CHECK ("seq" >= 0);

ALTER TABLE "Message"
  DROP CONSTRAINT IF EXISTS "Message_depth_check",
  DROP CONSTRAINT IF EXISTS "Message_completedAtMs_check",
  ADD CONSTRAINT "Message_depth_check" CHECK (("parentId" IS NULL) = ("depth" = 0) AND ("jumpId" IS NULL) = ("parentId" IS NULL)),
  ADD CONSTRAINT "Message_completedAtMs_check" CHECK (("status" IN ('PENDING', 'STREAMING')) = ("completedAtMs" IS NULL));

ALTER TABLE "VectorSet"
  DROP CONSTRAINT IF EXISTS "VectorSet_items_check",
  ADD CONSTRAINT "VectorSet_items_check" CHECK ("items" >= 0);

ALTER TABLE "Vector"
  DROP CONSTRAINT IF EXISTS "Vector_bytes_check",
  ADD CONSTRAINT "Vector_bytes_check" CHECK (length("bytes") > 0 AND length("bytes") % 4 = 0);

-- Text is compared by its bytes, as SQLite and JavaScript's live filters do it; and an index on ids costs a fraction of one by a language's rules.
DO $$
DECLARE "found" record;
BEGIN
  FOR "found" IN
    SELECT "table_name", "column_name" FROM information_schema.columns
    WHERE "table_schema" = current_schema() AND "data_type" = 'text' AND "collation_name" IS DISTINCT FROM 'C' AND "table_name" NOT LIKE '\_%'
    ORDER BY "table_name", "column_name"
  LOOP
    EXECUTE format('ALTER TABLE %I ALTER COLUMN %I TYPE text COLLATE "C"', "found"."table_name", "found"."column_name");
  END LOOP;
END $$;

-- The full-text index (src/search/README.md).
ALTER TABLE "TextItem" ADD COLUMN IF NOT EXISTS "terms" tsvector;
CREATE INDEX IF NOT EXISTS "TextItem_terms_idx" ON "TextItem" USING gin ("terms");
-- Beside the row as long as it fits: the planner does not see what lies elsewhere, and would rather read all of it than use the index.
ALTER TABLE "TextItem" ALTER COLUMN "terms" SET STORAGE MAIN;
ALTER TABLE "TextItem" SET (toast_tuple_target = 8160);
