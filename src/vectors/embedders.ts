/** Who makes vectors: the small model on this machine, or a model of a provider; every call of a provider is metered. */

import { ModelNotFound } from '../providers/provider-errors.ts'
import type { OpenProviders } from '../providers/providers.ts'
import type { Meter } from '../usage/meter.ts'
import { metered } from './embedding-call.ts'
import { LOCAL_DIMENSIONS, LOCAL_EMBEDDING_MODEL, LOCAL_MAX_TOKENS } from './local/embedding-packages.ts'
import type { LocalEmbedder } from './local/local-embedder.ts'
import { direction } from './vector-bytes.ts'

export interface Embedder {
  /** As `provider/model`. */
  readonly model: string
  /** Null: nobody knows before it has answered. */
  readonly dimensions: number | null
  /** What of a text goes beyond is not looked at; null: nobody knows. */
  readonly maxTokens: number | null
  /** In the order of the texts; each of length 1. */
  embed(texts: readonly string[], signal: AbortSignal): Promise<Float32Array[]>
}

/** For whom, and within which attempt at which task. */
export interface EmbeddingUse {
  ownerId: string
  task: { id: string; type: string; attempt: number } | null
}

export interface Embedders {
  /** Null: the server's own choice. Rejects with what the user can mend. */
  find(model: string | null, use: EmbeddingUse): Promise<Embedder>
  readonly local: LocalEmbedder
}

export interface EmbeddersOptions {
  providers: OpenProviders
  local: LocalEmbedder
  /** What is used where nobody names a model; left out: the one on this machine. */
  defaultModel?: string | undefined
  /** Null where there is no database. */
  meter: Meter | null
}

export function createEmbedders({ providers, local, defaultModel = LOCAL_EMBEDDING_MODEL, meter }: EmbeddersOptions): Embedders {
  const onThisMachine = ({ task }: EmbeddingUse): Embedder => {
    if (local.unavailableBecause !== null) throw new ModelNotFound(LOCAL_EMBEDDING_MODEL, `It cannot be used here: ${local.unavailableBecause}.`)
    return {
      model: LOCAL_EMBEDDING_MODEL,
      dimensions: LOCAL_DIMENSIONS,
      maxTokens: LOCAL_MAX_TOKENS,
      // Where there is no task, somebody waits for it.
      embed: async (texts, signal) => directions(LOCAL_EMBEDDING_MODEL, await local.embed(texts, { signal, urgent: task === null })),
    }
  }
  return {
    local,
    async find(asked, use) {
      const name = asked ?? defaultModel
      if (name === LOCAL_EMBEDDING_MODEL) return onThisMachine(use)
      const chosen = await providers.embedding(name)
      const model = `${chosen.provider}/${chosen.model}`
      return {
        model,
        dimensions: null,
        maxTokens: chosen.maxTokens,
        embed: async (texts, signal) => directions(model, await metered(meter, chosen, use)(texts, signal)),
      }
    },
  }
}

const directions = (model: string, vectors: readonly Float32Array[]): Float32Array[] => vectors.map((vector) => direction(model, vector))
