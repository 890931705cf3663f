/** What the operator says of a model's price, and what is known of its provider, for whoever counts its cost. */
import type { Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'

export interface OperatorPrice {
  kind: 'OPENAI_COMPATIBLE' | 'ANTHROPIC' | 'OLLAMA' | 'LOCAL'
  baseUrl: string | null
  /** Micro-USD for a million tokens; null: not set. */
  inputPrice: number | null
  outputPrice: number | null
  cachedInputPrice: number | null
}

/** Null where there is no such provider in the database. */
export async function operatorPrice({ rows }: Pick<Work, 'rows'>, provider: string, model: string): Promise<OperatorPrice | null> {
  const [found] = await rows<OperatorPrice>(Prisma.sql`
    SELECT "ModelProvider"."kind", "ModelProvider"."baseUrl", "Model"."inputPrice", "Model"."outputPrice", "Model"."cachedInputPrice"
    FROM "ModelProvider" LEFT JOIN "Model" ON "Model"."providerId" = "ModelProvider"."id" AND "Model"."name" = ${model}
    WHERE "ModelProvider"."name" = ${provider}`)
  return found ?? null
}
