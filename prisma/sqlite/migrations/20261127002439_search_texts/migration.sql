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
CREATE UNIQUE INDEX "TextSpace_key_key" ON "TextSpace"("key");

-- CreateIndex
CREATE UNIQUE INDEX "TextItem_spaceNo_id_key" ON "TextItem"("spaceNo", "id");
