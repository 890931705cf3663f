-- AlterTable
ALTER TABLE "Task" ADD COLUMN "traceparent" TEXT;

-- CreateTable
CREATE TABLE "ApiCallSum" (
    "ownerId" TEXT NOT NULL,
    "hours" INTEGER NOT NULL,
    "startMs" BIGINT NOT NULL,
    "apiKeyId" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "calls" INTEGER NOT NULL,
    "failed" INTEGER NOT NULL,
    "durationCounts" JSONB NOT NULL,

    PRIMARY KEY ("ownerId", "hours", "startMs", "apiKeyId", "operation")
);

-- CreateTable
CREATE TABLE "TaskPeriod" (
    "ownerId" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "hours" INTEGER NOT NULL,
    "startMs" BIGINT NOT NULL,
    "created" INTEGER NOT NULL DEFAULT 0,
    "started" INTEGER NOT NULL DEFAULT 0,
    "completed" INTEGER NOT NULL DEFAULT 0,
    "failed" INTEGER NOT NULL DEFAULT 0,
    "cancelled" INTEGER NOT NULL DEFAULT 0,
    "retried" INTEGER NOT NULL DEFAULT 0,
    "durationCounts" JSONB NOT NULL,

    PRIMARY KEY ("ownerId", "type", "hours", "startMs")
);

-- CreateTable
CREATE TABLE "UsageHour" (
    "hour" INTEGER NOT NULL,
    "ownerId" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "taskType" TEXT NOT NULL,
    "calls" BIGINT NOT NULL,
    "failedCalls" BIGINT NOT NULL,
    "unpricedCalls" BIGINT NOT NULL,
    "inputTokens" BIGINT NOT NULL,
    "cachedInputTokens" BIGINT NOT NULL,
    "outputTokens" BIGINT NOT NULL,
    "reasoningTokens" BIGINT NOT NULL,
    "costMicroUsd" BIGINT NOT NULL,
    "durationMs" BIGINT NOT NULL,

    PRIMARY KEY ("hour", "ownerId", "provider", "model", "taskType")
);

-- CreateIndex
CREATE INDEX "ApiCallSum_hours_startMs_idx" ON "ApiCallSum"("hours", "startMs");

-- CreateIndex
CREATE INDEX "TaskPeriod_hours_startMs_idx" ON "TaskPeriod"("hours", "startMs");

-- CreateIndex
CREATE INDEX "UsageHour_ownerId_hour_idx" ON "UsageHour"("ownerId", "hour");
