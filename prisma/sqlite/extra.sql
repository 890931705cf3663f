-- What the models cannot say. Applied after the migrations whenever it changed, so every statement can be repeated.
-- A trigger or index that is no longer wanted stays here as its DROP.
-- A broken rule says `constraint <name>`, with the name it has on PostgreSQL: src/db/error-facts.ts reads it.

-- Which task is next. Statements must spell out `status = 'QUEUED'`: with a parameter the index is not considered.
CREATE INDEX IF NOT EXISTS "Task_queued_idx" ON "Task" ("priority" DESC, "runAtMs", "id") WHERE "status" = 'QUEUED';
-- Whose lease has run out.
CREATE INDEX IF NOT EXISTS "Task_running_idx" ON "Task" ("leaseExpiresAtMs") WHERE "status" = 'RUNNING';
CREATE INDEX IF NOT EXISTS "Stream_open_idx" ON "Stream" ("leaseExpiresAtMs") WHERE "status" IN ('PENDING', 'STREAMING');

DROP TRIGGER IF EXISTS "Task_check_insert";
CREATE TRIGGER "Task_check_insert" BEFORE INSERT ON "Task" BEGIN
  SELECT RAISE(ABORT, 'constraint Task_lease_check')
    WHERE (NEW."status" = 'RUNNING') <> (NEW."leaseToken" IS NOT NULL)
       OR (NEW."status" = 'RUNNING') <> (NEW."worker" IS NOT NULL)
       OR (NEW."status" = 'RUNNING') <> (NEW."leaseExpiresAtMs" IS NOT NULL);
  SELECT RAISE(ABORT, 'constraint Task_progress_check') WHERE NEW."progress" NOT BETWEEN 0 AND 1;
  SELECT RAISE(ABORT, 'constraint Task_attempt_check') WHERE NEW."attempt" < 0;
  SELECT RAISE(ABORT, 'constraint Task_completedAtMs_check')
    WHERE (NEW."status" IN ('COMPLETED', 'FAILED', 'CANCELLED')) <> (NEW."completedAtMs" IS NOT NULL);
END;

DROP TRIGGER IF EXISTS "Task_check_update";
CREATE TRIGGER "Task_check_update" BEFORE UPDATE ON "Task" BEGIN
  SELECT RAISE(ABORT, 'constraint Task_lease_check')
    WHERE (NEW."status" = 'RUNNING') <> (NEW."leaseToken" IS NOT NULL)
       OR (NEW."status" = 'RUNNING') <> (NEW."worker" IS NOT NULL)
       OR (NEW."status" = 'RUNNING') <> (NEW."leaseExpiresAtMs" IS NOT NULL);
  SELECT RAISE(ABORT, 'constraint Task_progress_check') WHERE NEW."progress" NOT BETWEEN 0 AND 1;
  SELECT RAISE(ABORT, 'constraint Task_attempt_check') WHERE NEW."attempt" < 0;
  SELECT RAISE(ABORT, 'constraint Task_completedAtMs_check')
    WHERE (NEW."status" IN ('COMPLETED', 'FAILED', 'CANCELLED')) <> (NEW."completedAtMs" IS NOT NULL);
END;

DROP TRIGGER IF EXISTS "Stream_check_insert";
CREATE TRIGGER "Stream_check_insert" BEFORE INSERT ON "Stream" BEGIN
  SELECT RAISE(ABORT, 'constraint Stream_lastSeq_check') WHERE NEW."lastSeq" < -1;
  SELECT RAISE(ABORT, 'constraint Stream_completedAtMs_check')
    WHERE (NEW."status" IN ('COMPLETED', 'FAILED', 'CANCELLED', 'INTERRUPTED')) <> (NEW."completedAtMs" IS NOT NULL);
END;

DROP TRIGGER IF EXISTS "Stream_check_update";
CREATE TRIGGER "Stream_check_update" BEFORE UPDATE ON "Stream" BEGIN
  SELECT RAISE(ABORT, 'constraint Stream_lastSeq_check') WHERE NEW."lastSeq" < -1;
  SELECT RAISE(ABORT, 'constraint Stream_completedAtMs_check')
    WHERE (NEW."status" IN ('COMPLETED', 'FAILED', 'CANCELLED', 'INTERRUPTED')) <> (NEW."completedAtMs" IS NOT NULL);
END;

DROP TRIGGER IF EXISTS "StreamChunk_check_insert";
CREATE TRIGGER "StreamChunk_check_insert" BEFORE INSERT ON "StreamChunk" WHEN NEW."seq" < 0 BEGIN
  SELECT RAISE(ABORT, 'constraint StreamChunk_seq_check');
END;

DROP TRIGGER IF EXISTS "StreamChunk_check_update";
CREATE TRIGGER "StreamChunk_check_update" BEFORE UPDATE ON "StreamChunk" WHEN NEW."seq" < 0 BEGIN
  SELECT RAISE(ABORT, 'constraint StreamChunk_seq_check');
END;
