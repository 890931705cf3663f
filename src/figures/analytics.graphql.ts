/** What went on, by spans of time: the root, and what its parts share. */
import { type Actor, actorId, seesAll } from '../core/actor.ts'
import { toDate } from '../core/clock.ts'
import { idOf } from '../core/ids.ts'
import { builder, rights, type SchemaTypes } from '../graphql/builder.ts'
import { type Histogram, type Spread, spreadOf } from '../tasks/histogram.ts'
import { EVERYBODY } from '../tasks/tally.ts'
import { type Bucket, bucketEnd, HOUR_DAYS, MAX_BUCKETS, type Span, spanOf } from './bucket.ts'

/** A year of days is a long list. */
export const LIST_COST = 300

interface Analytics {
  span: Span
  /** Whose; undefined: all that the actor may see. */
  ownerId: string | undefined
}

/** Whatever is told of a bucket. */
export interface OfBucket {
  span: Span
  startMs: number
}

export type Fields<Of> = PothosSchemaTypes.ObjectFieldBuilder<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>, Of>

export const bounds = (t: Fields<OfBucket>) => ({
  from: t.field({ type: 'DateTime', description: 'When it begins.', resolve: ({ startMs }) => toDate(startMs) }),
  to: t.field({
    type: 'DateTime',
    description: 'When it ends; what happens in this moment is in the next one.',
    resolve: ({ span, startMs }) => toDate(bucketEnd(span.bucket, startMs)),
  }),
})

const spreads = new WeakMap<Histogram, Spread>()

/** Summed up once for all its fields. */
export function spread(histogram: Histogram): Spread {
  const known = spreads.get(histogram) ?? spreadOf(histogram)
  spreads.set(histogram, known)
  return known
}

const BucketEnum = builder.enumType('AnalyticsBucket', {
  description: 'Spans of time, UTC.',
  values: {
    HOUR: { description: `Whole hours; kept for ${HOUR_DAYS} days.` },
    DAY: { description: 'Whole days.' },
    WEEK: { description: 'Weeks, from Monday.' },
    MONTH: { description: 'Months of the calendar.' },
  } satisfies Record<Bucket, object>,
})

export const AnalyticsRef = builder.objectRef<Analytics>('Analytics').implement({
  description: 'What went on in a while, by spans of time; oldest first.',
})

/** An owner sees the own, ADMINs what they ask for. */
export function ownersOf(actor: Actor, wanted: string | undefined): string[] {
  if (seesAll(actor)) return [wanted ?? EVERYBODY]
  const own = actorId(actor)
  return own !== null && (wanted ?? own) === own ? [own] : []
}

builder.queryFields((t) => ({
  analytics: t.field({
    type: AnalyticsRef,
    description: 'What went on, by spans of time: yours, for ADMINs everybody’s. As fast over a million tasks as over ten.',
    ...rights('FIGURES_READ'),
    args: {
      bucket: t.arg({ type: BucketEnum, required: true, description: `Into which spans of time it is cut; at most ${MAX_BUCKETS} of them.` }),
      from: t.arg({ type: 'DateTime', required: true, description: 'From the beginning of the span that this lies in.' }),
      to: t.arg({ type: 'DateTime', description: 'To the end of the span that this lies in; now, where it is left out.' }),
      ownerId: t.arg.id({ description: 'Whose (of use to ADMINs).' }),
    },
    resolve: (_root, { bucket, from, to, ownerId }, { app }) => {
      const nowMs = app.store.clock.nowMs()
      return {
        // What happens in this very moment is in it too.
        span: spanOf({ bucket, from, to: to ?? new Date(nowMs + 1), nowMs }),
        ownerId: ownerId ? (idOf('User', String(ownerId), ['ownerId']) ?? '') : undefined,
      }
    },
  }),
}))
