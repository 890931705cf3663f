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
CREATE UNIQUE INDEX "TextSpace_key_key" ON "TextSpace"("key");

-- CreateIndex
CREATE UNIQUE INDEX "TextItem_spaceNo_id_key" ON "TextItem"("spaceNo", "id");

-- AddForeignKey
ALTER TABLE "TextItem" ADD CONSTRAINT "TextItem_spaceNo_fkey" FOREIGN KEY ("spaceNo") REFERENCES "TextSpace"("no") ON DELETE CASCADE ON UPDATE CASCADE;
