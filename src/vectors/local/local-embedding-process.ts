/**
 * The process of the local model of embeddings: started by `embedding-process.ts`, loads the model once, embeds one text after another,
 * and ends with its parent. It computes for tens of milliseconds at a time, which the server's event loop could not bear.
 */
import type { FromEmbedding, ToEmbedding } from './embedding-messages.ts'
import type { MiniLm } from './mini-lm.ts'

let loading: Promise<MiniLm> | null = null

// The channel closes however the parent ended.
const endNow = () => process.kill(process.pid, 'SIGKILL')
process.on('disconnect', endNow)
if (!process.connected) endNow()
// Ctrl-C and service managers signal the whole group; it is the parent who decides when work in progress ends.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.title = 'holdfast-local-embedding'

process.on('message', (message: ToEmbedding) => {
  if (message.kind === 'load') {
    const startedAt = performance.now()
    loading = import('./mini-lm.ts').then(({ loadMiniLm }) => loadMiniLm(message.embedding))
    loading.then(
      ({ engine }) => tell({ kind: 'ready', engine, loadMs: Math.round(performance.now() - startedAt) }),
      (error) => tell({ kind: 'unloadable', message: messageOf(error) }),
    )
  } else void embed(message.order, message.text)
})

async function embed(order: number, text: string): Promise<void> {
  try {
    tell({ kind: 'embedded', order, vector: await (await loading!).embed(text) })
  } catch (error) {
    tell({ kind: 'failed', order, message: messageOf(error) })
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

function tell(message: FromEmbedding): void {
  // A closed channel is about to end this process: nobody is left to be told.
  process.send!(message, undefined, undefined, () => {})
}
