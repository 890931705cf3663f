-- AlterTable
ALTER TABLE "LogHead" ADD COLUMN     "entryPosition" BIGINT NOT NULL DEFAULT 0;

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
