/** Traces by OpenTelemetry, sent as OTLP over HTTP: loaded only where a collector is named. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Span as OtelSpan, SpanContext } from '@opentelemetry/api'
import type { Config } from '../config.ts'
import { type Attributes, type Span, type SpanStart, type Tracer, tracing } from '../core/tracing.ts'

type Settings = Pick<
  Config,
  | 'OTEL_SDK_DISABLED'
  | 'OTEL_TRACES_EXPORTER'
  | 'OTEL_EXPORTER_OTLP_ENDPOINT'
  | 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'
  | 'OTEL_EXPORTER_OTLP_HEADERS'
  | 'OTEL_SERVICE_NAME'
  | 'OTEL_RESOURCE_ATTRIBUTES'
  | 'OTEL_TRACES_SAMPLER'
  | 'OTEL_TRACES_SAMPLER_ARG'
>

const WARN_EVERY_MS = 60_000
const PATIENCE_MS = 2000

const modules = () =>
  Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ])
type Modules = Awaited<ReturnType<typeof modules>>

/** Where traces go; null: nowhere. */
function endpointOf(config: Settings): string | null {
  if (config.OTEL_SDK_DISABLED || config.OTEL_TRACES_EXPORTER === 'none') return null
  const base = config.OTEL_EXPORTER_OTLP_ENDPOINT
  return config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? (base ? `${base.replace(/\/$/, '')}/v1/traces` : null)
}

/** Turns tracing on where the configuration says so. What it answers sends what is left and turns it off; null: it stays off. */
export async function openTracing(config: Settings, warn: (error: unknown) => void): Promise<{ close(): Promise<void> } | null> {
  const url = endpointOf(config)
  if (!url) return null
  const loaded = await modules()
  const [, { BasicTracerProvider, BatchSpanProcessor }, { resourceFromAttributes }, { OTLPTraceExporter }] = loaded
  const exporter = new OTLPTraceExporter({ url, headers: config.OTEL_EXPORTER_OTLP_HEADERS })
  const send = exporter.export.bind(exporter)
  let warnedAt = Number.NEGATIVE_INFINITY
  exporter.export = (spans, done) =>
    send(spans, (result) => {
      if (result.code !== 0 && performance.now() - warnedAt > WARN_EVERY_MS) {
        warnedAt = performance.now()
        warn(new Error('Traces could not be sent; what is meant to be seen of them is lost.', { cause: result.error }))
      }
      done(result)
    })
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': config.OTEL_SERVICE_NAME, ...config.OTEL_RESOURCE_ATTRIBUTES }),
    sampler: samplerOf(config, loaded),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  })
  const tracer = tracerOf(loaded, provider.getTracer('holdfast'))
  tracing.on = tracer
  return {
    close: async () => {
      if (tracing.on === tracer) tracing.on = null
      // A collector that is away is asked again and again; a server that stops does not wait for it.
      const ending = new AbortController()
      await Promise.race([provider.shutdown().catch(warn), sleep(PATIENCE_MS, undefined, { signal: ending.signal }).catch(() => {})])
      ending.abort()
    },
  }
}

function samplerOf(config: Settings, [, sdk]: Modules) {
  const name = config.OTEL_TRACES_SAMPLER
  const root = name.endsWith('always_off')
    ? new sdk.AlwaysOffSampler()
    : name.endsWith('traceidratio')
      ? new sdk.TraceIdRatioBasedSampler(config.OTEL_TRACES_SAMPLER_ARG)
      : new sdk.AlwaysOnSampler()
  return name.startsWith('parentbased_') ? new sdk.ParentBasedSampler({ root }) : root
}

function tracerOf([api]: Modules, tracer: import('@opentelemetry/api').Tracer): Tracer {
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } = api
  const current = new AsyncLocalStorage<OtelSpan>()
  const contextOf = (parent: string | null | undefined) => {
    if (parent === undefined) {
      const under = current.getStore()
      return under ? trace.setSpan(ROOT_CONTEXT, under) : ROOT_CONTEXT
    }
    return parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parsed(parent))
  }
  const begin = ({ name, kind, parent, attributes = {} }: SpanStart): OtelSpan =>
    tracer.startSpan(name, { kind: SpanKind[kind], attributes: present(attributes) }, contextOf(parent))
  const handle = (span: OtelSpan): Span => {
    let open = true
    return {
      set: (attributes) => void span.setAttributes(present(attributes)),
      fail: (message) => void span.setStatus({ code: SpanStatusCode.ERROR, message }),
      end: () => {
        if (open) span.end()
        open = false
      },
    }
  }
  const parsed = (traceparent: string): SpanContext => {
    const [, traceId, spanId, flags] = traceparent.split('-')
    return { traceId: traceId!, spanId: spanId!, traceFlags: Number.parseInt(flags!, 16) & TraceFlags.SAMPLED, isRemote: true }
  }
  return {
    get current() {
      const context = current.getStore()?.spanContext()
      return context ? `00-${context.traceId}-${context.spanId}-${context.traceFlags.toString(16).padStart(2, '0')}` : null
    },
    begin: (start) => handle(begin(start)),
    during: async (start, act) => {
      const span = begin(start)
      const held = handle(span)
      try {
        return await current.run(span, () => act(held))
      } catch (error) {
        held.fail('It threw.')
        throw error
      } finally {
        held.end()
      }
    },
    bound: (act) => AsyncLocalStorage.bind(act),
  }
}

const present = (attributes: Attributes) => Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined)) as Record<string, string>
