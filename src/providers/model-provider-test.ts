import type { Actor } from '../core/actor.ts'
import { DomainError, NotFound } from '../core/errors.ts'
import type { Store } from '../events/store.ts'
import { type Committed, transact } from '../events/transact.ts'
import { requireAdmin } from '../identity/identity-access.ts'
import type { Meter } from '../usage/meter.ts'
import { generationOf } from './generation.ts'
import { modelProviderSeen } from './model-provider-seen.ts'
import { listOf, wordsOf } from './model-provider-sync.ts'
import { ProviderFailed } from './provider-errors.ts'
import type { OpenProviders } from './providers.ts'
import { TryMetered } from './try-metered.ts'

const LIST_MS = 15_000
const ANSWER_MS = 60_000
const PROMPT = 'Answer with the word OK.'
const ANSWER_TOKENS = 16

export interface Tested {
  modelProviderId: string
  works: boolean
  listReachable: boolean
  modelCount: number | null
  listMs: number
  /** The model that was asked; null: none was. */
  model: string | null
  answer: string | null
  answerMs: number | null
  error: string | null
}

export interface Testing {
  /** Whether a model shall say a word. */
  generate: boolean
  /** Which; left out: the default. */
  model?: string | undefined
}

export interface TestHost {
  store: Store
  providers: OpenProviders
  meter: Meter
}

/** Tries a provider out, also where it is switched off: whether it lists its models and, if asked, whether one of them answers. */
export async function modelProviderTest({ store, providers, meter }: TestHost, actor: Actor, id: string, testing: Testing): Promise<Committed<Tested>> {
  const { userId: ownerId } = requireAdmin(actor)
  const row = await providers.catalogue!.provider(id)
  if (!row) throw new NotFound('ModelProvider', ['input', 'id'])
  const startedAt = performance.now()
  const list = await listOf(providers, row, undefined, LIST_MS)
  const listMs = Math.round(performance.now() - startedAt)
  const models = 'models' in list ? list.models : null
  const model = testing.generate ? (testing.model ?? row.defaultModel ?? models?.[0]?.name ?? null) : null
  const said = model === null ? null : await answerOf(providers.connect(row), model, new TryMetered(meter, { ownerId, provider: row.name, model }))
  const noModel = testing.generate && model === null ? 'There is no model to ask: name one.' : null
  // Where the list failed, that is why there is no model to ask.
  const error = said?.error ?? ('error' in list ? list.error : null) ?? noModel
  // Some servers answer and list nothing: then what was asked for counts.
  const works = testing.generate ? said !== null && said.error === null : models !== null
  const { position } = await transact(store, actor, (work) => modelProviderSeen(work, id, works ? null : error))
  return {
    result: {
      modelProviderId: id,
      works,
      listReachable: models !== null,
      modelCount: models?.length ?? null,
      listMs,
      model,
      answer: said?.text ?? null,
      answerMs: said?.ms ?? null,
      error,
    },
    position,
  }
}

async function answerOf(
  provider: ReturnType<OpenProviders['connect']>,
  model: string,
  call: TryMetered,
): Promise<{ text: string | null; ms: number; error: string | null }> {
  const startedAt = performance.now()
  const ms = () => Math.round(performance.now() - startedAt)
  if (provider.unavailableBecause !== null) return { text: null, ms: 0, error: provider.unavailableBecause }
  const patience = AbortSignal.timeout(ANSWER_MS)
  const request = { messages: [{ role: 'user' as const, content: PROMPT }], model, maxOutputTokens: ANSWER_TOKENS, calls: call, signal: patience }
  try {
    let text = ''
    const { parts } = generationOf(provider.name, model, patience, provider.stream(model, request))
    for await (const part of parts) {
      await call.wrote(part.content)
      if (part.kind === 'TEXT') text += part.content
    }
    await call.settle({ error: null })
    return { text, ms: ms(), error: null }
  } catch (error) {
    const isOverBudget = error instanceof DomainError && error.code === 'BUDGET_EXCEEDED'
    const isCut = patience.aborted || (error instanceof ProviderFailed && error.isLate)
    const words = patience.aborted ? `it did not answer within ${ANSWER_MS / 1000} s` : (error as Error).message
    await call.settle({ error: words, isCut, isOverBudget })
    // What is no fault of the provider's, as a budget that has ended, is not told as one.
    return { text: null, ms: ms(), error: patience.aborted ? words : wordsOf(provider.name, error) }
  }
}
