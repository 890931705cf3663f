import type { Embedders } from './embedders.ts'

/** Of the last so many questions, for whoever turns pages. */
const KEPT = 500
/** Not of whoever asked first: others may wait for the same. */
const WITHIN_MS = 60_000
const kept = new WeakMap<Embedders, Map<string, Promise<Float32Array>>>()

/** The vector of a question by a set's model. The same question is not asked again. */
export async function queryVector(embedders: Embedders, ownerId: string, model: string, text: string): Promise<Float32Array> {
  const known = kept.get(embedders) ?? new Map<string, Promise<Float32Array>>()
  kept.set(embedders, known)
  const key = `${ownerId}\n${model}\n${text}`
  const asked = known.get(key)
  if (asked) return asked
  const asking = embedders.find(model, { ownerId, task: null }).then(async (embedder) => (await embedder.embed([text], AbortSignal.timeout(WITHIN_MS)))[0]!)
  known.set(key, asking)
  if (known.size > KEPT) known.delete(known.keys().next().value!)
  try {
    return await asking
  } catch (error) {
    known.delete(key)
    throw error
  }
}
