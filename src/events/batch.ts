/** Many things asked for at once: all or none of them, or those without fault; and what is wrong with which. */
import { DomainError, IdTaken } from '../core/errors.ts'
import { meaningOf } from '../db/constraints.ts'

export type ErrorPolicy = 'REJECT_ALL' | 'SKIP_FAILED'

/** One of many: what was asked for, or what is wrong with the asking. */
export interface Wanted<T> {
  creation: T | null
  faults: readonly DomainError[]
}

export interface Skipped {
  index: number
  errors: DomainError[]
}

type Faults = readonly (readonly DomainError[])[]

export const MAX_FAULTS = 100
export const MAX_FAULTS_OF_ONE = 10

/** A fault of one, where it stands in the input's list. */
const at = (list: string, index: number, { code, message, inputPath }: DomainError): DomainError =>
  new DomainError(code, message, ['input', list, String(index), ...(inputPath ?? []).slice(1)])

/** Throws the faults of each. What several have in common, as a circle, is told once. */
export function faultsRefuse(list: string, faults: Faults): void {
  const places = new Map<DomainError, number>()
  for (const [index, some] of faults.entries()) for (const fault of some) if (!places.has(fault)) places.set(fault, index)
  if (places.size) throw new BatchRefused([...places].slice(0, MAX_FAULTS).map(([fault, index]) => at(list, index, fault)))
}

export const skippedOf = (list: string, faults: Faults): Skipped[] =>
  faults.flatMap((some, index) => (some.length ? [{ index, errors: some.slice(0, MAX_FAULTS_OF_ONE).map((fault) => at(list, index, fault)) }] : []))

class BatchRefused extends DomainError {
  constructor(override readonly faults: readonly DomainError[]) {
    super(faults[0]!.code, faults[0]!.message, faults[0]!.inputPath)
  }
}

/** An id that a twin takes in the same moment is found by the writing itself, and then nothing is made. */
export async function orTaken<T>(list: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    const meaning = meaningOf(error)
    throw meaning instanceof IdTaken ? new DomainError(meaning.code, meaning.message, ['input', list]) : error
  }
}
