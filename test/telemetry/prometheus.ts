/** Reads what `/metrics` says. */
export class Scrape {
  readonly #values = new Map<string, number>()
  readonly types = new Map<string, string>()

  constructor(readonly text: string) {
    for (const line of text.split('\n')) {
      const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? []
      if (name) this.types.set(name, type!)
      const [, series, value] = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line) ?? []
      if (series) this.#values.set(series, Number(value))
    }
  }

  /** The sum of the series of this name that have these labels. */
  value(name: string, labels: Record<string, string> = {}): number {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
    const found = [...this.#values].filter(([series]) => series.split('{', 1)[0] === name && wanted.every((each) => series.includes(each)))
    return found.reduce((sum, [, value]) => sum + value, 0)
  }

  get series(): string[] {
    return [...this.#values.keys()]
  }
}

export async function scrape(url: string, token: string): Promise<Scrape> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
  return new Scrape(await response.text())
}
