-- CreateTable
CREATE TABLE "AuditEntry" (
    "id" TEXT NOT NULL PRIMARY KEY,
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
    "count" INTEGER
);

-- CreateTable
CREATE TABLE "AuditOrigin" (
    "digest" TEXT NOT NULL PRIMARY KEY,
    "salt" TEXT NOT NULL,
    "userId" TEXT,
    "address" TEXT,
    "userAgent" TEXT,
    "email" TEXT,
    "createdAtMs" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "AuditSeal" (
    "lastPosition" BIGINT NOT NULL PRIMARY KEY,
    "firstPosition" BIGINT NOT NULL,
    "macs" BLOB NOT NULL,
    "sealedAtMs" BIGINT NOT NULL,
    "mac" BLOB NOT NULL
);

-- CreateTable
CREATE TABLE "AuditChain" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "sealedThrough" BIGINT NOT NULL,
    "sealedMac" BLOB NOT NULL,
    "cutThrough" BIGINT NOT NULL,
    "cutMac" BLOB NOT NULL,
    "mac" BLOB NOT NULL,
    "sealer" TEXT,
    "leaseExpiresAtMs" BIGINT
);

-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_LogHead" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "logId" TEXT NOT NULL,
    "position" BIGINT NOT NULL,
    "entryPosition" BIGINT NOT NULL DEFAULT 0,
    "expiredThrough" BIGINT NOT NULL
);
INSERT INTO "new_LogHead" ("expiredThrough", "id", "logId", "position") SELECT "expiredThrough", "id", "logId", "position" FROM "LogHead";
DROP TABLE "LogHead";
ALTER TABLE "new_LogHead" RENAME TO "LogHead";
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;

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
