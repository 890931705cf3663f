-- AlterTable
ALTER TABLE "Stream" ADD COLUMN "compactedAtMs" BIGINT;
ALTER TABLE "Stream" ADD COLUMN "expiredAtMs" BIGINT;

-- AlterTable
ALTER TABLE "StreamChunk" ADD COLUMN "merged" JSONB;
ALTER TABLE "StreamChunk" ADD COLUMN "throughSeq" INTEGER;

-- CreateTable
CREATE TABLE "Conversation" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "ownerId" TEXT NOT NULL,
    "title" TEXT,
    "agent" TEXT,
    "sessionKey" TEXT,
    "system" TEXT,
    "model" TEXT,
    "settings" JSONB NOT NULL,
    "metadata" JSONB,
    "taskId" TEXT,
    "forkedFromId" TEXT,
    "forkedAtMessageId" TEXT,
    "headId" TEXT,
    "archivedAtMs" BIGINT,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,
    CONSTRAINT "Conversation_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "Conversation_taskId_fkey" FOREIGN KEY ("taskId") REFERENCES "Task" ("id") ON DELETE SET NULL ON UPDATE CASCADE,
    CONSTRAINT "Conversation_forkedFromId_fkey" FOREIGN KEY ("forkedFromId") REFERENCES "Conversation" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Message" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "conversationId" TEXT,
    "ownerId" TEXT NOT NULL,
    "parentId" TEXT,
    "depth" INTEGER NOT NULL,
    "jumpId" TEXT,
    "jumpDepth" INTEGER,
    "role" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "agent" TEXT,
    "parts" JSONB NOT NULL,
    "text" TEXT NOT NULL,
    "inputTokens" INTEGER,
    "outputTokens" INTEGER,
    "responseTimeMs" INTEGER,
    "toolsInvoked" JSONB NOT NULL,
    "provider" TEXT,
    "model" TEXT,
    "finishReason" TEXT,
    "error" TEXT,
    "history" JSONB,
    "streamId" TEXT,
    "taskId" TEXT,
    "insteadOfId" TEXT,
    "createdAtMs" BIGINT NOT NULL,
    "completedAtMs" BIGINT,
    CONSTRAINT "Message_conversationId_fkey" FOREIGN KEY ("conversationId") REFERENCES "Conversation" ("id") ON DELETE SET NULL ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "ModelProvider" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    "baseUrl" TEXT,
    "apiKeySealed" BLOB,
    "apiKeyHint" TEXT,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "priority" INTEGER NOT NULL DEFAULT 0,
    "defaultModel" TEXT,
    "maxConcurrency" INTEGER,
    "requestsPerMinute" INTEGER,
    "timeoutSeconds" INTEGER,
    "syncEveryMinutes" INTEGER,
    "status" TEXT NOT NULL DEFAULT 'UNKNOWN',
    "error" TEXT,
    "checkedAtMs" BIGINT,
    "syncedAtMs" BIGINT,
    "nextSyncAtMs" BIGINT,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "Model" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "providerId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "contextLength" INTEGER,
    "maxOutputTokens" INTEGER,
    "capabilities" JSONB NOT NULL,
    "inputPrice" BIGINT,
    "outputPrice" BIGINT,
    "cachedInputPrice" BIGINT,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "isListed" BOOLEAN NOT NULL DEFAULT true,
    "details" JSONB,
    "syncedAtMs" BIGINT,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,
    CONSTRAINT "Model_providerId_fkey" FOREIGN KEY ("providerId") REFERENCES "ModelProvider" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "ProviderUsage" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "ownerId" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "inputTokens" INTEGER,
    "cachedInputTokens" INTEGER,
    "outputTokens" INTEGER,
    "reasoningTokens" INTEGER,
    "isCounted" BOOLEAN NOT NULL DEFAULT false,
    "costMicroUsd" BIGINT,
    "priceSource" TEXT NOT NULL,
    "price" JSONB,
    "timeToFirstTokenMs" INTEGER,
    "durationMs" INTEGER,
    "finishReason" TEXT,
    "error" TEXT,
    "taskId" TEXT,
    "taskType" TEXT,
    "attempt" INTEGER,
    "step" INTEGER NOT NULL DEFAULT 1,
    "streamId" TEXT,
    "conversationId" TEXT,
    "messageId" TEXT,
    "day" INTEGER NOT NULL,
    "startedAtMs" BIGINT NOT NULL,
    "endedAtMs" BIGINT,
    "isSummed" BOOLEAN NOT NULL DEFAULT false,
    CONSTRAINT "ProviderUsage_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "UsageSum" (
    "day" INTEGER NOT NULL,
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

    PRIMARY KEY ("day", "ownerId", "provider", "model", "taskType")
);

-- CreateTable
CREATE TABLE "Budget" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "ownerId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "scope" TEXT NOT NULL,
    "userId" TEXT,
    "taskType" TEXT,
    "conversationId" TEXT,
    "period" TEXT NOT NULL,
    "amountMicroUsd" BIGINT NOT NULL,
    "alertThresholds" JSONB NOT NULL,
    "webhookUrl" TEXT,
    "webhookSecretSealed" BLOB,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,
    CONSTRAINT "Budget_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "Budget_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "BudgetSpent" (
    "budgetId" TEXT NOT NULL,
    "periodStartMs" BIGINT NOT NULL,
    "spentMicroUsd" BIGINT NOT NULL,
    "reservedMicroUsd" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,

    PRIMARY KEY ("budgetId", "periodStartMs"),
    CONSTRAINT "BudgetSpent_budgetId_fkey" FOREIGN KEY ("budgetId") REFERENCES "Budget" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "BudgetReservation" (
    "usageId" TEXT NOT NULL,
    "budgetId" TEXT NOT NULL,
    "periodStartMs" BIGINT NOT NULL,
    "microUsd" BIGINT NOT NULL,

    PRIMARY KEY ("usageId", "budgetId"),
    CONSTRAINT "BudgetReservation_usageId_fkey" FOREIGN KEY ("usageId") REFERENCES "ProviderUsage" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "CostAlert" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "budgetId" TEXT NOT NULL,
    "ownerId" TEXT NOT NULL,
    "periodStartMs" BIGINT NOT NULL,
    "threshold" INTEGER NOT NULL,
    "spentMicroUsd" BIGINT NOT NULL,
    "amountMicroUsd" BIGINT NOT NULL,
    "createdAtMs" BIGINT NOT NULL,
    CONSTRAINT "CostAlert_budgetId_fkey" FOREIGN KEY ("budgetId") REFERENCES "Budget" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE INDEX "Conversation_ownerId_updatedAtMs_id_idx" ON "Conversation"("ownerId", "updatedAtMs", "id");

-- CreateIndex
CREATE INDEX "Conversation_ownerId_createdAtMs_id_idx" ON "Conversation"("ownerId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Conversation_ownerId_agent_sessionKey_updatedAtMs_idx" ON "Conversation"("ownerId", "agent", "sessionKey", "updatedAtMs");

-- CreateIndex
CREATE INDEX "Conversation_createdAtMs_id_idx" ON "Conversation"("createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Conversation_taskId_createdAtMs_id_idx" ON "Conversation"("taskId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Conversation_forkedFromId_idx" ON "Conversation"("forkedFromId");

-- CreateIndex
CREATE INDEX "Conversation_headId_idx" ON "Conversation"("headId");

-- CreateIndex
CREATE INDEX "Message_conversationId_createdAtMs_id_idx" ON "Message"("conversationId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Message_parentId_idx" ON "Message"("parentId");

-- CreateIndex
CREATE INDEX "Message_taskId_idx" ON "Message"("taskId");

-- CreateIndex
CREATE INDEX "Message_ownerId_createdAtMs_id_idx" ON "Message"("ownerId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Message_createdAtMs_id_idx" ON "Message"("createdAtMs", "id");

-- CreateIndex
CREATE UNIQUE INDEX "ModelProvider_name_key" ON "ModelProvider"("name");

-- CreateIndex
CREATE INDEX "ModelProvider_createdAtMs_id_idx" ON "ModelProvider"("createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Model_createdAtMs_id_idx" ON "Model"("createdAtMs", "id");

-- CreateIndex
CREATE UNIQUE INDEX "Model_providerId_name_key" ON "Model"("providerId", "name");

-- CreateIndex
CREATE INDEX "ProviderUsage_ownerId_startedAtMs_id_idx" ON "ProviderUsage"("ownerId", "startedAtMs", "id");

-- CreateIndex
CREATE INDEX "ProviderUsage_startedAtMs_id_idx" ON "ProviderUsage"("startedAtMs", "id");

-- CreateIndex
CREATE INDEX "ProviderUsage_taskId_startedAtMs_id_idx" ON "ProviderUsage"("taskId", "startedAtMs", "id");

-- CreateIndex
CREATE INDEX "ProviderUsage_streamId_idx" ON "ProviderUsage"("streamId");

-- CreateIndex
CREATE INDEX "ProviderUsage_conversationId_startedAtMs_id_idx" ON "ProviderUsage"("conversationId", "startedAtMs", "id");

-- CreateIndex
CREATE INDEX "ProviderUsage_messageId_idx" ON "ProviderUsage"("messageId");

-- CreateIndex
CREATE INDEX "UsageSum_ownerId_day_idx" ON "UsageSum"("ownerId", "day");

-- CreateIndex
CREATE INDEX "Budget_ownerId_createdAtMs_id_idx" ON "Budget"("ownerId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Budget_createdAtMs_id_idx" ON "Budget"("createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Budget_userId_idx" ON "Budget"("userId");

-- CreateIndex
CREATE INDEX "Budget_conversationId_idx" ON "Budget"("conversationId");

-- CreateIndex
CREATE INDEX "Budget_taskType_idx" ON "Budget"("taskType");

-- CreateIndex
CREATE INDEX "BudgetReservation_budgetId_periodStartMs_idx" ON "BudgetReservation"("budgetId", "periodStartMs");

-- CreateIndex
CREATE INDEX "CostAlert_ownerId_createdAtMs_id_idx" ON "CostAlert"("ownerId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "CostAlert_createdAtMs_id_idx" ON "CostAlert"("createdAtMs", "id");

-- CreateIndex
CREATE UNIQUE INDEX "CostAlert_budgetId_periodStartMs_threshold_key" ON "CostAlert"("budgetId", "periodStartMs", "threshold");
