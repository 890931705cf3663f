-- CreateTable
CREATE TABLE "VectorSet" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "ownerId" TEXT NOT NULL,
    "space" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "dimensions" INTEGER,
    "status" TEXT NOT NULL,
    "items" INTEGER NOT NULL DEFAULT 0,
    "version" BIGINT NOT NULL DEFAULT 0,
    "listedTo" TEXT,
    "isListed" BOOLEAN NOT NULL DEFAULT false,
    "taskId" TEXT,
    "error" TEXT,
    "createdAtMs" BIGINT NOT NULL,
    "liveAtMs" BIGINT,
    CONSTRAINT "VectorSet_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Vector" (
    "setId" TEXT NOT NULL,
    "itemId" TEXT NOT NULL,
    "version" BIGINT NOT NULL,
    "bytes" BLOB NOT NULL,

    PRIMARY KEY ("setId", "itemId"),
    CONSTRAINT "Vector_setId_fkey" FOREIGN KEY ("setId") REFERENCES "VectorSet" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "VectorPending" (
    "setId" TEXT NOT NULL,
    "itemId" TEXT NOT NULL,
    "stamp" TEXT NOT NULL,

    PRIMARY KEY ("setId", "itemId"),
    CONSTRAINT "VectorPending_setId_fkey" FOREIGN KEY ("setId") REFERENCES "VectorSet" ("id") ON DELETE CASCADE ON UPDATE CASCADE
);

-- CreateIndex
CREATE INDEX "VectorSet_space_idx" ON "VectorSet"("space");

-- CreateIndex
CREATE INDEX "VectorSet_ownerId_idx" ON "VectorSet"("ownerId");

-- CreateIndex
CREATE INDEX "VectorSet_taskId_idx" ON "VectorSet"("taskId");

-- CreateIndex
CREATE INDEX "Vector_setId_version_idx" ON "Vector"("setId", "version");
