-- CreateEnum
CREATE TYPE "VectorSetStatus" AS ENUM ('BUILDING', 'LIVE', 'RETIRED');

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
CREATE INDEX "VectorSet_space_idx" ON "VectorSet"("space");

-- CreateIndex
CREATE INDEX "VectorSet_ownerId_idx" ON "VectorSet"("ownerId");

-- CreateIndex
CREATE INDEX "VectorSet_taskId_idx" ON "VectorSet"("taskId");

-- CreateIndex
CREATE INDEX "Vector_setId_version_idx" ON "Vector"("setId", "version");

-- AddForeignKey
ALTER TABLE "VectorSet" ADD CONSTRAINT "VectorSet_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Vector" ADD CONSTRAINT "Vector_setId_fkey" FOREIGN KEY ("setId") REFERENCES "VectorSet"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "VectorPending" ADD CONSTRAINT "VectorPending_setId_fkey" FOREIGN KEY ("setId") REFERENCES "VectorSet"("id") ON DELETE CASCADE ON UPDATE CASCADE;
