/** Figures as Prometheus reads them, written by OpenTelemetry's exporter, which is loaded when somebody first looks. */
import type { Attributes, HrTime } from '@opentelemetry/api'
import type { MetricData } from '@opentelemetry/sdk-metrics'
import { allFigures, Counter, type Gauge } from '../core/figures.ts'

export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

const modules = () =>
  Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-metrics'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-prometheus'),
  ])

export async function prometheusText(gauges: readonly Gauge[]): Promise<string> {
  const [{ ValueType }, { AggregationTemporality, DataPointType }, { emptyResource }, { PrometheusSerializer }] = await modules()
  const now: HrTime = [Math.floor(Date.now() / 1000), 0]
  const start: HrTime = [Math.floor(performance.timeOrigin / 1000), 0]
  const about = ({ name, help }: { name: string; help: string }) => ({
    descriptor: { name, description: help, unit: '', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  })
  const point = <T>(names: readonly string[], labels: readonly string[], value: T) => ({
    startTime: start,
    endTime: now,
    attributes: Object.fromEntries(names.map((name, i) => [name, labels[i] ?? ''])) as Attributes,
    value,
  })
  const counted = allFigures().map(
    (figure): MetricData =>
      figure instanceof Counter
        ? {
            ...about(figure),
            dataPointType: DataPointType.SUM,
            isMonotonic: true,
            dataPoints: figure.series.map(({ labels, value }) => point(figure.labels, labels, value.total)),
          }
        : {
            ...about(figure),
            dataPointType: DataPointType.HISTOGRAM,
            dataPoints: figure.series
              .filter(({ value }) => value.count)
              .map(({ labels, value: { bounds, counts, count, sumSeconds } }) =>
                point(figure.labels, labels, { buckets: { boundaries: [...bounds], counts: [...counts] }, count, sum: sumSeconds }),
              ),
          },
  )
  const seen = gauges.map((gauge): MetricData => {
    const dataPoints = gauge.values.map(({ labels = [], value }) => point(gauge.labels ?? [], labels, value))
    return gauge.isTotal
      ? { ...about(gauge), dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
      : { ...about(gauge), dataPointType: DataPointType.GAUGE, dataPoints }
  })
  const metrics = [...counted, ...seen].filter(({ dataPoints }) => dataPoints.length)
  // Plain names and labels: neither scope nor resource.
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true)
  return serializer.serialize({ resource: emptyResource(), scopeMetrics: [{ scope: { name: 'holdfast' }, metrics }] })
}
