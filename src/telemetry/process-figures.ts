/** The process itself: its event loop, processor time and memory. */
import { performance } from 'node:perf_hooks'
import { type Gauge, timer } from '../core/figures.ts'

const lag = timer({
  name: 'holdfast_event_loop_lag_seconds',
  help: 'How late the event loop came to a timer, four times a second: what a request may have to wait before anybody looks at it.',
  bounds: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
})
const EVERY_MS = 250

export function lagMeasure(): { stop(): void } {
  const times = lag.of()
  let dueAt = performance.now() + EVERY_MS
  const clock = setInterval(() => {
    const now = performance.now()
    times.putMs(now - dueAt)
    dueAt = now + EVERY_MS
  }, EVERY_MS)
  clock.unref()
  return { stop: () => clearInterval(clock) }
}

export function processGauges(): Gauge[] {
  const { active, idle } = performance.eventLoopUtilization()
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed, external } = process.memoryUsage()
  return [
    {
      name: 'holdfast_event_loop_seconds',
      help: 'What the event loop spent busy and what waiting: the rate of `active` is how busy this server is.',
      labels: ['state'],
      isTotal: true,
      values: [
        { labels: ['active'], value: active / 1000 },
        { labels: ['idle'], value: idle / 1000 },
      ],
    },
    {
      name: 'holdfast_process_cpu_seconds',
      help: 'Processor time of the server, all its threads.',
      labels: ['mode'],
      isTotal: true,
      values: [
        { labels: ['user'], value: user / 1e6 },
        { labels: ['system'], value: system / 1e6 },
      ],
    },
    {
      name: 'holdfast_process_memory_bytes',
      help: 'Memory: all that is resident, the heap in use, and what lies outside of it.',
      labels: ['kind'],
      values: [
        { labels: ['resident'], value: rss },
        { labels: ['heap'], value: heapUsed },
        { labels: ['external'], value: external },
      ],
    },
    { name: 'holdfast_process_start_time_seconds', help: 'When the server began, in seconds since 1970.', values: [{ value: performance.timeOrigin / 1000 }] },
  ]
}
