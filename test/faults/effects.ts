/** A host whose calls are counted: the work of tasks that are to be done once, and what shows how often they were tried. */
import { randomInt } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Data } from './ask.ts'

export class Effects {
  /** Which calls each task has made, by the number that the call was answered with. */
  readonly calls = new Map<string, number[]>()
  readonly #holds = new Map<string, (answer: () => void) => void>()
  #count = 0

  private constructor(
    readonly server: Server,
    readonly host: string,
  ) {}

  /** Answers `<number of the call>`, after up to so many milliseconds. */
  static async start(slowestMs: number): Promise<Effects> {
    const server = createServer((request, response) => {
      const number = ++effects.#count
      effects.calls.set(request.url!, [...(effects.calls.get(request.url!) ?? []), number])
      const hold = effects.#holds.get(request.url!)
      effects.#holds.delete(request.url!)
      if (hold) hold(() => response.end(String(number)))
      else setTimeout(() => response.end(String(number)), randomInt(0, slowestMs + 1))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const effects = new Effects(server, `127.0.0.1:${(server.address() as AddressInfo).port}`)
    return effects
  }

  /** The first call of this task is not answered before that is said; the later ones are, as usual. */
  hold(name: string): { arrived: Promise<void>; answer: () => void } {
    let answer = () => {}
    const arrived = new Promise<void>((resolve) => {
      this.#holds.set(`/${name}`, (respond) => {
        answer = respond
        resolve()
      })
    })
    return { arrived, answer: () => answer() }
  }

  /** What a task is created with, so that its effect can be told from all others. */
  task(name: string): Data {
    return { type: 'http.request', params: { url: `http://${this.host}/${name}` } }
  }

  /** Whether a result is the answer to one of the calls of this task. */
  isAnswer(name: string, result: Data): boolean {
    return result?.status === 200 && (this.calls.get(`/${name}`) ?? []).includes(Number(result.body))
  }

  close(): void {
    this.server.closeAllConnections()
    this.server.close()
  }
}
