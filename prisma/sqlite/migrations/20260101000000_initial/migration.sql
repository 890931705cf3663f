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
    "timeoutSeconds" INTEGER,
    "agentsInvolved" JSONB NOT NULL,
    "sessionKey" TEXT,
    "idempotencyKey" TEXT,
    "worker" TEXT,
    "leaseToken" TEXT,
    "leaseSeconds" INTEGER,
    "leaseExpiresAtMs" BIGINT,
    "cancelRequestedAtMs" BIGINT,
    "runAtMs" BIGINT NOT NULL,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,
    "queuedAtMs" BIGINT,
    "startedAtMs" BIGINT,
    "completedAtMs" BIGINT,
    "durationMs" BIGINT,
    CONSTRAINT "Task_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE INDEX "Event_subjectId_position_idx" ON "Event"("subjectId", "position");

-- CreateIndex
CREATE INDEX "Event_ownerId_position_idx" ON "Event"("ownerId", "position");

-- CreateIndex
CREATE INDEX "Event_occurredAtMs_idx" ON "Event"("occurredAtMs");

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
CREATE INDEX "Task_createdAtMs_id_idx" ON "Task"("createdAtMs", "id");
