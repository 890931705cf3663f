/** Random histories: what several workers and users do to tasks, one after the other each, all at the same time. */
import fc from 'fast-check'

/** How many of a key may run at once. */
export const KEY_LIMITS = { k: 1, l: 2 }

/** A number stands for one of what is there at the moment: the how-manieth task, or the how-manieth lease of this worker's. */
type Pick = number

export type Step =
  | {
      do: 'create'
      type: 'test.a' | 'test.b'
      how: 'alone' | 'grouped' | 'handed over'
      isRun: boolean
      isDelayed: boolean
      dependsOn: Pick[]
      onFailure: 'CANCEL' | 'RUN'
      parent: Pick | null
      key: 'k' | 'l' | null
      /** Which of a few twins; the same key or the same params. */
      once: number | null
      unique: number | null
      maxAttempts: number
      timeoutSeconds: number | null
      totalTimeoutSeconds: number | null
    }
  | { do: 'claim'; limit: number }
  | { do: 'heartbeat'; lease: Pick; progress: number | null }
  | { do: 'complete'; lease: Pick; many: boolean }
  | { do: 'fail'; lease: Pick; retry: boolean; later: boolean }
  | { do: 'release'; lease: Pick; cancelled: boolean }
  | { do: 'wait'; lease: Pick }
  | { do: 'child'; lease: Pick; key: 'one' | 'two'; dependsOn: Pick[] }
  | { do: 'renew' }
  | { do: 'run' | 'cancel' | 'retry' | 'delete'; task: Pick }
  | {
      do: 'update'
      task: Pick
      priority?: number | undefined
      isDelayed?: boolean | undefined
      dependsOn?: Pick[] | undefined
      onFailure?: 'CANCEL' | 'RUN' | undefined
      maxAttempts?: number | undefined
      totalTimeoutSeconds?: number | null | undefined
    }
  /** The lease of a task is made to run out, or its time to be over, and then a sweep comes by. */
  | { do: 'rescue'; task: Pick }
  | { do: 'stop'; task: Pick; because: 'cancelled' | 'attempt' | 'deadline' }
  | { do: 'due'; task: Pick }

const pick = fc.nat(30)
const lease = fc.nat(6)
const few = fc.array(pick, { maxLength: 3 })
const onFailure = fc.constantFrom('CANCEL' as const, 'RUN' as const)
const some = <T>(value: fc.Arbitrary<T>, rarely = 3) => fc.option(value, { nil: null, freq: rarely })
const oneIn = (n: number) => fc.nat(n - 1).map((rolled) => rolled === 0)
const seconds = fc.constant(1000)

const create: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('create' as const),
  type: fc.constantFrom('test.a' as const, 'test.b' as const),
  how: fc.constantFrom('alone' as const, 'grouped' as const, 'handed over' as const),
  isRun: oneIn(5).map((not) => !not),
  isDelayed: oneIn(6),
  dependsOn: fc.oneof({ weight: 1, arbitrary: fc.constant<number[]>([]) }, { weight: 1, arbitrary: few }),
  onFailure,
  parent: some(pick, 2),
  key: fc.constantFrom('k' as const, 'l' as const, null, null, null),
  once: fc.option(fc.nat(1), { nil: null, freq: 1 }),
  unique: fc.option(fc.nat(1), { nil: null, freq: 1 }),
  maxAttempts: fc.integer({ min: 1, max: 3 }),
  timeoutSeconds: some(seconds, 1),
  totalTimeoutSeconds: some(seconds, 1),
})

const worker: fc.Arbitrary<Step>[] = [
  fc.record({ do: fc.constant('heartbeat' as const), lease, progress: fc.constantFrom(null, 0.25, 0.75, Number.NaN, 7) }),
  fc.record({ do: fc.constant('fail' as const), lease, retry: fc.boolean(), later: oneIn(3) }),
  fc.record({ do: fc.constant('release' as const), lease, cancelled: oneIn(3) }),
  fc.record({ do: fc.constant('wait' as const), lease }),
  fc.record({ do: fc.constant('child' as const), lease, key: fc.constantFrom('one' as const, 'two' as const), dependsOn: fc.array(pick, { maxLength: 1 }) }),
  fc.constant({ do: 'renew' as const }),
]

const update: fc.Arbitrary<Step> = fc.record(
  {
    do: fc.constant('update' as const),
    task: pick,
    priority: fc.integer({ min: -1, max: 1 }),
    isDelayed: fc.boolean(),
    dependsOn: few,
    onFailure,
    maxAttempts: fc.integer({ min: 1, max: 3 }),
    totalTimeoutSeconds: some(seconds, 1),
  },
  { requiredKeys: ['do', 'task'] },
)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: create },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('claim' as const), limit: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('complete' as const), lease, many: fc.boolean() }) },
  { weight: 7, arbitrary: fc.oneof(...worker) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('run' as const, 'cancel' as const, 'retry' as const, 'delete' as const), task: pick }) },
  { weight: 2, arbitrary: update },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rescue' as const), task: pick }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('stop' as const),
      task: pick,
      because: fc.constantFrom('cancelled' as const, 'attempt' as const, 'deadline' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('due' as const), task: pick }) },
)

/** What each of a few processes does: it is a worker, and a user's hand at the same time. */
export type History = Step[][]

export const histories: fc.Arbitrary<History> = fc
  .tuple(fc.array(create, { minLength: 1, maxLength: 4 }), fc.array(fc.array(step, { minLength: 3, maxLength: 12 }), { minLength: 2, maxLength: 4 }))
  // Something is there to begin with, or half of the first steps would find nothing.
  .map(([first, others]) => [[...first, ...others[0]!], ...others.slice(1)])
