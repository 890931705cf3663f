/** From what a user asks for to a row: which type, which params, which lane. */
import { requireKnown } from '../core/actor.ts'
import { BadUserInput, type DomainError } from '../core/errors.ts'
import { faultsOf, faultWords } from '../core/fault-words.ts'
import { newId } from '../core/ids.ts'
import { tracing } from '../core/tracing.ts'
import type { Work } from '../events/work.ts'
import { laneOf } from './lanes.ts'
import { type OutsideType, outsideNames, outsideTypeFor } from './outside-type.ts'
import type { RetryPolicyInput } from './retry-policy.ts'
import { UnknownTaskType } from './task-errors.ts'
import type { TaskTypes } from './task-type.ts'

export interface TaskCreation {
  id?: string | undefined
  type: string
  params?: unknown
  description?: string | undefined
  domain?: string | undefined
  driftScore?: number | undefined
  priority?: number | undefined
  runAt?: Date | undefined
  maxAttempts?: number | undefined
  timeoutSeconds?: number | undefined
  totalTimeoutSeconds?: number | undefined
  retryPolicy?: RetryPolicyInput | undefined
  sessionKey?: string | undefined
  idempotencyKey?: string | undefined
  runImmediately?: boolean | undefined
  /** Inner ids. */
  dependsOn?: readonly string[] | undefined
  onDependencyFailure?: 'CANCEL' | 'RUN' | undefined
  parentId?: string | undefined
  concurrencyKey?: string | undefined
  /** How many of the key may run at once; 1 unless given. */
  concurrencyLimit?: number | undefined
  /** The same type with the same params makes no second task for so long. */
  unique?: { withinSeconds: number } | undefined
  scheduleId?: string | undefined
  /** About the stream that a type which streams opens with its task; `taskId` left out: it belongs to the task itself. */
  stream?: { id?: string | undefined; taskId?: string | undefined; model?: string | undefined; idempotencyKey?: string | undefined } | undefined
}

/** A task that is to be written down: all that can be said without the database. */
export interface Prepared extends TaskCreation {
  id: string
  ownerId: string
  params: unknown
  lane: string
  maxAttempts: number
  streams: boolean
  /** What it belongs to; null where nobody traces. */
  traceparent: string | null
}

const DEFAULT_ATTEMPTS = 3

const typeNames = async (work: Work, types: TaskTypes): Promise<string[]> => [...new Set([...types.names, ...(await outsideNames(work))])].sort()

/** Checks the type and its params; what does not fit is told with its place. */
export async function taskPrepare(work: Work, types: TaskTypes, creation: TaskCreation): Promise<Prepared> {
  const { userId: ownerId } = requireKnown(work.actor)
  const { type: name } = creation
  if (creation.concurrencyLimit != null && creation.concurrencyKey == null)
    throw new BadUserInput('A limit is one of a key: give a concurrencyKey too.', ['input', 'concurrencyLimit'])
  const type = types.get(name)
  const outside = type ? null : await outsideTypeFor(work, name)
  if (!type && !outside) throw new UnknownTaskType(name, await typeNames(work, types))
  return {
    ...creation,
    id: creation.id ?? newId(),
    ownerId,
    params: type ? checkedBy(types, name, creation.params ?? {}) : checkedOutside(outside!, creation.params ?? {}),
    lane: laneOf({ type: name, isOutside: !type, ownerId, concurrencyKey: creation.concurrencyKey }),
    maxAttempts: creation.maxAttempts ?? type?.maxAttempts ?? outside?.maxAttempts ?? DEFAULT_ATTEMPTS,
    timeoutSeconds: creation.timeoutSeconds ?? type?.timeoutSeconds ?? outside?.timeoutSeconds ?? undefined,
    retryPolicy: creation.retryPolicy ?? type?.retryPolicy ?? (outside?.retryPolicy as RetryPolicyInput | null) ?? undefined,
    streams: type?.streams ?? false,
    traceparent: tracing.on?.current ?? null,
  }
}

/** The params of a task that is there already, checked anew. */
export async function checkedParams(work: Work, types: TaskTypes, name: string, params: unknown): Promise<unknown> {
  if (types.get(name)) return checkedBy(types, name, params)
  const outside = await outsideTypeFor(work, name)
  if (!outside) throw new UnknownTaskType(name, await typeNames(work, types))
  return checkedOutside(outside, params)
}

function checkedOutside(type: OutsideType, params: unknown): unknown {
  faultless(type.check(params))
  return params
}

function checkedBy(types: TaskTypes, name: string, params: unknown): unknown {
  const type = types.get(name)!
  const parsed = type.params.safeParse(params, { error: faultWords })
  if (parsed.success) {
    const refused = type.refuse?.(parsed.data) ?? []
    if (refused.length) throw refused.length === 1 ? refused[0] : new ParamsInvalid(refused.slice(0, MAX_FAULTS))
    return parsed.data
  }
  return faultless(faultsOf(parsed.error.issues))
}

/** Of a list in params everything may be wrong, and whoever mends the first ones knows how. */
const MAX_FAULTS = 20

function faultless(issues: readonly { message: string; path: readonly string[] }[]): void {
  if (!issues.length) return
  throw new ParamsInvalid(
    issues.slice(0, MAX_FAULTS).map(({ message, path }) => new BadUserInput(`${message.replace(/\.$/, '')}.`, ['input', 'params', ...path])),
  )
}

/** What does not fit, all at once. */
export class ParamsInvalid extends BadUserInput {
  constructor(override readonly faults: readonly DomainError[]) {
    super(faults[0]!.message, faults[0]!.inputPath)
  }
}
