/**
 * An OpenAI-compatible server of embeddings: a text's vector counts its words, each at a place of its own. The model's name says how many
 * dimensions (`words-64`). It keeps in mind every text that it was given, and can be told to hold its answers, or to refuse.
 */
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export class EmbeddingsServer {
  /** Every text that was embedded and answered, in order. */
  readonly embedded: string[] = []
  calls = 0
  /** What the next calls are answered with instead: a status, and perhaps after how many seconds to come again. */
  readonly refusals: { status: number; retryAfter?: number; message?: string }[] = []
  #isHeld = false
  readonly #held: (() => void)[] = []
  readonly #watchers: (() => void)[] = []

  private constructor(
    readonly server: Server,
    readonly baseUrl: string,
  ) {}

  static async start(): Promise<EmbeddingsServer> {
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (part) => (body += part))
      // It lists no models; and whoever is killed while asking has not asked.
      request.on('end', () => (body.endsWith('}') ? void self.#answer(JSON.parse(body), response) : response.end('{"data":[]}')))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const self = new EmbeddingsServer(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`)
    return self
  }

  /** Answers nothing from now on until `release`. */
  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    this.#isHeld = false
    for (const go of this.#held.splice(0)) go()
  }

  /** Resolves when so many calls have come. */
  async called(times: number): Promise<void> {
    while (this.calls < times) await new Promise<void>((resolve) => this.#watchers.push(resolve))
  }

  close(): void {
    this.server.closeAllConnections()
    this.server.close()
  }

  async #answer({ model, input }: { model: string; input: string[] }, response: ServerResponse): Promise<void> {
    this.calls++
    for (const wake of this.#watchers.splice(0)) wake()
    const refusal = this.refusals.shift()
    if (refusal) {
      response.writeHead(refusal.status, {
        'content-type': 'application/json',
        ...(refusal.retryAfter !== undefined && { 'retry-after': String(refusal.retryAfter) }),
      })
      return void response.end(JSON.stringify({ error: { message: refusal.message ?? 'Not now.', type: 'refused' } }))
    }
    if (this.#isHeld) await new Promise<void>((resolve) => this.#held.push(resolve))
    if (response.destroyed) return
    const dimensions = Number(/-(\d+)$/.exec(model)?.[1] ?? 64)
    response.writeHead(200, { 'content-type': 'application/json' })
    const data = input.map((text, index) => ({ object: 'embedding', index, embedding: wordsOf(text, dimensions) }))
    response.end(JSON.stringify({ object: 'list', model, data, usage: { prompt_tokens: input.length, total_tokens: input.length } }), () =>
      this.embedded.push(...input),
    )
  }
}

export function wordsOf(text: string, dimensions: number): number[] {
  const counts = new Array<number>(dimensions).fill(0)
  // Something is in every text, so that none is nothing.
  counts[0] = 0.01
  for (const word of text.toLowerCase().match(/\p{L}+|\d+/gu) ?? []) {
    let hash = 7
    for (const letter of word) hash = (hash * 31 + letter.codePointAt(0)!) % 1_000_003
    counts[hash % dimensions]! += 1
  }
  return counts
}
