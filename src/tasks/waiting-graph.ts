/** Who waits for whom among things that know each other by keys. Whom nobody here knows is not looked at. */

export type Waits = ReadonlyMap<string, readonly string[]>

/** Each after all it waits for, and else as they stand. Of a circle, whoever is met first comes last. */
export function inOrder(waits: Waits): string[] {
  const order: string[] = []
  const seen = new Set<string>()
  const visit = (key: string): void => {
    if (seen.has(key) || !waits.has(key)) return
    seen.add(key)
    for (const other of waits.get(key)!) visit(other)
    order.push(key)
  }
  for (const key of waits.keys()) visit(key)
  return order
}

/** Those that can, where each can only if all that it needs can. */
export function whoCan(needs: Waits): Set<string> {
  const can = new Set(needs.keys())
  for (let before = -1; before !== can.size; ) {
    before = can.size
    for (const id of can) if (needs.get(id)!.some((other) => !can.has(other))) can.delete(id)
  }
  return can
}

/** Circles, none of which has anyone in common with another; without them there is none. Each begins with its first, who waits for the second. */
export function circlesIn(waits: Waits): string[][] {
  const left = new Map<string, Set<string>>()
  const waitedFor = new Map<string, string[]>()
  for (const [key, others] of waits) left.set(key, new Set(others.filter((other) => waits.has(other))))
  for (const [key, others] of left) for (const other of others) waitedFor.set(other, [...(waitedFor.get(other) ?? []), key])
  /** Nobody waits for those any more, and who waits for nobody else then goes too. */
  const remove = (gone: string[]): void => {
    for (let key = gone.pop(); key !== undefined; key = gone.pop()) {
      if (!left.delete(key)) continue
      for (const waiting of waitedFor.get(key) ?? []) if (left.get(waiting)?.delete(key) && !left.get(waiting)!.size) gone.push(waiting)
    }
  }
  remove([...left].flatMap(([key, others]) => (others.size ? [] : [key])))
  const circles: string[][] = []
  for (let [first] = left.keys(); first !== undefined; [first] = left.keys()) {
    // Everybody who is left waits for somebody who is left: whichever way leads into a circle.
    const way: string[] = []
    let at: string = first
    while (!way.includes(at)) {
      way.push(at)
      ;[at] = left.get(at)! as unknown as [string]
    }
    const circle = way.slice(way.indexOf(at))
    circles.push(circle)
    remove([...circle])
  }
  const place = new Map([...waits.keys()].map((key, i) => [key, i]))
  return circles.map((circle) => {
    const first = circle.reduce((least, key, i) => (place.get(key)! < place.get(circle[least]!)! ? i : least), 0)
    return [...circle.slice(first), ...circle.slice(0, first)]
  })
}
