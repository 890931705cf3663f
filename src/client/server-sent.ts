/** Server-sent events, as this server writes them. */

export interface ServerSent {
  /** Where it stands, for `Last-Event-ID`; null where it says nothing of that. */
  id: string | null
  event: string
  data: string
}

/** The events of a response. Ends where it does, where it is cut, or once nothing came for `silentMs`: the server says something more often than that. */
export async function* serverSent(body: ReadableStream<Uint8Array>, silentMs: number): AsyncGenerator<ServerSent, void, void> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  try {
    for (;;) {
      const step = await within(
        silentMs,
        reader.read().catch(() => undefined),
      )
      if (!step || step.done) return
      text += decoder.decode(step.value, { stream: true })
      const blocks = text.split('\n\n')
      text = blocks.pop()!
      for (const block of blocks) {
        const sent = parsed(block)
        if (sent) yield sent
      }
    }
  } finally {
    // The connection is of no use any more, however this ends.
    reader.cancel().catch(() => {})
  }
}

/** Null where it was a comment. */
function parsed(block: string): ServerSent | null {
  let event = ''
  let id: string | null = null
  const data: string[] = []
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    const value = line.slice(colon + 1).replace(/^ /, '')
    if (line.startsWith('event:')) event = value
    else if (line.startsWith('id:')) id = value
    else if (line.startsWith('data:')) data.push(value)
  }
  return event ? { id, event, data: data.join('\n') } : null
}

/** Undefined where it takes longer. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
