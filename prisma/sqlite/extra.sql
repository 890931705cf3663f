-- What the models cannot say. Applied after the migrations whenever it changed, so every statement can be repeated.
-- A trigger or index that is no longer wanted stays here as its DROP.
-- A broken rule says `constraint <name>`, with the name it has on PostgreSQL: src/db/error-facts.ts reads it.

-- What a worker may claim, lane by lane. Statements must spell out `status = 'QUEUED'`: with a parameter the index is not considered.
DROP INDEX IF EXISTS "Task_queued_idx";
CREATE INDEX IF NOT EXISTS "Task_ready_idx" ON "Task" ("lane", "priority" DESC, "runAtMs", "id") WHERE "status" = 'QUEUED' AND "readyAtMs" IS NOT NULL;
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

DROP TRIGGER IF EXISTS "Task_check_insert";
CREATE TRIGGER "Task_check_insert" BEFORE INSERT ON "Task" BEGIN
  SELECT RAISE(ABORT, 'constraint Task_lease_check')
    WHERE (NEW."status" = 'RUNNING') <> (NEW."leaseToken" IS NOT NULL)
       OR (NEW."status" = 'RUNNING') <> (NEW."worker" IS NOT NULL)
       OR (NEW."status" = 'RUNNING') <> (NEW."leaseExpiresAtMs" IS NOT NULL)
       OR (NEW."status" = 'RUNNING') <> (NEW."workerKind" IS NOT NULL);
  SELECT RAISE(ABORT, 'constraint Task_ready_check') WHERE NEW."readyAtMs" IS NOT NULL AND (NEW."status" <> 'QUEUED' OR NEW."waitingFor" > 0);
  SELECT RAISE(ABORT, 'constraint Task_waitingFor_check') WHERE NEW."waitingFor" < 0;
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
       OR (NEW."status" = 'RUNNING') <> (NEW."leaseExpiresAtMs" IS NOT NULL)
       OR (NEW."status" = 'RUNNING') <> (NEW."workerKind" IS NOT NULL);
  SELECT RAISE(ABORT, 'constraint Task_ready_check') WHERE NEW."readyAtMs" IS NOT NULL AND (NEW."status" <> 'QUEUED' OR NEW."waitingFor" > 0);
  SELECT RAISE(ABORT, 'constraint Task_waitingFor_check') WHERE NEW."waitingFor" < 0;
  SELECT RAISE(ABORT, 'constraint Task_progress_check') WHERE NEW."progress" NOT BETWEEN 0 AND 1;
  SELECT RAISE(ABORT, 'constraint Task_attempt_check') WHERE NEW."attempt" < 0;
  SELECT RAISE(ABORT, 'constraint Task_completedAtMs_check')
    WHERE (NEW."status" IN ('COMPLETED', 'FAILED', 'CANCELLED')) <> (NEW."completedAtMs" IS NOT NULL);
END;

-- The legal moves: TASK_MOVES in src/tasks/task.ts, in SQL.
DROP TRIGGER IF EXISTS "Task_check_move";
CREATE TRIGGER "Task_check_move" BEFORE UPDATE OF "status" ON "Task" WHEN OLD."status" <> NEW."status" AND NOT (
    (OLD."status" = 'CREATED' AND NEW."status" IN ('QUEUED', 'CANCELLED'))
    OR (OLD."status" = 'QUEUED' AND NEW."status" IN ('RUNNING', 'FAILED', 'CANCELLED'))
    OR (OLD."status" = 'RUNNING' AND NEW."status" IN ('COMPLETED', 'FAILED', 'CANCELLED', 'QUEUED'))
    OR (OLD."status" IN ('FAILED', 'CANCELLED') AND NEW."status" = 'QUEUED'))
BEGIN
  SELECT RAISE(ABORT, 'constraint Task_move_check');
END;
DROP TRIGGER IF EXISTS "Task_check_first";
CREATE TRIGGER "Task_check_first" BEFORE INSERT ON "Task" WHEN NEW."status" NOT IN ('CREATED', 'QUEUED', 'RUNNING') BEGIN
  SELECT RAISE(ABORT, 'constraint Task_move_check');
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

DROP TRIGGER IF EXISTS "Message_check_insert";
CREATE TRIGGER "Message_check_insert" BEFORE INSERT ON "Message" BEGIN
  SELECT RAISE(ABORT, 'constraint Message_depth_check') WHERE (NEW."parentId" IS NULL) <> (NEW."depth" = 0) OR (NEW."jumpId" IS NULL) <> (NEW."parentId" IS NULL);
  SELECT RAISE(ABORT, 'constraint Message_completedAtMs_check') WHERE (NEW."status" IN ('PENDING', 'STREAMING')) <> (NEW."completedAtMs" IS NULL);
END;

DROP TRIGGER IF EXISTS "Message_check_update";
CREATE TRIGGER "Message_check_update" BEFORE UPDATE ON "Message" BEGIN
  SELECT RAISE(ABORT, 'constraint Message_depth_check') WHERE (NEW."parentId" IS NULL) <> (NEW."depth" = 0) OR (NEW."jumpId" IS NULL) <> (NEW."parentId" IS NULL);
  SELECT RAISE(ABORT, 'constraint Message_completedAtMs_check') WHERE (NEW."status" IN ('PENDING', 'STREAMING')) <> (NEW."completedAtMs" IS NULL);
END;

-- Refusals of the trail: an index of the few among many.
CREATE INDEX IF NOT EXISTS "AuditEntry_refused_idx" ON "AuditEntry" ("position") WHERE "code" IS NOT NULL;

-- The trail of calls is only added to: nothing changes what stands in it, and what is removed lies below where its chain was cut.
-- That of inserts is against INSERT OR REPLACE, which removes without a word to the others.
DROP TRIGGER IF EXISTS "AuditEntry_check_insert";
CREATE TRIGGER "AuditEntry_check_insert" BEFORE INSERT ON "AuditEntry" WHEN EXISTS (SELECT 1 FROM "AuditEntry" WHERE "id" = NEW."id" OR "position" = NEW."position") BEGIN
  SELECT RAISE(ABORT, 'constraint AuditEntry_update_check');
END;
DROP TRIGGER IF EXISTS "AuditEntry_check_update";
CREATE TRIGGER "AuditEntry_check_update" BEFORE UPDATE ON "AuditEntry" BEGIN
  SELECT RAISE(ABORT, 'constraint AuditEntry_update_check');
END;
DROP TRIGGER IF EXISTS "AuditEntry_check_delete";
CREATE TRIGGER "AuditEntry_check_delete" BEFORE DELETE ON "AuditEntry" WHEN OLD."position" > COALESCE((SELECT "cutThrough" FROM "AuditChain" WHERE "id" = 1), 0) BEGIN
  SELECT RAISE(ABORT, 'constraint AuditEntry_delete_check');
END;
DROP TRIGGER IF EXISTS "AuditOrigin_check_update";
CREATE TRIGGER "AuditOrigin_check_update" BEFORE UPDATE ON "AuditOrigin" BEGIN
  SELECT RAISE(ABORT, 'constraint AuditOrigin_update_check');
END;
DROP TRIGGER IF EXISTS "AuditSeal_check_insert";
CREATE TRIGGER "AuditSeal_check_insert" BEFORE INSERT ON "AuditSeal" WHEN EXISTS (SELECT 1 FROM "AuditSeal" WHERE "lastPosition" = NEW."lastPosition") BEGIN
  SELECT RAISE(ABORT, 'constraint AuditSeal_update_check');
END;
DROP TRIGGER IF EXISTS "AuditSeal_check_update";
CREATE TRIGGER "AuditSeal_check_update" BEFORE UPDATE ON "AuditSeal" BEGIN
  SELECT RAISE(ABORT, 'constraint AuditSeal_update_check');
END;
DROP TRIGGER IF EXISTS "AuditSeal_check_delete";
CREATE TRIGGER "AuditSeal_check_delete" BEFORE DELETE ON "AuditSeal" WHEN OLD."lastPosition" > COALESCE((SELECT "cutThrough" FROM "AuditChain" WHERE "id" = 1), 0) BEGIN
  SELECT RAISE(ABORT, 'constraint AuditSeal_delete_check');
END;
DROP TRIGGER IF EXISTS "AuditChain_check_update";
CREATE TRIGGER "AuditChain_check_update" BEFORE UPDATE ON "AuditChain" WHEN NEW."sealedThrough" < OLD."sealedThrough" OR NEW."cutThrough" < OLD."cutThrough" OR NEW."cutThrough" > NEW."sealedThrough" BEGIN
  SELECT RAISE(ABORT, 'constraint AuditChain_update_check');
END;
DROP TRIGGER IF EXISTS "AuditChain_check_delete";
CREATE TRIGGER "AuditChain_check_delete" BEFORE DELETE ON "AuditChain" BEGIN
  SELECT RAISE(ABORT, 'constraint AuditChain_delete_check');
END;

DROP TRIGGER IF EXISTS "Fact_check_insert";
CREATE TRIGGER "Fact_check_insert" BEFORE INSERT ON "Fact" WHEN NEW."text" = '' OR NEW."folded" = '' BEGIN
  SELECT RAISE(ABORT, 'constraint Fact_text_check');
END;

DROP TRIGGER IF EXISTS "Fact_check_update";
CREATE TRIGGER "Fact_check_update" BEFORE UPDATE ON "Fact" WHEN NEW."text" = '' OR NEW."folded" = '' BEGIN
  SELECT RAISE(ABORT, 'constraint Fact_text_check');
END;

DROP TRIGGER IF EXISTS "FactTag_check_insert";
CREATE TRIGGER "FactTag_check_insert" BEFORE INSERT ON "FactTag" WHEN NEW."tag" = '' BEGIN
  SELECT RAISE(ABORT, 'constraint FactTag_tag_check');
END;

DROP TRIGGER IF EXISTS "VectorSet_check_update";
CREATE TRIGGER "VectorSet_check_update" BEFORE UPDATE ON "VectorSet" WHEN NEW."items" < 0 BEGIN
  SELECT RAISE(ABORT, 'constraint VectorSet_items_check');
END;
DROP TRIGGER IF EXISTS "Vector_check_insert";
CREATE TRIGGER "Vector_check_insert" BEFORE INSERT ON "Vector" WHEN length(NEW."bytes") = 0 OR length(NEW."bytes") % 4 <> 0 BEGIN
  SELECT RAISE(ABORT, 'constraint Vector_bytes_check');
END;

-- The full-text index (src/search/README.md): where each word stands, and how much each says about its text. Neither keeps the texts.
CREATE VIRTUAL TABLE IF NOT EXISTS "TextTerms" USING fts5("title", "content", "words", content='', contentless_delete=1, tokenize="ascii tokenchars '_'");
CREATE VIRTUAL TABLE IF NOT EXISTS "TextImpacts" USING fts5("terms", content='', contentless_delete=1, detail=none, tokenize="ascii tokenchars '_'");
CREATE VIRTUAL TABLE IF NOT EXISTS "TextImpactsOf" USING fts5vocab('TextImpacts', 'instance');
DROP TRIGGER IF EXISTS "TextItem_unindex";
CREATE TRIGGER "TextItem_unindex" AFTER DELETE ON "TextItem" BEGIN
  DELETE FROM "TextTerms" WHERE rowid = OLD."row";
  DELETE FROM "TextImpacts" WHERE rowid = OLD."row";
END;
-- How many items each space has: how rare a word is depends on it, and counting 100,000 takes as long as finding the best of them.
CREATE TABLE IF NOT EXISTS "TextSpaceItems" ("spaceNo" INTEGER PRIMARY KEY NOT NULL, "items" INTEGER NOT NULL);
INSERT OR IGNORE INTO "TextSpaceItems" SELECT "spaceNo", COUNT(*) FROM "TextItem" GROUP BY "spaceNo";
DROP TRIGGER IF EXISTS "TextItem_count_insert";
CREATE TRIGGER "TextItem_count_insert" AFTER INSERT ON "TextItem" BEGIN
  INSERT INTO "TextSpaceItems" ("spaceNo", "items") VALUES (NEW."spaceNo", 1) ON CONFLICT ("spaceNo") DO UPDATE SET "items" = "items" + 1;
END;
DROP TRIGGER IF EXISTS "TextItem_count_delete";
CREATE TRIGGER "TextItem_count_delete" AFTER DELETE ON "TextItem" BEGIN
  UPDATE "TextSpaceItems" SET "items" = "items" - 1 WHERE "spaceNo" = OLD."spaceNo";
END;
DROP TRIGGER IF EXISTS "TextSpace_uncount";
CREATE TRIGGER "TextSpace_uncount" AFTER DELETE ON "TextSpace" BEGIN
  DELETE FROM "TextSpaceItems" WHERE "spaceNo" = OLD."no";
END;
