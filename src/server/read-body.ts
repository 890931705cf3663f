/** The body of a request, as text, up to a size. */
import type { IncomingMessage } from 'node:http'
import { clientLeft } from '../graphql/subscribe.ts'
import { tooLarge } from './request-params.ts'

/** How much of a refused body is still taken in, so that its sender comes to read the refusal. */
const DISCARDED_BYTES = 10_000_000

/**
 * The refusal waits until the body is there, unless that is far too long: with `connection: close` it would end the
 * connection, and its sender, cut off in the middle, would take that for a server that is away, and send it all again.
 */
export function readBody(req: IncomingMessage, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    const patience = maxBytes + DISCARDED_BYTES
    let bytes = 0
    if (Number(req.headers['content-length']) > patience) reject(tooLarge(maxBytes))
    req.on('data', (part: Buffer) => {
      bytes += part.length
      if (bytes <= maxBytes) return parts.push(part)
      parts.length = 0
      if (bytes > patience) reject(tooLarge(maxBytes))
      if (bytes > patience + DISCARDED_BYTES) req.destroy()
    })
    req.on('end', () => {
      if (bytes > maxBytes) reject(tooLarge(maxBytes))
      else resolve((parts.length === 1 ? parts[0]! : Buffer.concat(parts)).toString('utf8'))
    })
    req.on('error', () => reject(clientLeft))
    req.on('close', () => reject(clientLeft))
  })
}
