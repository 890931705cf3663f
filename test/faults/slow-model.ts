/** An OpenAI-compatible server that speaks slowly: a prompt `n` is answered with the words w0 … w(n-1). */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export const wordsOf = (count: number): string => Array.from({ length: count }, (_, i) => `w${i} `).join('')

export class SlowModel {
  private constructor(
    readonly server: Server,
    readonly baseUrl: string,
    /** How many it was asked to answer. */
    readonly asked: { calls: number },
  ) {}

  static async start(wordEveryMs = 4): Promise<SlowModel> {
    const asked = { calls: 0 }
    const server = createServer(async (request, response) => {
      let body = ''
      try {
        for await (const part of request) body += part
      } catch {
        // Whoever asked was killed while asking.
        return
      }
      if (!body.endsWith('}')) return void response.destroy()
      asked.calls++
      const { messages, model } = JSON.parse(body) as { model: string; messages: { content: string | { text: string }[] }[] }
      const { content } = messages[messages.length - 1]!
      const count = Number(typeof content === 'string' ? content : content[0]!.text)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const send = (choices: object[], usage?: object) =>
        response.write(`data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 0, model, choices, ...(usage && { usage }) })}\n\n`)
      let said = 0
      const timer = setInterval(() => {
        if (said < count) return void send([{ index: 0, delta: { role: 'assistant', content: `w${said++} ` }, finish_reason: null }])
        clearInterval(timer)
        send([{ index: 0, delta: {}, finish_reason: 'stop' }])
        send([], { prompt_tokens: 1, completion_tokens: count, total_tokens: count + 1 })
        response.end('data: [DONE]\n\n')
      }, wordEveryMs)
      response.once('close', () => clearInterval(timer))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new SlowModel(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, asked)
  }

  close(): void {
    this.server.closeAllConnections()
    this.server.close()
  }
}
