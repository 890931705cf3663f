import { tokenCounter } from '../usage/tokens.ts'
import type { OpenApp } from './open.ts'

/** Loads what the first answer needs, now that the server is there, so that the answer need not wait for it: where there may be one. */
export function loadAhead({ config, providers, log }: OpenApp): void {
  const answers = config.TASK_CONCURRENCY > 0 && providers.list().some(({ unavailableBecause }) => unavailableBecause === null)
  if (answers) tokenCounter().catch((error: unknown) => log.warn({ err: error }, 'The tokenizer could not be loaded.'))
}
