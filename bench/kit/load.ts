/** A load of requests over connections that are kept open. */
import { Agent, request } from 'node:http'

export type Post = (body: string, headers?: Record<string, string>) => Promise<string>

/** Posts JSON to a URL and answers the body; anything but 200 fails. */
export function poster(url: string, connections: number): Post {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const target = new URL('/graphql', url)
  return (body, headers = {}) =>
    new Promise((resolve, reject) => {
      const req = request(
        target,
        { agent, method: 'POST', headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers } },
        (res) => {
          let text = ''
          res.setEncoding('utf8')
          res.on('data', (part: string) => {
            text += part
          })
          res.on('end', () => (res.statusCode === 200 ? resolve(text) : reject(new Error(`${res.statusCode}: ${text}`))))
          res.on('error', reject)
        },
      )
      req.on('error', reject)
      req.end(body)
    })
}

/** The data of an answer without errors. */
export function dataOf<Data>(text: string): Data {
  const { data, errors } = JSON.parse(text)
  if (errors) throw new Error(errors[0].message)
  const [payload] = Object.values(data) as { userErrors?: { message: string }[] }[]
  if (payload?.userErrors?.length) throw new Error(payload.userErrors[0]!.message)
  return data
}

export interface Burst {
  count: number
  ms: number
}

/** Calls `act` again and again, `workers` at a time, until the time is over. */
export async function burst(workers: number, forMs: number, act: (worker: number) => Promise<unknown>): Promise<Burst> {
  const startedAt = performance.now()
  let count = 0
  await Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      while (performance.now() - startedAt < forMs) {
        await act(worker)
        count++
      }
    }),
  )
  return { count, ms: performance.now() - startedAt }
}

export const perSecond = ({ count, ms }: Burst): number => (count / ms) * 1000
