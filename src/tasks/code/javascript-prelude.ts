/**
 * Runs in the interpreter before the snippet, and gives it what JavaScript itself does not have: a console, timers, its input. What
 * it needs later it takes along now, so that a snippet that changes the built-in objects only confuses itself.
 */
export const PRELUDE = String.raw`
(print, givenInput) => {
  const { stringify, parse } = JSON
  const { now } = Date
  const { then } = Promise.prototype
  const timers = new Map()
  let timerIds = 0
  let state = 'pending'
  let result

  const describe = (error) => {
    try {
      if (!(error instanceof Error)) return inspect(error)
      const head = error.name + ': ' + error.message
      return error.stack ? head + '\n' + String(error.stack).trimEnd() : head
    } catch {
      return 'an error that cannot be shown'
    }
  }

  const inspect = (value, depth = 0, outer = []) => {
    if (typeof value === 'string') return depth ? stringify(value) : value
    if (typeof value === 'bigint') return value + 'n'
    if (typeof value === 'function') return '[Function ' + (value.name || '(anonymous)') + ']'
    if (typeof value !== 'object' || value === null) return String(value)
    if (outer.includes(value)) return '[Circular]'
    if (value instanceof Error) return describe(value)
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
    if (value instanceof RegExp) return String(value)
    const isList = Array.isArray(value) || ArrayBuffer.isView(value)
    if (depth > 4) return isList ? '[Array]' : '[Object]'
    const show = (each) => inspect(each, depth + 1, [...outer, value])
    if (value instanceof Map) return 'Map(' + value.size + ') {' + [...value].map(([key, each]) => show(key) + ' => ' + show(each)).join(', ') + '}'
    if (value instanceof Set) return 'Set(' + value.size + ') {' + [...value].map(show).join(', ') + '}'
    if (isList) return '[' + Array.from(value, show).join(', ') + ']'
    const kind = value.constructor?.name
    const entries = Object.keys(value).map((key) => (/^[\w$]+$/.test(key) ? key : stringify(key)) + ': ' + show(value[key]))
    return (kind && kind !== 'Object' ? kind + ' ' : '') + (entries.length ? '{ ' + entries.join(', ') + ' }' : '{}')
  }

  const printTo = (fd) => (...values) => print(fd, values.map((value) => inspect(value)).join(' ') + '\n')
  const [out, err] = [printTo(1), printTo(2)]
  const setTimer = (callback, ms, every, args) => {
    timers.set(++timerIds, { at: now() + Math.max(1, Number(ms) || 0), every: every ? Math.max(1, Number(ms) || 0) : null, callback, args })
    return timerIds
  }
  const clear = (id) => void timers.delete(id)
  Object.assign(globalThis, {
    console: { log: out, info: out, debug: out, dir: out, table: out, warn: err, error: err, trace: err },
    setTimeout: (callback, ms, ...args) => setTimer(callback, ms, false, args),
    setInterval: (callback, ms, ...args) => setTimer(callback, ms, true, args),
    clearTimeout: clear,
    clearInterval: clear,
  })
  if (givenInput) globalThis.input = parse(givenInput)

  return {
    describe,
    watch(completion) {
      then.call(
        completion,
        ({ value }) => { state = 'done'; result = value },
        (error) => { state = 'failed'; result = error },
      )
    },
    /** Runs the timer that is due. Answers how long to wait before the next look, in milliseconds; below 0: it is over. */
    next() {
      if (state === 'failed' || !timers.size) return -1
      const [id, timer] = [...timers].reduce((first, each) => (each[1].at < first[1].at ? each : first))
      const wait = timer.at - now()
      if (wait > 0) return wait
      if (timer.every === null) timers.delete(id)
      else timer.at = now() + timer.every
      timer.callback(...timer.args)
      return 0
    },
    end() {
      if (state === 'pending') return stringify({ never: true })
      if (state === 'failed') return stringify({ error: describe(result) })
      if (result === undefined) return '{}'
      try {
        const json = stringify(result)
        return stringify(json === undefined ? { omitted: 'a ' + typeof result + ' has no JSON form' } : { json })
      } catch (error) {
        return stringify({ omitted: describe(error).split('\n')[0] })
      }
    },
  }
}`
