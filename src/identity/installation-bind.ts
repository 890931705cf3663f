import type { Database } from '../db/database.ts'
import type { Secrets } from '../secrets.ts'

/** A server with another secret than the installation's would refuse every token the others gave out: it must not start. */
export async function installationBind(database: Database, secrets: Secrets): Promise<void> {
  const { client } = database
  await client.$executeRaw`INSERT INTO "Installation" ("id", "secretFingerprint") VALUES (1, ${secrets.fingerprint}) ON CONFLICT ("id") DO NOTHING`
  await client.$executeRaw`UPDATE "Installation" SET "secretFingerprint" = ${secrets.fingerprint} WHERE "id" = 1 AND "secretFingerprint" IS NULL`
  const installation = await client.installation.findUniqueOrThrow({ where: { id: 1 } })
  if (installation.secretFingerprint !== secrets.fingerprint) {
    throw new Error(
      'This database belongs to an installation with another secret. Set HOLDFAST_SECRET to that secret, or bring back its data folder’s file "secret"; tokens and API keys depend on it.',
    )
  }
}
