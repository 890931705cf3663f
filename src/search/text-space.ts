/** A space: texts that are searched together, in one language, and whose scores no other space moves. */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import type { TextLanguage } from './language.ts'

export interface TextSpace {
  no: number
  key: string
  language: TextLanguage
}

/** The space of a key; it is made where it is not there yet. Once it is made, its language stays. */
export async function textSpaceOpen(work: Work, key: string, language: TextLanguage): Promise<TextSpace> {
  const [known] = await work.rows<TextSpace>(spacesOf([key]))
  if (known) return known
  await work.execute(Prisma.sql`INSERT INTO "TextSpace" ("key", "language") VALUES (${key}, ${language}) ON CONFLICT ("key") DO NOTHING`)
  // Whoever made it meanwhile has committed by now.
  return (await work.rows<TextSpace>(spacesOf([key])))[0]!
}

/** Those of them in which anything was ever put. */
export const spacesOf = (keys: readonly string[]): Prisma.Sql =>
  Prisma.sql`SELECT "no", "key", "language" FROM "TextSpace" WHERE "key" IN (${Prisma.join(keys)}) ORDER BY "no"`

/** Takes so many items out of a space at most; the space goes with the last of them. Answers how many there were. */
export async function textSpaceClear(work: Work, key: string, limit: number): Promise<number> {
  const cleared = await work.execute(Prisma.sql`DELETE FROM "TextItem" WHERE "row" IN (
    SELECT "item"."row" FROM "TextItem" AS "item" JOIN "TextSpace" AS "space" ON "space"."no" = "item"."spaceNo" WHERE "space"."key" = ${key} LIMIT ${limit})`)
  if (cleared < limit) await work.execute(Prisma.sql`DELETE FROM "TextSpace" WHERE "key" = ${key}`)
  return cleared
}
