/** Calls that have ended, added up: by day, owner, provider, model and task type in rows of their own, and what is not in these yet. */
import { Prisma } from '../generated/sqlite/client.ts'

export const SUM_KEYS = ['day', 'ownerId', 'provider', 'model', 'taskType'] as const
export type SumKey = (typeof SUM_KEYS)[number]

export const SUM_COLUMNS = [
  'calls',
  'failedCalls',
  'unpricedCalls',
  'inputTokens',
  'cachedInputTokens',
  'outputTokens',
  'reasoningTokens',
  'costMicroUsd',
  'durationMs',
] as const
export type SumColumn = (typeof SUM_COLUMNS)[number]

export type Sums = Record<SumColumn, number>

/** As the index says it that leads there. */
export const UNSUMMED = Prisma.raw(`"isSummed" = FALSE AND "status" <> 'RUNNING'`)

/** What a call adds to each column. */
const OF_CALL: Record<SumColumn, string> = {
  calls: '1',
  failedCalls: `CASE WHEN "status" = 'COMPLETED' THEN 0 ELSE 1 END`,
  unpricedCalls: `CASE WHEN "costMicroUsd" IS NULL THEN 1 ELSE 0 END`,
  inputTokens: `COALESCE("inputTokens", 0)`,
  cachedInputTokens: `COALESCE("cachedInputTokens", 0)`,
  outputTokens: `COALESCE("outputTokens", 0)`,
  reasoningTokens: `COALESCE("reasoningTokens", 0)`,
  costMicroUsd: `COALESCE("costMicroUsd", 0)`,
  durationMs: `COALESCE("durationMs", 0)`,
}

/** The sums of ended calls, as columns of a statement on ProviderUsage. Never null. */
export const CALL_SUMS = Prisma.raw(SUM_COLUMNS.map((column) => `CAST(COALESCE(SUM(${OF_CALL[column]}), 0) AS BIGINT) AS "${column}"`).join(', '))

/** Of a call: the hour it began in. */
const HOUR = Prisma.raw(`CAST("startedAtMs" / 3600000 AS INTEGER)`)

/** Rows as those of UsageHour, of the calls that fulfil a condition. */
export const hourSumsOf = (condition: Prisma.Sql): Prisma.Sql => Prisma.sql`
  SELECT "hour", "ownerId", "provider", "model", "taskType", ${CALL_SUMS} FROM (
    SELECT ${HOUR} AS "hour", "ownerId", "provider", "model", COALESCE("taskType", '') AS "taskType", "status", "inputTokens", "cachedInputTokens", "outputTokens",
      "reasoningTokens", "costMicroUsd", "durationMs" FROM "ProviderUsage" WHERE ${condition}) AS "call"
  GROUP BY "hour", "ownerId", "provider", "model", "taskType"`

/** Rows as those of UsageSum, of the calls that fulfil a condition. */
export const sumsOf = (condition: Prisma.Sql): Prisma.Sql => Prisma.sql`
  SELECT "day", "ownerId", "provider", "model", COALESCE("taskType", '') AS "taskType", ${CALL_SUMS} FROM "ProviderUsage" WHERE ${condition}
  GROUP BY "day", "ownerId", "provider", "model", COALESCE("taskType", '')`

/** The same columns, summed over rows that are sums. */
export const SUM_SUMS = Prisma.raw(SUM_COLUMNS.map((column) => `CAST(COALESCE(SUM("${column}"), 0) AS BIGINT) AS "${column}"`).join(', '))

/** What is not in the sums yet. Not the bare columns, or an owner's index would lead to all their calls instead of to these few. */
const restBy = (unit: 'day' | 'hour') => Prisma.sql`SELECT * FROM (
  SELECT ${unit === 'day' ? Prisma.raw('"day" + 0') : HOUR} AS ${Prisma.raw(`"${unit}"`)}, "ownerId" || '' AS "ownerId", "provider" || '' AS "provider", "model" || '' AS "model", COALESCE("taskType", '') AS "taskType", ${Prisma.raw(
    SUM_COLUMNS.map((column) => `CAST(${OF_CALL[column]} AS BIGINT) AS "${column}"`).join(', '),
  )} FROM "ProviderUsage" WHERE ${UNSUMMED}) AS "rest"`

/** All that is known of days and whose, as one table: both parts are read by one statement, and so at one moment. */
export const allSums = (condition: Prisma.Sql): Prisma.Sql => Prisma.sql`(
  SELECT "day", "ownerId", "provider", "model", "taskType", ${Prisma.raw(SUM_COLUMNS.map((column) => `"${column}"`).join(', '))} FROM "UsageSum" WHERE ${condition}
  UNION ALL ${restBy('day')} WHERE ${condition}) AS "all"`

/** The same by hours, as far back as they are kept. */
export const allHourSums = (condition: Prisma.Sql): Prisma.Sql => Prisma.sql`(
  SELECT "hour", "ownerId", "provider", "model", "taskType", ${Prisma.raw(SUM_COLUMNS.map((column) => `"${column}"`).join(', '))} FROM "UsageHour" WHERE ${condition}
  UNION ALL ${restBy('hour')} WHERE ${condition}) AS "all"`
