-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateEnum
CREATE TYPE "UserRole" AS ENUM ('USER', 'ADMIN');

-- CreateEnum
CREATE TYPE "StreamStatus" AS ENUM ('PENDING', 'STREAMING', 'COMPLETED', 'FAILED', 'CANCELLED', 'INTERRUPTED');

-- CreateEnum
CREATE TYPE "ChunkKind" AS ENUM ('TEXT', 'REASONING', 'TOOL_CALL', 'TOOL_RESULT', 'DATA');

-- CreateEnum
CREATE TYPE "StreamProducer" AS ENUM ('TASK', 'OUTSIDE');

-- CreateEnum
CREATE TYPE "TaskStatus" AS ENUM ('CREATED', 'QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED');

-- CreateEnum
CREATE TYPE "DependencyFailure" AS ENUM ('CANCEL', 'RUN');

-- CreateEnum
CREATE TYPE "WorkerKind" AS ENUM ('SERVER', 'OUTSIDE');

-- CreateEnum
CREATE TYPE "AttemptOutcome" AS ENUM ('COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT', 'LOST', 'RELEASED', 'WAITED');

-- CreateEnum
CREATE TYPE "MissedTicks" AS ENUM ('SKIP', 'CATCH_UP', 'RUN_ONCE');

-- CreateTable
CREATE TABLE "Event" (
    "position" BIGINT NOT NULL,
    "occurredAtMs" BIGINT NOT NULL,
    "kind" TEXT NOT NULL,
    "subjectType" TEXT NOT NULL,
    "subjectId" TEXT NOT NULL,
    "ownerId" TEXT,
    "actorId" TEXT,
    "data" JSONB NOT NULL,

    CONSTRAINT "Event_pkey" PRIMARY KEY ("position")
);

-- CreateTable
CREATE TABLE "LogHead" (
    "id" INTEGER NOT NULL,
    "logId" TEXT NOT NULL,
    "position" BIGINT NOT NULL,
    "expiredThrough" BIGINT NOT NULL,

    CONSTRAINT "LogHead_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "IdempotencyKey" (
    "ownerId" TEXT NOT NULL,
    "mutation" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "inputHash" TEXT NOT NULL,
    "outcome" JSONB NOT NULL,
    "createdAtMs" BIGINT NOT NULL,

    CONSTRAINT "IdempotencyKey_pkey" PRIMARY KEY ("ownerId","mutation","key")
);

-- CreateTable
CREATE TABLE "User" (
    "id" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "displayName" TEXT NOT NULL,
    "role" "UserRole" NOT NULL DEFAULT 'USER',
    "preferences" JSONB NOT NULL,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,
    "disabledAtMs" BIGINT,

    CONSTRAINT "User_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Credential" (
    "userId" TEXT NOT NULL,
    "passwordHash" TEXT NOT NULL,
    "changedAtMs" BIGINT NOT NULL,

    CONSTRAINT "Credential_pkey" PRIMARY KEY ("userId")
);

-- CreateTable
CREATE TABLE "Session" (
    "id" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "userAgent" TEXT,
    "address" TEXT,
    "createdAtMs" BIGINT NOT NULL,
    "lastUsedAtMs" BIGINT NOT NULL,
    "expiresAtMs" BIGINT NOT NULL,
    "revokedAtMs" BIGINT,
    "revokedReason" TEXT,

    CONSTRAINT "Session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "RefreshToken" (
    "tokenHash" TEXT NOT NULL,
    "sessionId" TEXT NOT NULL,
    "createdAtMs" BIGINT NOT NULL,
    "expiresAtMs" BIGINT NOT NULL,
    "usedAtMs" BIGINT,

    CONSTRAINT "RefreshToken_pkey" PRIMARY KEY ("tokenHash")
);

-- CreateTable
CREATE TABLE "ApiKey" (
    "id" TEXT NOT NULL,
    "ownerId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "secretHash" TEXT NOT NULL,
    "scopes" JSONB NOT NULL,
    "createdAtMs" BIGINT NOT NULL,
    "expiresAtMs" BIGINT,
    "lastUsedAtMs" BIGINT,
    "revokedAtMs" BIGINT,

    CONSTRAINT "ApiKey_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "LoginFailure" (
    "id" TEXT NOT NULL,
    "accountHash" TEXT NOT NULL,
    "failedAtMs" BIGINT NOT NULL,

    CONSTRAINT "LoginFailure_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Installation" (
    "id" INTEGER NOT NULL,
    "adminUserId" TEXT,
    "secretFingerprint" TEXT,

    CONSTRAINT "Installation_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Stream" (
    "id" TEXT NOT NULL,
    "ownerId" TEXT NOT NULL,
    "taskId" TEXT,
    "producerTaskId" TEXT,
    "attempt" INTEGER,
    "producer" "StreamProducer" NOT NULL,
    "status" "StreamStatus" NOT NULL,
    "model" TEXT,
    "provider" TEXT,
    "lastSeq" INTEGER NOT NULL DEFAULT -1,
    "error" TEXT,
    "idempotencyKey" TEXT,
    "leaseExpiresAtMs" BIGINT,
    "createdAtMs" BIGINT NOT NULL,
    "startedAtMs" BIGINT,
    "completedAtMs" BIGINT,

    CONSTRAINT "Stream_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "StreamChunk" (
    "streamId" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,
    "kind" "ChunkKind" NOT NULL,
    "content" BYTEA NOT NULL,
    "contentType" TEXT,
    "createdAtMs" BIGINT NOT NULL,

    CONSTRAINT "StreamChunk_pkey" PRIMARY KEY ("streamId","seq")
);

-- CreateTable
CREATE TABLE "Task" (
    "id" TEXT NOT NULL,
    "ownerId" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "status" "TaskStatus" NOT NULL,
    "description" TEXT,
    "params" JSONB NOT NULL,
    "result" JSONB,
    "domain" TEXT,
    "driftScore" DOUBLE PRECISION,
    "priority" INTEGER NOT NULL DEFAULT 0,
    "progress" DOUBLE PRECISION,
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
    "onDependencyFailure" "DependencyFailure" NOT NULL DEFAULT 'CANCEL',
    "waitingFor" INTEGER NOT NULL DEFAULT 0,
    "isAwaited" BOOLEAN NOT NULL DEFAULT false,
    "readyAtMs" BIGINT,
    "worker" TEXT,
    "workerKind" "WorkerKind",
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

    CONSTRAINT "Task_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "TaskDependency" (
    "taskId" TEXT NOT NULL,
    "dependsOnId" TEXT NOT NULL,
    "isPending" BOOLEAN NOT NULL,
    "onFailure" "DependencyFailure" NOT NULL,
    "createdAtMs" BIGINT NOT NULL,

    CONSTRAINT "TaskDependency_pkey" PRIMARY KEY ("taskId","dependsOnId")
);

-- CreateTable
CREATE TABLE "TaskAttempt" (
    "taskId" TEXT NOT NULL,
    "attempt" INTEGER NOT NULL,
    "worker" TEXT,
    "outcome" "AttemptOutcome" NOT NULL,
    "error" TEXT,
    "startedAtMs" BIGINT NOT NULL,
    "endedAtMs" BIGINT NOT NULL,

    CONSTRAINT "TaskAttempt_pkey" PRIMARY KEY ("taskId","attempt")
);

-- CreateTable
CREATE TABLE "TaskUnique" (
    "ownerId" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "taskId" TEXT NOT NULL,
    "expiresAtMs" BIGINT NOT NULL,

    CONSTRAINT "TaskUnique_pkey" PRIMARY KEY ("ownerId","key")
);

-- CreateTable
CREATE TABLE "OutsideTaskType" (
    "id" TEXT NOT NULL,
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

    CONSTRAINT "OutsideTaskType_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "TaskRate" (
    "name" TEXT NOT NULL,
    "freeAtMs" BIGINT NOT NULL,

    CONSTRAINT "TaskRate_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "Schedule" (
    "id" TEXT NOT NULL,
    "ownerId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "cron" TEXT NOT NULL,
    "timezone" TEXT NOT NULL,
    "task" JSONB NOT NULL,
    "missed" "MissedTicks" NOT NULL DEFAULT 'SKIP',
    "maxCatchUp" INTEGER NOT NULL DEFAULT 100,
    "endsAtMs" BIGINT,
    "pausedAtMs" BIGINT,
    "nextRunAtMs" BIGINT,
    "lastRunAtMs" BIGINT,
    "error" TEXT,
    "idempotencyKey" TEXT,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,

    CONSTRAINT "Schedule_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ScheduleTick" (
    "scheduleId" TEXT NOT NULL,
    "tickAtMs" BIGINT NOT NULL,
    "firedAtMs" BIGINT NOT NULL,
    "taskId" TEXT,

    CONSTRAINT "ScheduleTick_pkey" PRIMARY KEY ("scheduleId","tickAtMs")
);

-- CreateTable
CREATE TABLE "TallyHead" (
    "id" INTEGER NOT NULL,
    "position" BIGINT NOT NULL,

    CONSTRAINT "TallyHead_pkey" PRIMARY KEY ("id")
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

    CONSTRAINT "TaskTally_pkey" PRIMARY KEY ("ownerId","type")
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

    CONSTRAINT "TaskMinute_pkey" PRIMARY KEY ("ownerId","type","minuteMs")
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

-- AddForeignKey
ALTER TABLE "Credential" ADD CONSTRAINT "Credential_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Session" ADD CONSTRAINT "Session_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "RefreshToken" ADD CONSTRAINT "RefreshToken_sessionId_fkey" FOREIGN KEY ("sessionId") REFERENCES "Session"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "ApiKey" ADD CONSTRAINT "ApiKey_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Stream" ADD CONSTRAINT "Stream_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Stream" ADD CONSTRAINT "Stream_taskId_fkey" FOREIGN KEY ("taskId") REFERENCES "Task"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Stream" ADD CONSTRAINT "Stream_producerTaskId_fkey" FOREIGN KEY ("producerTaskId") REFERENCES "Task"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "StreamChunk" ADD CONSTRAINT "StreamChunk_streamId_fkey" FOREIGN KEY ("streamId") REFERENCES "Stream"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Task" ADD CONSTRAINT "Task_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Task" ADD CONSTRAINT "Task_parentId_fkey" FOREIGN KEY ("parentId") REFERENCES "Task"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Task" ADD CONSTRAINT "Task_scheduleId_fkey" FOREIGN KEY ("scheduleId") REFERENCES "Schedule"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "TaskDependency" ADD CONSTRAINT "TaskDependency_taskId_fkey" FOREIGN KEY ("taskId") REFERENCES "Task"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "TaskDependency" ADD CONSTRAINT "TaskDependency_dependsOnId_fkey" FOREIGN KEY ("dependsOnId") REFERENCES "Task"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "TaskAttempt" ADD CONSTRAINT "TaskAttempt_taskId_fkey" FOREIGN KEY ("taskId") REFERENCES "Task"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "OutsideTaskType" ADD CONSTRAINT "OutsideTaskType_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Schedule" ADD CONSTRAINT "Schedule_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "ScheduleTick" ADD CONSTRAINT "ScheduleTick_scheduleId_fkey" FOREIGN KEY ("scheduleId") REFERENCES "Schedule"("id") ON DELETE CASCADE ON UPDATE CASCADE;
