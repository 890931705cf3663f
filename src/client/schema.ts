/** Written by `npm run build` out of schema.graphql; not to be changed by hand. */

/** What a session is used with. Told once: keep them. */
export interface AuthTokens {
  /** For `Authorization: Bearer …`, until it expires or the session ends. */
  readonly accessToken: string
  /** When the access token expires. */
  readonly accessTokenExpiresAt: string
  /** For `sessionRefresh`, once. Using it again later ends the session. */
  readonly refreshToken: string
  /** When the refresh token expires, and with it the session. */
  readonly refreshTokenExpiresAt: string
}

export const AuthTokens_FIELDS = 'accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt'

/** What a chunk holds. */
export type ChunkKind = 'DATA' | 'REASONING' | 'TEXT' | 'TOOL_CALL' | 'TOOL_RESULT'

/** Conditions on a moment; all that are given must hold. */
export interface DateTimeFilter {
  /** Is this moment. */
  eq?: string | null | undefined
  /** Is after, or greater than, this. */
  gt?: string | null | undefined
  /** Is this, or after or greater. */
  gte?: string | null | undefined
  /** Is one of these. */
  in?: readonly string[] | null | undefined
  /** Is absent (true), or is there (false). */
  isNull?: boolean | null | undefined
  /** Is before, or less than, this. */
  lt?: string | null | undefined
  /** Is this, or before or less. */
  lte?: string | null | undefined
  /** Is another moment; an absent one does not count as another. */
  ne?: string | null | undefined
  /** Is none of these; an absent one does not count. */
  notIn?: readonly string[] | null | undefined
}

/** What becomes of a task when one that it depends on does not end well. */
export type DependencyFailure = 'CANCEL' | 'RUN'

/** What is wrong, for a program. */
export type ErrorCode = 'ANSWER_UNFIT' | 'BAD_USER_INPUT' | 'BUDGET_EXCEEDED' | 'BUDGET_LIMIT_REACHED' | 'COLLECTION_LIMIT_REACHED' | 'COLLECTION_NAME_TAKEN' | 'COLLECTION_NOT_EMPTY' | 'CONVERSATION_BUSY' | 'CURSOR_EXPIRED' | 'DEPENDENCY_CIRCLE' | 'DEPENDENCY_ENDED' | 'DIMENSION_MISMATCH' | 'DOCUMENT_EXISTS' | 'DOCUMENT_REPEATED' | 'EMAIL_TAKEN' | 'FILE_UNREADABLE' | 'FORBIDDEN' | 'IDEMPOTENCY_MISMATCH' | 'ID_TAKEN' | 'IMPORT_REFUSED' | 'INVALID_CREDENTIALS' | 'INVALID_REFRESH_TOKEN' | 'LAST_ADMIN' | 'MODEL_LIMIT_REACHED' | 'MODEL_LISTED' | 'MODEL_NAME_TAKEN' | 'MODEL_NOT_FOUND' | 'NOT_FOUND' | 'NO_MODEL_ANSWERED' | 'NO_PROVIDER' | 'PARENT_ENDED' | 'PRICE_UNKNOWN' | 'PRODUCER_STALE' | 'PROVIDER_FAILED' | 'PROVIDER_FROM_ENVIRONMENT' | 'PROVIDER_LIMIT_REACHED' | 'PROVIDER_NAME_TAKEN' | 'RATE_LIMITED' | 'REGISTRATION_CLOSED' | 'SCHEDULE_LIMIT_REACHED' | 'SCHEDULE_NAME_TAKEN' | 'SCHEDULE_NEVER_RUNS' | 'STREAM_EXPIRED' | 'STREAM_NOT_OPEN' | 'STREAM_SEQ_MISMATCH' | 'TASK_FINAL' | 'TASK_NOT_CREATED' | 'TASK_NOT_FINAL' | 'TASK_NOT_LEASED' | 'TASK_NOT_RETRYABLE' | 'TASK_NOT_WAITING' | 'TASK_RUNNING' | 'TASK_SKIPPED' | 'TASK_TYPE_BUILT_IN' | 'TASK_TYPE_LIMIT' | 'TOOL_FAILED' | 'UNAUTHENTICATED' | 'UNAVAILABLE' | 'UNKNOWN_TASK_TYPE' | 'UNKNOWN_TOOL' | 'VECTOR_INVALID'

/** Conditions on a number; all that are given must hold. */
export interface FloatFilter {
  /** Is this number. */
  eq?: number | null | undefined
  /** Is after, or greater than, this. */
  gt?: number | null | undefined
  /** Is this, or after or greater. */
  gte?: number | null | undefined
  /** Is one of these. */
  in?: readonly number[] | null | undefined
  /** Is absent (true), or is there (false). */
  isNull?: boolean | null | undefined
  /** Is before, or less than, this. */
  lt?: number | null | undefined
  /** Is this, or before or less. */
  lte?: number | null | undefined
  /** Is another number; an absent one does not count as another. */
  ne?: number | null | undefined
  /** Is none of these; an absent one does not count. */
  notIn?: readonly number[] | null | undefined
}

/** Conditions on a id; all that are given must hold. */
export interface IdFilter {
  /** Is this id. */
  eq?: string | null | undefined
  /** Is one of these. */
  in?: readonly string[] | null | undefined
  /** Is another id; an absent one does not count as another. */
  ne?: string | null | undefined
  /** Is none of these; an absent one does not count. */
  notIn?: readonly string[] | null | undefined
}

/** Conditions on a whole number; all that are given must hold. */
export interface IntFilter {
  /** Is this whole number. */
  eq?: number | null | undefined
  /** Is after, or greater than, this. */
  gt?: number | null | undefined
  /** Is this, or after or greater. */
  gte?: number | null | undefined
  /** Is one of these. */
  in?: readonly number[] | null | undefined
  /** Is absent (true), or is there (false). */
  isNull?: boolean | null | undefined
  /** Is before, or less than, this. */
  lt?: number | null | undefined
  /** Is this, or before or less. */
  lte?: number | null | undefined
  /** Is another whole number; an absent one does not count as another. */
  ne?: number | null | undefined
  /** Is none of these; an absent one does not count. */
  notIn?: readonly number[] | null | undefined
}

/** Conditions on a id; all that are given must hold. */
export interface OptionalIdFilter {
  /** Is this id. */
  eq?: string | null | undefined
  /** Is one of these. */
  in?: readonly string[] | null | undefined
  /** Is absent (true), or is there (false). */
  isNull?: boolean | null | undefined
  /** Is another id; an absent one does not count as another. */
  ne?: string | null | undefined
  /** Is none of these; an absent one does not count. */
  notIn?: readonly string[] | null | undefined
}

/** How long to wait before another attempt. What is left out is as its type says, or as given here. */
export interface RetryPolicyInput {
  /** Each further pause is so many times as long, 1 to 10; 2 by default. */
  factor?: number | null | undefined
  /** Before the second attempt, in seconds, 0 to 86400; 1 by default. */
  initialSeconds?: number | null | undefined
  /** Up to this part of a pause is added at random, 0 to 1; 0.5 by default. */
  jitter?: number | null | undefined
  /** No pause is longer, in seconds, 0 to 604800; 300 by default. */
  maxSeconds?: number | null | undefined
}

/** One piece of a stream; committed before anyone sees it. */
export interface StreamChunk {
  /** What was written. */
  readonly content: string
  /** When it was committed. */
  readonly createdAt: string
  /** What it holds. */
  readonly kind: ChunkKind
  /** Its place in the stream, from 0, without a hole. */
  readonly seq: number
}

export const StreamChunk_FIELDS = 'content createdAt kind seq'

/** Where a stream is in its life. */
export type StreamStatus = 'CANCELLED' | 'COMPLETED' | 'FAILED' | 'INTERRUPTED' | 'PENDING' | 'STREAMING'

/** Conditions on a text; all that are given must hold. */
export interface StringFilter {
  /** Is this text. */
  eq?: string | null | undefined
  /** Is after, or greater than, this. */
  gt?: string | null | undefined
  /** Is this, or after or greater. */
  gte?: string | null | undefined
  /** Is one of these. */
  in?: readonly string[] | null | undefined
  /** Is absent (true), or is there (false). */
  isNull?: boolean | null | undefined
  /** Is before, or less than, this. */
  lt?: string | null | undefined
  /** Is this, or before or less. */
  lte?: string | null | undefined
  /** Is another text; an absent one does not count as another. */
  ne?: string | null | undefined
  /** Is none of these; an absent one does not count. */
  notIn?: readonly string[] | null | undefined
}

/** A piece of long work: what is to be done, where it stands, and what came of it. */
export interface Task {
  /** Names of the agents that took part. */
  readonly agentsInvolved: readonly string[]
  /** When it was put away. */
  readonly archivedAt: string | null
  /** 1 in the first run; 0 before it. */
  readonly attempt: number
  /** When its worker was asked to stop. */
  readonly cancelRequestedAt: string | null
  /** When it reached a final status. */
  readonly completedAt: string | null
  /** Of its owner’s tasks with the same key only so many run at once. */
  readonly concurrencyKey: string | null
  /** How many of its key may run for this one to start. */
  readonly concurrencyLimit: number | null
  /** When it was made. */
  readonly createdAt: string
  /** When it must have ended, by `totalTimeoutSeconds`. */
  readonly deadline: string | null
  /** What it is about, for people. */
  readonly description: string | null
  /** Area of work, to group and filter by. */
  readonly domain: string | null
  /** How far the work has strayed from its intent, 0 to 1, as told by its creator. */
  readonly driftScore: number | null
  /** From the start of the last attempt to the end, in milliseconds. */
  readonly durationMs: number | null
  /** Why it failed, or why its last attempt did. */
  readonly error: string | null
  /** The global id, `Task:<uuid>`. */
  readonly id: string
  /** The key it was created with. */
  readonly idempotencyKey: string | null
  /** Who worked on it last. */
  readonly lastWorker: string | null
  /** When it is taken from its worker unless that renews the lease. */
  readonly leaseExpiresAt: string | null
  /** How many attempts it has in all. */
  readonly maxAttempts: number
  /** Figures that its worker told: tokens, seconds, whatever the work can tell of itself. */
  readonly metrics: unknown
  /** What becomes of it when one that it depends on does not end well. */
  readonly onDependencyFailure: DependencyFailure
  /** What its type is given. */
  readonly params: unknown
  /** Higher runs first; -1000 to 1000. */
  readonly priority: number
  /** From 0 to 1; null where nothing was told. */
  readonly progress: number | null
  /** What it is doing now. */
  readonly progressMessage: string | null
  /** When it was queued last. */
  readonly queuedAt: string | null
  /** What came of it; null until COMPLETED. */
  readonly result: unknown
  /** How long it waits before another attempt; null: as is usual. */
  readonly retryPolicy: unknown
  /** Not before this; after a failure, when the next attempt is due. */
  readonly runAt: string
  /** What binds tasks of one session of an agent together. */
  readonly sessionKey: string | null
  /** When its present or last attempt began. */
  readonly startedAt: string | null
  /** Where it is in its life. */
  readonly status: TaskStatus
  /** What came of it, in words. */
  readonly summary: string | null
  /** Seconds an attempt may take; null: as long as it needs. */
  readonly timeoutSeconds: number | null
  /** Seconds it may take in all, pauses and all attempts included; null: no limit. */
  readonly totalTimeoutSeconds: number | null
  /** The trace of the request that made it, as W3C writes it, for workers elsewhere to go on with; null where nobody traces. */
  readonly traceparent: string | null
  /** What kind of work, as listed in `taskTypes`. */
  readonly type: string
  /** When anything about it changed last. */
  readonly updatedAt: string
  /** How many tasks it waits for now. */
  readonly waitingFor: number
  /** Who works on it now. */
  readonly worker: string | null
}

export const Task_FIELDS = 'agentsInvolved archivedAt attempt cancelRequestedAt completedAt concurrencyKey concurrencyLimit createdAt deadline description domain driftScore durationMs error id idempotencyKey lastWorker leaseExpiresAt maxAttempts metrics onDependencyFailure params priority progress progressMessage queuedAt result retryPolicy runAt sessionKey startedAt status summary timeoutSeconds totalTimeoutSeconds traceparent type updatedAt waitingFor worker'

/** What shall be done, and how. */
export interface TaskCreateInput {
  /** Of your tasks with the same key only so many run at once; at most 200 characters. */
  concurrencyKey?: string | null | undefined
  /** How many of its key may run for this one to start, 1 to 1000; 1 by default. Only with a key. */
  concurrencyLimit?: number | null | undefined
  /** Tasks of yours that must have ended before it runs; at most 1,000. It can read their results. */
  dependsOn?: readonly string[] | null | undefined
  /** What it is about, for people; at most 10,000 characters. */
  description?: string | null | undefined
  /** Area of work, to group and filter by; at most 200 characters. */
  domain?: string | null | undefined
  /** How far the work has strayed from its intent, 0 to 1. */
  driftScore?: number | null | undefined
  /** An id of your own making, `Task:<UUIDv7>`, so that sending this again is harmless. */
  id?: string | null | undefined
  /** The same key with the same input gives the same task, for a day at least; at most 200 characters. */
  idempotencyKey?: string | null | undefined
  /** How many attempts in all, 1 to 100; as its type says, or 3. */
  maxAttempts?: number | null | undefined
  /** What becomes of it when one of these does not end well; CANCEL by default. */
  onDependencyFailure?: DependencyFailure | null | undefined
  /** What the type is given; see its `paramsSchema`. At most 200 kB. */
  params?: unknown | undefined
  /** The task that it is a part of: it is cancelled when that one FAILED or was CANCELLED. */
  parentId?: string | null | undefined
  /** Higher runs first; -1000 to 1000, 0 by default. */
  priority?: number | null | undefined
  /** How long to wait before another attempt. */
  retryPolicy?: RetryPolicyInput | null | undefined
  /** Not before this. */
  runAt?: string | null | undefined
  /** Whether it is queued at once, as by default; otherwise it stays CREATED until `taskRun`. */
  runImmediately?: boolean | null | undefined
  /** What binds tasks of one session of an agent together; at most 200 characters. */
  sessionKey?: string | null | undefined
  /** Seconds an attempt may take, up to a week; as long as it needs by default. */
  timeoutSeconds?: number | null | undefined
  /** Seconds from when it is queued (or due) to its end, all attempts and pauses included, up to a year; no limit by default. */
  totalTimeoutSeconds?: number | null | undefined
  /** One of `taskTypes`. */
  type: string
  /** That the same work is not asked for twice: then the payload holds the task that was there. */
  unique?: TaskUniqueInput | null | undefined
}

/** What happened to a task. */
export type TaskEventKind = 'ARCHIVED' | 'CANCELLED' | 'CANCEL_REQUESTED' | 'COMPLETED' | 'CREATED' | 'DELETED' | 'DEPENDENCY_ENDED' | 'FAILED' | 'LEASE_LOST' | 'PROGRESSED' | 'QUEUED' | 'RELEASED' | 'RETRY_SCHEDULED' | 'SNAPSHOT' | 'STARTED' | 'STREAM_OPENED' | 'TIMED_OUT' | 'TOOL_CALLED' | 'UNARCHIVED' | 'UPDATED' | 'WAITING'

/** Which tasks. All conditions that are given must hold. */
export interface TaskFilter {
  /** All of these must hold. */
  and?: readonly TaskFilter[] | null | undefined
  /** When it was put away; `{isNull: true}`: what was not. */
  archivedAt?: DateTimeFilter | null | undefined
  /** The number of the attempt. */
  attempt?: IntFilter | null | undefined
  /** When it ended. */
  completedAt?: DateTimeFilter | null | undefined
  /** The key of which only so many run at once. */
  concurrencyKey?: StringFilter | null | undefined
  /** When it was made. */
  createdAt?: DateTimeFilter | null | undefined
  /** When it must have ended. */
  deadlineAt?: DateTimeFilter | null | undefined
  /** The area of work. */
  domain?: StringFilter | null | undefined
  /** How far it has strayed. */
  driftScore?: FloatFilter | null | undefined
  /** The id. */
  id?: IdFilter | null | undefined
  /** This must not hold. */
  not?: TaskFilter | null | undefined
  /** At least one of these must hold. */
  or?: readonly TaskFilter[] | null | undefined
  /** The owner’s id (of use to ADMINs). */
  ownerId?: IdFilter | null | undefined
  /** The id of the task that it is a part of. */
  parentId?: OptionalIdFilter | null | undefined
  /** The priority. */
  priority?: IntFilter | null | undefined
  /** How far it is. */
  progress?: FloatFilter | null | undefined
  /** When it was queued last. */
  queuedAt?: DateTimeFilter | null | undefined
  /** When it is due. */
  runAt?: DateTimeFilter | null | undefined
  /** The id of the schedule that made it. */
  scheduleId?: OptionalIdFilter | null | undefined
  /** The session of an agent. */
  sessionKey?: StringFilter | null | undefined
  /** When its last attempt began. */
  startedAt?: DateTimeFilter | null | undefined
  /** The status. */
  status?: TaskStatusFilter | null | undefined
  /** The task type. */
  type?: StringFilter | null | undefined
  /** When it changed last. */
  updatedAt?: DateTimeFilter | null | undefined
  /** Who works on it. */
  worker?: StringFilter | null | undefined
}

/** Where a task is in its life. */
export type TaskStatus = 'CANCELLED' | 'COMPLETED' | 'CREATED' | 'FAILED' | 'QUEUED' | 'RUNNING'

/** Conditions on a task status; all that are given must hold. */
export interface TaskStatusFilter {
  /** Is this task status. */
  eq?: TaskStatus | null | undefined
  /** Is one of these. */
  in?: readonly TaskStatus[] | null | undefined
  /** Is another task status; an absent one does not count as another. */
  ne?: TaskStatus | null | undefined
  /** Is none of these; an absent one does not count. */
  notIn?: readonly TaskStatus[] | null | undefined
}

/** That the same work is not asked for twice. */
export interface TaskUniqueInput {
  /** For so long the same type with the same params makes no second task of yours; 1 to 2592000 (30 days). */
  withinSeconds: number
}

/** What shall be otherwise. */
export interface TaskUpdateInput {
  /** While it waits: all that it shall depend on from now on; at most 1,000. A circle is refused. Null: nothing, as `[]`. */
  dependsOn?: readonly string[] | null | undefined
  /** What it is about; at most 10,000 characters. */
  description?: string | null | undefined
  /** Area of work; at most 200 characters. */
  domain?: string | null | undefined
  /** How far it has strayed, 0 to 1. */
  driftScore?: number | null | undefined
  /** The task’s id. */
  id: string
  /** The same key with the same input changes it once. */
  idempotencyKey?: string | null | undefined
  /** While it waits: 1 to 100. */
  maxAttempts?: number | null | undefined
  /** While it waits: what becomes of it when one of these does not end well. */
  onDependencyFailure?: DependencyFailure | null | undefined
  /** While it waits: what its type is given. */
  params?: unknown | undefined
  /** While it waits: -1000 to 1000. */
  priority?: number | null | undefined
  /** While it waits: not before this. */
  runAt?: string | null | undefined
  /** The session of an agent; at most 200 characters. */
  sessionKey?: string | null | undefined
  /** What came of it, in words; at most 10,000 characters. */
  summary?: string | null | undefined
  /** While it waits: seconds an attempt may take; null: as long as it needs. */
  timeoutSeconds?: number | null | undefined
  /** While it waits: seconds it may take in all; null: no limit. */
  totalTimeoutSeconds?: number | null | undefined
}
