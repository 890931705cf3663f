/** Answers of the HTTP server. */
import type { ServerResponse } from 'node:http'

export function send(res: ServerResponse, status: number, headers: Readonly<Record<string, string>>, body?: string | Buffer): void {
  if (res.destroyed) return
  if (body !== undefined) res.setHeader('content-length', Buffer.byteLength(body))
  res.writeHead(status, headers).end(body)
}

export const sendJson = (res: ServerResponse, status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  send(res, status, { 'content-type': 'application/json; charset=utf-8', ...headers }, JSON.stringify(body))

/** Reads no faster than the client does, and stops reading when it leaves. */
export function sendEvents(res: ServerResponse, events: ReadableStream<Uint8Array>, headers: Readonly<Record<string, string>>): void {
  const reader = events.getReader()
  let goOn = () => {}
  res.on('drain', () => goOn())
  res.once('close', () => {
    reader.cancel().catch(() => {})
    goOn()
  })
  res.writeHead(200, headers)
  const pump = async (): Promise<void> => {
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      if (res.write(step.value) || res.destroyed) continue
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
    }
    res.end()
  }
  pump().catch(() => res.destroy())
}
