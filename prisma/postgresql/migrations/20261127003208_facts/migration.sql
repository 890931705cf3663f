-- AlterTable
ALTER TABLE "Message" ADD COLUMN     "contextUsed" JSONB;

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

-- AddForeignKey
ALTER TABLE "Fact" ADD CONSTRAINT "Fact_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Fact" ADD CONSTRAINT "Fact_taskId_fkey" FOREIGN KEY ("taskId") REFERENCES "Task"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Fact" ADD CONSTRAINT "Fact_messageId_fkey" FOREIGN KEY ("messageId") REFERENCES "Message"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "FactTag" ADD CONSTRAINT "FactTag_factId_fkey" FOREIGN KEY ("factId") REFERENCES "Fact"("id") ON DELETE CASCADE ON UPDATE CASCADE;
