import { setImmediate as breath } from 'node:timers/promises'
import type { Logger } from 'pino'
import { coalesced } from '../core/coalesced.ts'
import type { Store } from '../events/store.ts'
import { TRAIL_TOPIC } from '../events/trail.ts'
import { auditSeal, sealerLeave } from './audit-seal.ts'
import { chainRead, hex, type Key } from './chain.ts'

const SEAL_EVERY_MS = 2000
/** Also where no signal came. */
const LOOK_EVERY = 15
const CHECKPOINT_EVERY_MS = 3_600_000

interface Keeping {
  key: Key
  sealer: string
  warn: (error: unknown) => void
  log: Pick<Logger, 'info' | 'error'>
}

export interface SealKeeper {
  /** Seals what was committed before the call, unless another server is at it. */
  seal(): Promise<void>
  stop(): Promise<void>
}

/** Keeps the seals close behind the trail, in every server; while nothing happens it hardly asks the database anything. */
export function auditKeep(store: Store, { key, sealer, warn, log }: Keeping): SealKeeper {
  let [through, rounds, heard, isToldForged] = [-1, 0, true, false]
  let toldAt = performance.now()
  const stopping = new AbortController()
  const off = store.signals.on(TRAIL_TOPIC, () => {
    heard = true
  })
  const seal = coalesced(async () => {
    const { position } = store.tail
    heard = false
    try {
      let sealed = await auditSeal(store, { key, sealer })
      while (sealed === 'more' && !stopping.signal.aborted) {
        await breath()
        sealed = await auditSeal(store, { key, sealer })
      }
      if (sealed === 'forged' && !isToldForged)
        log.error('The ends of the audit chain are not as they were left: somebody changed them. Nothing more is sealed; ask auditVerify.')
      isToldForged = sealed === 'forged'
      if (sealed === 'done') through = position
    } catch (error) {
      if (!stopping.signal.aborted) warn(error)
    }
  })
  /** What an operator can hold the trail against who kept the log elsewhere: `auditVerify(known: …)`. */
  const checkpointTell = async () => {
    toldAt = performance.now()
    const { chain } = await chainRead(store.database)
    if (chain?.sealedThrough) log.info({ position: chain.sealedThrough, mac: hex(chain.sealedMac) }, 'A checkpoint of the audit chain')
  }
  const timer = setInterval(() => {
    const isDue = heard || store.tail.position !== through || ++rounds % LOOK_EVERY === 0
    if (isDue) void seal()
    if (performance.now() - toldAt > CHECKPOINT_EVERY_MS) checkpointTell().catch(warn)
  }, SEAL_EVERY_MS)
  timer.unref()
  return {
    seal,
    stop: async () => {
      clearInterval(timer)
      off()
      // What was told last is sealed before the server leaves.
      await seal()
      stopping.abort()
      await sealerLeave(store, sealer).catch(warn)
    },
  }
}
