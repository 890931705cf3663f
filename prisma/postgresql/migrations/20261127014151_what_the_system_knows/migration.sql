-- CreateEnum
CREATE TYPE "VectorSetStatus" AS ENUM ('BUILDING', 'LIVE', 'RETIRED');

-- AlterTable
ALTER TABLE "LogHead" ADD COLUMN     "entryPosition" BIGINT NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "Message" ADD COLUMN     "contextUsed" JSONB;

-- AlterTable
ALTER TABLE "Task" ADD COLUMN     "traceparent" TEXT;

-- CreateTable
CREATE TABLE "AuditEntry" (
    "id" TEXT NOT NULL,
    "position" BIGINT NOT NULL,
    "occurredAtMs" BIGINT NOT NULL,
    "kind" TEXT NOT NULL,
    "operation" TEXT NOT NULL,
    "operationName" TEXT,
    "userId" TEXT,
    "sessionId" TEXT,
    "apiKeyId" TEXT,
    "subjectType" TEXT,
    "subjectId" TEXT,
    "code" TEXT,
    "durationMs" INTEGER,
    "requestId" TEXT,
    "originDigest" TEXT,
    "count" INTEGER,

    CONSTRAINT "AuditEntry_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "AuditOrigin" (
    "digest" TEXT NOT NULL,
    "salt" TEXT NOT NULL,
    "userId" TEXT,
    "address" TEXT,
    "userAgent" TEXT,
    "email" TEXT,
    "createdAtMs" BIGINT NOT NULL,

    CONSTRAINT "AuditOrigin_pkey" PRIMARY KEY ("digest")
);

-- CreateTable
CREATE TABLE "AuditSeal" (
    "lastPosition" BIGINT NOT NULL,
    "firstPosition" BIGINT NOT NULL,
    "macs" BYTEA NOT NULL,
    "sealedAtMs" BIGINT NOT NULL,
    "mac" BYTEA NOT NULL,

    CONSTRAINT "AuditSeal_pkey" PRIMARY KEY ("lastPosition")
);

-- CreateTable
CREATE TABLE "AuditChain" (
    "id" INTEGER NOT NULL,
    "sealedThrough" BIGINT NOT NULL,
    "sealedMac" BYTEA NOT NULL,
    "cutThrough" BIGINT NOT NULL,
    "cutMac" BYTEA NOT NULL,
    "mac" BYTEA NOT NULL,
    "sealer" TEXT,
    "leaseExpiresAtMs" BIGINT,

    CONSTRAINT "AuditChain_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Fact" (
    "id" TEXT NOT NULL,
    "ownerId" TEXT NOT NULL,
    "text" TEXT NOT NULL,
    "folded" TEXT NOT NULL,
    "sameKey" BIGINT NOT NULL,
    "near0" BIGINT NOT NULL,
    "near1" BIGINT NOT NULL,
    "near2" BIGINT NOT NULL,
    "near3" BIGINT NOT NULL,
    "near4" BIGINT NOT NULL,
    "near5" BIGINT NOT NULL,
    "near6" BIGINT NOT NULL,
    "near7" BIGINT NOT NULL,
    "near8" BIGINT NOT NULL,
    "near9" BIGINT NOT NULL,
    "metadata" JSONB,
    "taskId" TEXT,
    "messageId" TEXT,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,

    CONSTRAINT "Fact_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "FactTag" (
    "factId" TEXT NOT NULL,
    "tag" TEXT NOT NULL,
    "ownerId" TEXT NOT NULL,

    CONSTRAINT "FactTag_pkey" PRIMARY KEY ("factId","tag")
);

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

    CONSTRAINT "ApiCallSum_pkey" PRIMARY KEY ("ownerId","hours","startMs","apiKeyId","operation")
);

-- CreateTable
CREATE TABLE "SearchCollection" (
    "id" TEXT NOT NULL,
    "ownerId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "language" TEXT NOT NULL,
    "chunkWords" INTEGER NOT NULL,
    "overlapWords" INTEGER NOT NULL,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,
    "deletedAtMs" BIGINT,

    CONSTRAINT "SearchCollection_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "SearchDocument" (
    "id" TEXT NOT NULL,
    "collectionId" TEXT NOT NULL,
    "ownerId" TEXT NOT NULL,
    "externalId" TEXT,
    "title" TEXT,
    "content" TEXT NOT NULL,
    "metadata" JSONB NOT NULL,
    "length" INTEGER NOT NULL,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,

    CONSTRAINT "SearchDocument_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "SearchTag" (
    "documentId" TEXT NOT NULL,
    "tag" TEXT NOT NULL,
    "collectionId" TEXT NOT NULL,

    CONSTRAINT "SearchTag_pkey" PRIMARY KEY ("documentId","tag")
);

-- CreateTable
CREATE TABLE "SearchChunk" (
    "id" TEXT NOT NULL,
    "documentId" TEXT NOT NULL,
    "collectionId" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,
    "startAt" INTEGER NOT NULL,
    "endAt" INTEGER NOT NULL,
    "hash" TEXT NOT NULL,

    CONSTRAINT "SearchChunk_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "SearchImport" (
    "id" TEXT NOT NULL,
    "ownerId" TEXT NOT NULL,
    "collectionId" TEXT NOT NULL,
    "format" TEXT NOT NULL,
    "name" TEXT,
    "ifExists" TEXT NOT NULL,
    "receivedParts" INTEGER NOT NULL,
    "receivedBytes" BIGINT NOT NULL,
    "isComplete" BOOLEAN NOT NULL,
    "readBytes" BIGINT NOT NULL,
    "readRows" INTEGER NOT NULL,
    "state" JSONB,
    "added" INTEGER NOT NULL,
    "updated" INTEGER NOT NULL,
    "unchanged" INTEGER NOT NULL,
    "failed" INTEGER NOT NULL,
    "faults" JSONB NOT NULL,
    "error" TEXT,
    "taskId" TEXT,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,
    "completedAtMs" BIGINT,

    CONSTRAINT "SearchImport_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "SearchImportPart" (
    "importId" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,
    "startByte" BIGINT NOT NULL,
    "bytes" BYTEA NOT NULL,

    CONSTRAINT "SearchImportPart_pkey" PRIMARY KEY ("importId","seq")
);

-- CreateTable
CREATE TABLE "TextSpace" (
    "no" SERIAL NOT NULL,
    "key" TEXT NOT NULL,
    "language" TEXT NOT NULL,

    CONSTRAINT "TextSpace_pkey" PRIMARY KEY ("no")
);

-- CreateTable
CREATE TABLE "TextItem" (
    "row" SERIAL NOT NULL,
    "spaceNo" INTEGER NOT NULL,
    "id" TEXT NOT NULL,
    "groupId" TEXT NOT NULL,

    CONSTRAINT "TextItem_pkey" PRIMARY KEY ("row")
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

    CONSTRAINT "TaskPeriod_pkey" PRIMARY KEY ("ownerId","type","hours","startMs")
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

    CONSTRAINT "UsageHour_pkey" PRIMARY KEY ("hour","ownerId","provider","model","taskType")
);

-- CreateTable
CREATE TABLE "VectorSet" (
    "id" TEXT NOT NULL,
    "ownerId" TEXT NOT NULL,
    "space" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "dimensions" INTEGER,
    "status" "VectorSetStatus" NOT NULL,
    "items" INTEGER NOT NULL DEFAULT 0,
    "version" BIGINT NOT NULL DEFAULT 0,
    "listedTo" TEXT,
    "isListed" BOOLEAN NOT NULL DEFAULT false,
    "taskId" TEXT,
    "error" TEXT,
    "createdAtMs" BIGINT NOT NULL,
    "liveAtMs" BIGINT,

    CONSTRAINT "VectorSet_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Vector" (
    "setId" TEXT NOT NULL,
    "itemId" TEXT NOT NULL,
    "version" BIGINT NOT NULL,
    "bytes" BYTEA NOT NULL,

    CONSTRAINT "Vector_pkey" PRIMARY KEY ("setId","itemId")
);

-- CreateTable
CREATE TABLE "VectorPending" (
    "setId" TEXT NOT NULL,
    "itemId" TEXT NOT NULL,
    "stamp" TEXT NOT NULL,

    CONSTRAINT "VectorPending_pkey" PRIMARY KEY ("setId","itemId")
);

-- CreateIndex
CREATE UNIQUE INDEX "AuditEntry_position_key" ON "AuditEntry"("position");

-- CreateIndex
CREATE INDEX "AuditEntry_userId_position_idx" ON "AuditEntry"("userId", "position");

-- CreateIndex
CREATE INDEX "AuditEntry_subjectId_position_idx" ON "AuditEntry"("subjectId", "position");

-- CreateIndex
CREATE INDEX "AuditOrigin_userId_idx" ON "AuditOrigin"("userId");

-- CreateIndex
CREATE INDEX "AuditOrigin_email_idx" ON "AuditOrigin"("email");

-- CreateIndex
CREATE INDEX "AuditOrigin_address_idx" ON "AuditOrigin"("address");

-- CreateIndex
CREATE INDEX "AuditOrigin_createdAtMs_idx" ON "AuditOrigin"("createdAtMs");

-- CreateIndex
CREATE INDEX "Fact_ownerId_createdAtMs_id_idx" ON "Fact"("ownerId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Fact_ownerId_updatedAtMs_id_idx" ON "Fact"("ownerId", "updatedAtMs", "id");

-- CreateIndex
CREATE INDEX "Fact_createdAtMs_id_idx" ON "Fact"("createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Fact_taskId_createdAtMs_id_idx" ON "Fact"("taskId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Fact_messageId_createdAtMs_id_idx" ON "Fact"("messageId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "Fact_sameKey_idx" ON "Fact"("sameKey");

-- CreateIndex
CREATE INDEX "Fact_near0_idx" ON "Fact"("near0");

-- CreateIndex
CREATE INDEX "Fact_near1_idx" ON "Fact"("near1");

-- CreateIndex
CREATE INDEX "Fact_near2_idx" ON "Fact"("near2");

-- CreateIndex
CREATE INDEX "Fact_near3_idx" ON "Fact"("near3");

-- CreateIndex
CREATE INDEX "Fact_near4_idx" ON "Fact"("near4");

-- CreateIndex
CREATE INDEX "Fact_near5_idx" ON "Fact"("near5");

-- CreateIndex
CREATE INDEX "Fact_near6_idx" ON "Fact"("near6");

-- CreateIndex
CREATE INDEX "Fact_near7_idx" ON "Fact"("near7");

-- CreateIndex
CREATE INDEX "Fact_near8_idx" ON "Fact"("near8");

-- CreateIndex
CREATE INDEX "Fact_near9_idx" ON "Fact"("near9");

-- CreateIndex
CREATE INDEX "FactTag_ownerId_tag_factId_idx" ON "FactTag"("ownerId", "tag", "factId");

-- CreateIndex
CREATE INDEX "ApiCallSum_hours_startMs_idx" ON "ApiCallSum"("hours", "startMs");

-- CreateIndex
CREATE INDEX "SearchCollection_ownerId_createdAtMs_id_idx" ON "SearchCollection"("ownerId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "SearchCollection_createdAtMs_id_idx" ON "SearchCollection"("createdAtMs", "id");

-- CreateIndex
CREATE UNIQUE INDEX "SearchCollection_ownerId_name_key" ON "SearchCollection"("ownerId", "name");

-- CreateIndex
CREATE INDEX "SearchDocument_collectionId_createdAtMs_id_idx" ON "SearchDocument"("collectionId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "SearchDocument_ownerId_createdAtMs_id_idx" ON "SearchDocument"("ownerId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "SearchDocument_createdAtMs_id_idx" ON "SearchDocument"("createdAtMs", "id");

-- CreateIndex
CREATE UNIQUE INDEX "SearchDocument_collectionId_externalId_key" ON "SearchDocument"("collectionId", "externalId");

-- CreateIndex
CREATE INDEX "SearchTag_collectionId_tag_documentId_idx" ON "SearchTag"("collectionId", "tag", "documentId");

-- CreateIndex
CREATE INDEX "SearchChunk_documentId_seq_idx" ON "SearchChunk"("documentId", "seq");

-- CreateIndex
CREATE INDEX "SearchChunk_collectionId_id_idx" ON "SearchChunk"("collectionId", "id");

-- CreateIndex
CREATE INDEX "SearchImport_ownerId_createdAtMs_id_idx" ON "SearchImport"("ownerId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "SearchImport_collectionId_createdAtMs_id_idx" ON "SearchImport"("collectionId", "createdAtMs", "id");

-- CreateIndex
CREATE INDEX "SearchImport_createdAtMs_id_idx" ON "SearchImport"("createdAtMs", "id");

-- CreateIndex
CREATE INDEX "SearchImport_taskId_idx" ON "SearchImport"("taskId");

-- CreateIndex
CREATE UNIQUE INDEX "TextSpace_key_key" ON "TextSpace"("key");

-- CreateIndex
CREATE UNIQUE INDEX "TextItem_spaceNo_id_key" ON "TextItem"("spaceNo", "id");

-- CreateIndex
CREATE INDEX "TaskPeriod_hours_startMs_idx" ON "TaskPeriod"("hours", "startMs");

-- CreateIndex
CREATE INDEX "UsageHour_ownerId_hour_idx" ON "UsageHour"("ownerId", "hour");

-- CreateIndex
CREATE INDEX "VectorSet_space_idx" ON "VectorSet"("space");

-- CreateIndex
CREATE INDEX "VectorSet_ownerId_idx" ON "VectorSet"("ownerId");

-- CreateIndex
CREATE INDEX "VectorSet_taskId_idx" ON "VectorSet"("taskId");

-- CreateIndex
CREATE INDEX "Vector_setId_version_idx" ON "Vector"("setId", "version");

-- AddForeignKey
ALTER TABLE "Fact" ADD CONSTRAINT "Fact_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Fact" ADD CONSTRAINT "Fact_taskId_fkey" FOREIGN KEY ("taskId") REFERENCES "Task"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Fact" ADD CONSTRAINT "Fact_messageId_fkey" FOREIGN KEY ("messageId") REFERENCES "Message"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "FactTag" ADD CONSTRAINT "FactTag_factId_fkey" FOREIGN KEY ("factId") REFERENCES "Fact"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "SearchCollection" ADD CONSTRAINT "SearchCollection_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "SearchDocument" ADD CONSTRAINT "SearchDocument_collectionId_fkey" FOREIGN KEY ("collectionId") REFERENCES "SearchCollection"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "SearchDocument" ADD CONSTRAINT "SearchDocument_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "SearchTag" ADD CONSTRAINT "SearchTag_documentId_fkey" FOREIGN KEY ("documentId") REFERENCES "SearchDocument"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "SearchChunk" ADD CONSTRAINT "SearchChunk_documentId_fkey" FOREIGN KEY ("documentId") REFERENCES "SearchDocument"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "SearchImport" ADD CONSTRAINT "SearchImport_collectionId_fkey" FOREIGN KEY ("collectionId") REFERENCES "SearchCollection"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "SearchImport" ADD CONSTRAINT "SearchImport_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "SearchImportPart" ADD CONSTRAINT "SearchImportPart_importId_fkey" FOREIGN KEY ("importId") REFERENCES "SearchImport"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "TextItem" ADD CONSTRAINT "TextItem_spaceNo_fkey" FOREIGN KEY ("spaceNo") REFERENCES "TextSpace"("no") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "VectorSet" ADD CONSTRAINT "VectorSet_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Vector" ADD CONSTRAINT "Vector_setId_fkey" FOREIGN KEY ("setId") REFERENCES "VectorSet"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "VectorPending" ADD CONSTRAINT "VectorPending_setId_fkey" FOREIGN KEY ("setId") REFERENCES "VectorSet"("id") ON DELETE CASCADE ON UPDATE CASCADE;
