-- CreateEnum
CREATE TYPE "MessageRole" AS ENUM ('SYSTEM', 'USER', 'ASSISTANT');

-- CreateEnum
CREATE TYPE "MessageStatus" AS ENUM ('PENDING', 'STREAMING', 'COMPLETED', 'FAILED', 'CANCELLED', 'INTERRUPTED');

-- CreateEnum
CREATE TYPE "ModelProviderKind" AS ENUM ('OPENAI_COMPATIBLE', 'ANTHROPIC', 'OLLAMA', 'LOCAL');

-- CreateEnum
CREATE TYPE "ModelProviderSource" AS ENUM ('API', 'ENVIRONMENT');

-- CreateEnum
CREATE TYPE "ModelProviderStatus" AS ENUM ('UNKNOWN', 'UP', 'DOWN');

-- CreateEnum
CREATE TYPE "UsageStatus" AS ENUM ('RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED', 'INTERRUPTED', 'BUDGET_EXCEEDED');

-- CreateEnum
CREATE TYPE "PriceSource" AS ENUM ('OPERATOR', 'BUNDLED', 'UNKNOWN');

-- CreateEnum
CREATE TYPE "BudgetScope" AS ENUM ('EVERYTHING', 'USER', 'TASK_TYPE', 'CONVERSATION');

-- CreateEnum
CREATE TYPE "BudgetPeriodKind" AS ENUM ('DAY', 'WEEK', 'MONTH', 'TOTAL');

-- AlterTable
ALTER TABLE "Stream" ADD COLUMN     "compactedAtMs" BIGINT,
ADD COLUMN     "expiredAtMs" BIGINT;

-- AlterTable
ALTER TABLE "StreamChunk" ADD COLUMN     "merged" JSONB,
ADD COLUMN     "throughSeq" INTEGER;

-- CreateTable
CREATE TABLE "Conversation" (
    "id" TEXT NOT NULL,
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

    CONSTRAINT "Conversation_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Message" (
    "id" TEXT NOT NULL,
    "conversationId" TEXT,
    "ownerId" TEXT NOT NULL,
    "parentId" TEXT,
    "depth" INTEGER NOT NULL,
    "jumpId" TEXT,
    "jumpDepth" INTEGER,
    "role" "MessageRole" NOT NULL,
    "status" "MessageStatus" NOT NULL,
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

    CONSTRAINT "Message_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ModelProvider" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "kind" "ModelProviderKind" NOT NULL,
    "source" "ModelProviderSource" NOT NULL,
    "baseUrl" TEXT,
    "apiKeySealed" BYTEA,
    "apiKeyHint" TEXT,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "priority" INTEGER NOT NULL DEFAULT 0,
    "defaultModel" TEXT,
    "maxConcurrency" INTEGER,
    "requestsPerMinute" INTEGER,
    "timeoutSeconds" INTEGER,
    "syncEveryMinutes" INTEGER,
    "status" "ModelProviderStatus" NOT NULL DEFAULT 'UNKNOWN',
    "error" TEXT,
    "checkedAtMs" BIGINT,
    "syncedAtMs" BIGINT,
    "nextSyncAtMs" BIGINT,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,

    CONSTRAINT "ModelProvider_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Model" (
    "id" TEXT NOT NULL,
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

    CONSTRAINT "Model_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ProviderUsage" (
    "id" TEXT NOT NULL,
    "ownerId" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "status" "UsageStatus" NOT NULL,
    "inputTokens" INTEGER,
    "cachedInputTokens" INTEGER,
    "outputTokens" INTEGER,
    "reasoningTokens" INTEGER,
    "isCounted" BOOLEAN NOT NULL DEFAULT false,
    "costMicroUsd" BIGINT,
    "priceSource" "PriceSource" NOT NULL,
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

    CONSTRAINT "ProviderUsage_pkey" PRIMARY KEY ("id")
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

    CONSTRAINT "UsageSum_pkey" PRIMARY KEY ("day","ownerId","provider","model","taskType")
);

-- CreateTable
CREATE TABLE "Budget" (
    "id" TEXT NOT NULL,
    "ownerId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "scope" "BudgetScope" NOT NULL,
    "userId" TEXT,
    "taskType" TEXT,
    "conversationId" TEXT,
    "period" "BudgetPeriodKind" NOT NULL,
    "amountMicroUsd" BIGINT NOT NULL,
    "alertThresholds" JSONB NOT NULL,
    "webhookUrl" TEXT,
    "webhookSecretSealed" BYTEA,
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,

    CONSTRAINT "Budget_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "BudgetSpent" (
    "budgetId" TEXT NOT NULL,
    "periodStartMs" BIGINT NOT NULL,
    "spentMicroUsd" BIGINT NOT NULL,
    "reservedMicroUsd" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,

    CONSTRAINT "BudgetSpent_pkey" PRIMARY KEY ("budgetId","periodStartMs")
);

-- CreateTable
CREATE TABLE "BudgetReservation" (
    "usageId" TEXT NOT NULL,
    "budgetId" TEXT NOT NULL,
    "periodStartMs" BIGINT NOT NULL,
    "microUsd" BIGINT NOT NULL,

    CONSTRAINT "BudgetReservation_pkey" PRIMARY KEY ("usageId","budgetId")
);

-- CreateTable
CREATE TABLE "CostAlert" (
    "id" TEXT NOT NULL,
    "budgetId" TEXT NOT NULL,
    "ownerId" TEXT NOT NULL,
    "periodStartMs" BIGINT NOT NULL,
    "threshold" INTEGER NOT NULL,
    "spentMicroUsd" BIGINT NOT NULL,
    "amountMicroUsd" BIGINT NOT NULL,
    "createdAtMs" BIGINT NOT NULL,

    CONSTRAINT "CostAlert_pkey" PRIMARY KEY ("id")
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

-- AddForeignKey
ALTER TABLE "Conversation" ADD CONSTRAINT "Conversation_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Conversation" ADD CONSTRAINT "Conversation_taskId_fkey" FOREIGN KEY ("taskId") REFERENCES "Task"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Conversation" ADD CONSTRAINT "Conversation_forkedFromId_fkey" FOREIGN KEY ("forkedFromId") REFERENCES "Conversation"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Message" ADD CONSTRAINT "Message_conversationId_fkey" FOREIGN KEY ("conversationId") REFERENCES "Conversation"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Model" ADD CONSTRAINT "Model_providerId_fkey" FOREIGN KEY ("providerId") REFERENCES "ModelProvider"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "ProviderUsage" ADD CONSTRAINT "ProviderUsage_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Budget" ADD CONSTRAINT "Budget_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Budget" ADD CONSTRAINT "Budget_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "BudgetSpent" ADD CONSTRAINT "BudgetSpent_budgetId_fkey" FOREIGN KEY ("budgetId") REFERENCES "Budget"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "BudgetReservation" ADD CONSTRAINT "BudgetReservation_usageId_fkey" FOREIGN KEY ("usageId") REFERENCES "ProviderUsage"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "CostAlert" ADD CONSTRAINT "CostAlert_budgetId_fkey" FOREIGN KEY ("budgetId") REFERENCES "Budget"("id") ON DELETE CASCADE ON UPDATE CASCADE;
