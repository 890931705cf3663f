/**
 * The process of the local model: started by `model-process.ts`, loads the weights once, answers one order after another,
 * and ends with its parent. The engine is native code that computes for seconds; here it can neither starve the server nor
 * take it down.
 */

import type { LoadedModel } from './loaded-model.ts'
import type { FromModel, Loading, ToModel } from './local-messages.ts'

let loading: Promise<LoadedModel> | null = null
const cancels = new Map<number, AbortController>()

// The channel closes however the parent ended. SIGKILL, because leaving politely waits for the computation to end.
const endNow = () => process.kill(process.pid, 'SIGKILL')
process.on('disconnect', endNow)
if (!process.connected) endNow()
// Ctrl-C and service managers signal the whole group; it is the parent who decides when work in progress ends.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.title = 'holdfast-local-model'

process.on('message', (message: ToModel) => {
  if (message.kind === 'load') load(message)
  else if (message.kind === 'cancel') cancels.get(message.order)?.abort()
  else void answer(message)
})

function load(what: Loading): void {
  const startedAt = performance.now()
  // Only here: what stands above must be listening before the engine takes its time, and a broken engine is told, not thrown.
  loading = import('./loaded-model.ts').then(({ loadModel }) => loadModel(what))
  loading.then(
    () => tell({ kind: 'ready', loadMs: Math.round(performance.now() - startedAt) }),
    (error) => tell({ kind: 'unloadable', message: messageOf(error) }),
  )
}

async function answer(order: ToModel & { kind: 'generate' }): Promise<void> {
  const cancel = new AbortController()
  cancels.set(order.order, cancel)
  try {
    const model = await loading!
    const { ending, messagesLeftOut } = await model.answer(order, cancel.signal, (text) => tell({ kind: 'text', order: order.order, text }))
    tell({ kind: 'ended', order: order.order, ending, messagesLeftOut })
  } catch (error) {
    if (cancel.signal.aborted) tell({ kind: 'cancelled', order: order.order })
    else tell({ kind: 'failed', order: order.order, message: messageOf(error) })
  } finally {
    cancels.delete(order.order)
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

function tell(message: FromModel): void {
  // A closed channel is about to end this process: nobody is left to be told.
  process.send!(message, undefined, undefined, () => {})
}
