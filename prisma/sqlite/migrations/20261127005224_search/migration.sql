-- CreateTable
CREATE TABLE "SearchCollection" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "ownerId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "language" TEXT NOT NULL,
    "chunkWords" INTEGER NOT NULL,
    "overlapWords" INTEGER NOT NULL,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,
    "deletedAtMs" BIGINT,
    CONSTRAINT "SearchCollection_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "SearchDocument" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "collectionId" TEXT NOT NULL,
    "ownerId" TEXT NOT NULL,
    "externalId" TEXT,
    "title" TEXT,
    "content" TEXT NOT NULL,
    "metadata" JSONB NOT NULL,
    "length" INTEGER NOT NULL,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,
    CONSTRAINT "SearchDocument_collectionId_fkey" FOREIGN KEY ("collectionId") REFERENCES "SearchCollection" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "SearchDocument_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "SearchTag" (
    "documentId" TEXT NOT NULL,
    "tag" TEXT NOT NULL,
    "collectionId" TEXT NOT NULL,

    PRIMARY KEY ("documentId", "tag"),
    CONSTRAINT "SearchTag_documentId_fkey" FOREIGN KEY ("documentId") REFERENCES "SearchDocument" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "SearchChunk" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "documentId" TEXT NOT NULL,
    "collectionId" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,
    "startAt" INTEGER NOT NULL,
    "endAt" INTEGER NOT NULL,
    "hash" TEXT NOT NULL,
    CONSTRAINT "SearchChunk_documentId_fkey" FOREIGN KEY ("documentId") REFERENCES "SearchDocument" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "SearchImport" (
    "id" TEXT NOT NULL PRIMARY KEY,
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
    "taskId" TEXT,
    "createdAtMs" BIGINT NOT NULL,
    "updatedAtMs" BIGINT NOT NULL,
    "completedAtMs" BIGINT,
    CONSTRAINT "SearchImport_collectionId_fkey" FOREIGN KEY ("collectionId") REFERENCES "SearchCollection" ("id") ON DELETE CASCADE ON UPDATE CASCADE,
    CONSTRAINT "SearchImport_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "SearchImportPart" (
    "importId" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,
    "bytes" BLOB NOT NULL,

    PRIMARY KEY ("importId", "seq"),
    CONSTRAINT "SearchImportPart_importId_fkey" FOREIGN KEY ("importId") REFERENCES "SearchImport" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "TextSpace" (
    "no" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "key" TEXT NOT NULL,
    "language" TEXT NOT NULL
);

-- CreateTable
CREATE TABLE "TextItem" (
    "row" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "spaceNo" INTEGER NOT NULL,
    "id" TEXT NOT NULL,
    "groupId" TEXT NOT NULL,
    CONSTRAINT "TextItem_spaceNo_fkey" FOREIGN KEY ("spaceNo") REFERENCES "TextSpace" ("no") ON DELETE CASCADE ON UPDATE CASCADE
);

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
