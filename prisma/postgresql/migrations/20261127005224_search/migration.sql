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
