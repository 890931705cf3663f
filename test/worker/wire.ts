/** What lies between a worker and its server: it can be down, and it can lose answers to what has happened. */
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export class Wire {
  /** Nobody is reached. */
  isDown = false
  /**
   * Half of the answers do not come back: those whose number has an odd count of ones (the Thue–Morse sequence). Were it simply each
   * second one, a heartbeat between two tries would see to it that it is always the same request whose answers are lost.
   */
  losesHalf = false
  lost = 0
  #answers = 0
  #refused = 0
  #watching: (() => void)[] = []

  private constructor(
    readonly server: Server,
    readonly url: string,
  ) {}

  static async to(port: number): Promise<Wire> {
    const server = createServer((incoming, outgoing) => {
      if (wire.isDown) {
        wire.#refused++
        for (const watch of wire.#watching.splice(0)) watch()
        return incoming.socket.destroy()
      }
      const { method, url, headers } = incoming
      const onward = request({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
        const parts: Buffer[] = []
        answer.on('data', (part) => parts.push(part))
        answer.on('end', () => {
          const ones = (++wire.#answers).toString(2).replaceAll('0', '').length
          if ((wire.losesHalf && ones % 2 === 1) || wire.isDown) {
            wire.lost++
            outgoing.destroy()
          } else outgoing.writeHead(answer.statusCode!, answer.headers).end(Buffer.concat(parts))
        })
      })
      onward.on('error', () => outgoing.destroy())
      outgoing.on('close', () => outgoing.writableFinished || onward.destroy())
      incoming.pipe(onward)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const wire = new Wire(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    return wire
  }

  /** Resolves when so many more were turned away. */
  async refused(count: number): Promise<void> {
    const goal = this.#refused + count
    while (this.#refused < goal) await new Promise<void>((resolve) => this.#watching.push(resolve))
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }
}
