-- CreateTable
CREATE TABLE "Event" (
    "position" BIGINT NOT NULL PRIMARY KEY,
    "occurredAtMs" BIGINT NOT NULL,
    "kind" TEXT NOT NULL,
    "subjectType" TEXT NOT NULL,
    "subjectId" TEXT NOT NULL,
    "ownerId" TEXT,
    "actorId" TEXT,
    "data" JSONB NOT NULL
);

-- CreateTable
CREATE TABLE "LogHead" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "logId" TEXT NOT NULL,
    "position" BIGINT NOT NULL,
    "expiredThrough" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "IdempotencyKey" (
    "ownerId" TEXT NOT NULL,
    "mutation" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "inputHash" TEXT NOT NULL,
    "outcome" JSONB NOT NULL,
    "createdAtMs" BIGINT NOT NULL,

    PRIMARY KEY ("ownerId", "mutation", "key")
);

-- CreateTable
CREATE TABLE "User" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "email" TEXT NOT NULL,
    "displayName" TEXT NOT NULL,
    "role" TEXT NOT NULL DEFAULT 'USER',
    "preferences" JSONB NOT NULL,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,
    "disabledAtMs" BIGINT
);

-- CreateTable
CREATE TABLE "Credential" (
    "userId" TEXT NOT NULL PRIMARY KEY,
    "passwordHash" TEXT NOT NULL,
    "changedAtMs" BIGINT NOT NULL,
    CONSTRAINT "Credential_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Session" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "userId" TEXT NOT NULL,
    "userAgent" TEXT,
    "address" TEXT,
    "createdAtMs" BIGINT NOT NULL,
    "lastUsedAtMs" BIGINT NOT NULL,
    "expiresAtMs" BIGINT NOT NULL,
    "revokedAtMs" BIGINT,
    "revokedReason" TEXT,
    CONSTRAINT "Session_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "RefreshToken" (
    "tokenHash" TEXT NOT NULL PRIMARY KEY,
    "sessionId" TEXT NOT NULL,
    "createdAtMs" BIGINT NOT NULL,
    "expiresAtMs" BIGINT NOT NULL,
    "usedAtMs" BIGINT,
    CONSTRAINT "RefreshToken_sessionId_fkey" FOREIGN KEY ("sessionId") REFERENCES "Session" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "ApiKey" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "ownerId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "secretHash" TEXT NOT NULL,
    "scopes" JSONB NOT NULL,
    "createdAtMs" BIGINT NOT NULL,
    "expiresAtMs" BIGINT,
    "lastUsedAtMs" BIGINT,
    "revokedAtMs" BIGINT,
    CONSTRAINT "ApiKey_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "LoginFailure" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "accountHash" TEXT NOT NULL,
    "failedAtMs" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "Installation" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "adminUserId" TEXT,
    "secretFingerprint" TEXT
);

-- CreateTable
CREATE TABLE "Stream" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "ownerId" TEXT NOT NULL,
    "taskId" TEXT,
    "producerTaskId" TEXT,
    "attempt" INTEGER,
    "producer" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "model" TEXT,
    "provider" TEXT,
    "lastSeq" INTEGER NOT NULL DEFAULT -1,
    "error" TEXT,
    "idempotencyKey" TEXT,
    "leaseExpiresAtMs" BIGINT,
    "createdAtMs" BIGINT NOT NULL,
    "startedAtMs" BIGINT,
    "completedAtMs" BIGINT,
    CONSTRAINT "Stream_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "Stream_taskId_fkey" FOREIGN KEY ("taskId") REFERENCES "Task" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "Stream_producerTaskId_fkey" FOREIGN KEY ("producerTaskId") REFERENCES "Task" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "StreamChunk" (
    "streamId" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "content" BLOB NOT NULL,
    "contentType" TEXT,
    "createdAtMs" BIGINT NOT NULL,

    PRIMARY KEY ("streamId", "seq"),
    CONSTRAINT "StreamChunk_streamId_fkey" FOREIGN KEY ("streamId") REFERENCES "Stream" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Task" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "ownerId" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "description" TEXT,
    "params" JSONB NOT NULL,
    "result" JSONB,
    "domain" TEXT,
    "driftScore" REAL,
    "priority" INTEGER NOT NULL DEFAULT 0,
    "progress" REAL,
    "progressMessage" TEXT,
    "summary" TEXT,
    "error" TEXT,
    "attempt" INTEGER NOT NULL DEFAULT 0,
    "maxAttempts" INTEGER NOT NULL DEFAULT 3,
    "retryPolicy" JSONB,
    "timeoutSeconds" INTEGER,
    "totalTimeoutSeconds" INTEGER,
    "agentsInvolved" JSONB NOT NULL,
    "metrics" JSONB,
    "files" JSONB,
    "sessionKey" TEXT,
    "idempotencyKey" TEXT,
    "parentId" TEXT,
    "scheduleId" TEXT,
    "lane" TEXT NOT NULL,
    "concurrencyKey" TEXT,
    "concurrencyLimit" INTEGER,
    "onDependencyFailure" TEXT NOT NULL DEFAULT 'CANCEL',
    "waitingFor" INTEGER NOT NULL DEFAULT 0,
    "isAwaited" BOOLEAN NOT NULL DEFAULT false,
    "readyAtMs" BIGINT,
    "worker" TEXT,
    "workerKind" TEXT,
    "leaseToken" TEXT,
    "leaseSeconds" INTEGER,
    "leaseExpiresAtMs" BIGINT,
    "lastWorker" TEXT,
    "attemptEndsAtMs" BIGINT,
    "deadlineAtMs" BIGINT,
    "cancelRequestedAtMs" BIGINT,
    "runAtMs" BIGINT NOT NULL,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,
    "queuedAtMs" BIGINT,
    "startedAtMs" BIGINT,
    "completedAtMs" BIGINT,
    "archivedAtMs" BIGINT,
    "durationMs" BIGINT,
    CONSTRAINT "Task_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "Task_parentId_fkey" FOREIGN KEY ("parentId") REFERENCES "Task" ("id") ON DELETE SET NULL ON UPDATE CASCADE,
    CONSTRAINT "Task_scheduleId_fkey" FOREIGN KEY ("scheduleId") REFERENCES "Schedule" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "TaskDependency" (
    "taskId" TEXT NOT NULL,
    "dependsOnId" TEXT NOT NULL,
    "isPending" BOOLEAN NOT NULL,
    "onFailure" TEXT NOT NULL,
    "createdAtMs" BIGINT NOT NULL,

    PRIMARY KEY ("taskId", "dependsOnId"),
    CONSTRAINT "TaskDependency_taskId_fkey" FOREIGN KEY ("taskId") REFERENCES "Task" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "TaskDependency_dependsOnId_fkey" FOREIGN KEY ("dependsOnId") REFERENCES "Task" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "TaskAttempt" (
    "taskId" TEXT NOT NULL,
    "attempt" INTEGER NOT NULL,
    "worker" TEXT,
    "outcome" TEXT NOT NULL,
    "error" TEXT,
    "startedAtMs" BIGINT NOT NULL,
    "endedAtMs" BIGINT NOT NULL,

    PRIMARY KEY ("taskId", "attempt"),
    CONSTRAINT "TaskAttempt_taskId_fkey" FOREIGN KEY ("taskId") REFERENCES "Task" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "TaskUnique" (
    "ownerId" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "taskId" TEXT NOT NULL,
    "expiresAtMs" BIGINT NOT NULL,

    PRIMARY KEY ("ownerId", "key")
);

-- CreateTable
CREATE TABLE "OutsideTaskType" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "ownerId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "paramsSchema" JSONB,
    "retryPolicy" JSONB,
    "maxAttempts" INTEGER,
    "timeoutSeconds" INTEGER,
    "rateLimit" INTEGER,
    "rateSeconds" INTEGER,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,
    "lastClaimedAtMs" BIGINT,
    CONSTRAINT "OutsideTaskType_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "TaskRate" (
    "name" TEXT NOT NULL PRIMARY KEY,
    "freeAtMs" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "Schedule" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "ownerId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "cron" TEXT NOT NULL,
    "timezone" TEXT NOT NULL,
    "task" JSONB NOT NULL,
    "missed" TEXT NOT NULL DEFAULT 'SKIP',
    "maxCatchUp" INTEGER NOT NULL DEFAULT 100,
    "endsAtMs" BIGINT,
    "pausedAtMs" BIGINT,
    "nextRunAtMs" BIGINT,
    "lastRunAtMs" BIGINT,
    "error" TEXT,
    "idempotencyKey" TEXT,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,
    CONSTRAINT "Schedule_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "ScheduleTick" (
    "scheduleId" TEXT NOT NULL,
    "tickAtMs" BIGINT NOT NULL,
    "firedAtMs" BIGINT NOT NULL,
    "taskId" TEXT,

    PRIMARY KEY ("scheduleId", "tickAtMs"),
    CONSTRAINT "ScheduleTick_scheduleId_fkey" FOREIGN KEY ("scheduleId") REFERENCES "Schedule" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "TallyHead" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "position" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "TaskTally" (
    "ownerId" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "created" BIGINT NOT NULL DEFAULT 0,
    "queued" BIGINT NOT NULL DEFAULT 0,
    "running" BIGINT NOT NULL DEFAULT 0,
    "completed" BIGINT NOT NULL DEFAULT 0,
    "failed" BIGINT NOT NULL DEFAULT 0,
    "cancelled" BIGINT NOT NULL DEFAULT 0,
    "durationCounts" JSONB NOT NULL,
    "waitCounts" JSONB NOT NULL,

    PRIMARY KEY ("ownerId", "type")
);

-- CreateTable
CREATE TABLE "TaskMinute" (
    "ownerId" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "minuteMs" BIGINT NOT NULL,
    "created" INTEGER NOT NULL DEFAULT 0,
    "started" INTEGER NOT NULL DEFAULT 0,
    "completed" INTEGER NOT NULL DEFAULT 0,
    "failed" INTEGER NOT NULL DEFAULT 0,
    "cancelled" INTEGER NOT NULL DEFAULT 0,
    "retried" INTEGER NOT NULL DEFAULT 0,

    PRIMARY KEY ("ownerId", "type", "minuteMs")
);

-- CreateIndex
CREATE INDEX "Event_subjectId_position_idx" ON "Event"("subjectId", "position");

-- CreateIndex
CREATE INDEX "Event_ownerId_position_idx" ON "Event"("ownerId", "position");

-- CreateIndex
CREATE INDEX "IdempotencyKey_createdAtMs_idx" ON "IdempotencyKey"("createdAtMs");

-- CreateIndex
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");

-- CreateIndex
CREATE INDEX "User_createdAtMs_id_idx" ON "User"("createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Session_userId_createdAtMs_id_idx" ON "Session"("userId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Session_expiresAtMs_idx" ON "Session"("expiresAtMs");

-- CreateIndex
CREATE INDEX "RefreshToken_sessionId_idx" ON "RefreshToken"("sessionId");

-- CreateIndex
CREATE INDEX "RefreshToken_expiresAtMs_idx" ON "RefreshToken"("expiresAtMs");

-- CreateIndex
CREATE UNIQUE INDEX "ApiKey_secretHash_key" ON "ApiKey"("secretHash");

-- CreateIndex
CREATE INDEX "ApiKey_ownerId_createdAtMs_id_idx" ON "ApiKey"("ownerId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "LoginFailure_accountHash_failedAtMs_idx" ON "LoginFailure"("accountHash", "failedAtMs");

-- CreateIndex
CREATE INDEX "LoginFailure_failedAtMs_idx" ON "LoginFailure"("failedAtMs");

-- CreateIndex
CREATE INDEX "Stream_taskId_createdAtMs_id_idx" ON "Stream"("taskId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Stream_ownerId_createdAtMs_id_idx" ON "Stream"("ownerId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Stream_createdAtMs_id_idx" ON "Stream"("createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Stream_producerTaskId_idx" ON "Stream"("producerTaskId");

-- CreateIndex
CREATE INDEX "Task_ownerId_createdAtMs_id_idx" ON "Task"("ownerId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Task_ownerId_status_createdAtMs_id_idx" ON "Task"("ownerId", "status", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Task_ownerId_type_createdAtMs_id_idx" ON "Task"("ownerId", "type", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Task_ownerId_priority_id_idx" ON "Task"("ownerId", "priority", "id");

-- CreateIndex
CREATE INDEX "Task_createdAtMs_id_idx" ON "Task"("createdAtMs", "id");

-- CreateIndex
CREATE INDEX "TaskDependency_dependsOnId_createdAtMs_taskId_idx" ON "TaskDependency"("dependsOnId", "createdAtMs", "taskId");

-- CreateIndex
CREATE INDEX "TaskUnique_expiresAtMs_idx" ON "TaskUnique"("expiresAtMs");

-- CreateIndex
CREATE UNIQUE INDEX "OutsideTaskType_ownerId_name_key" ON "OutsideTaskType"("ownerId", "name");

-- CreateIndex
CREATE INDEX "Schedule_ownerId_createdAtMs_id_idx" ON "Schedule"("ownerId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Schedule_createdAtMs_id_idx" ON "Schedule"("createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Schedule_nextRunAtMs_idx" ON "Schedule"("nextRunAtMs");

-- CreateIndex
CREATE UNIQUE INDEX "Schedule_ownerId_name_key" ON "Schedule"("ownerId", "name");

-- CreateIndex
CREATE INDEX "TaskMinute_minuteMs_idx" ON "TaskMinute"("minuteMs");
