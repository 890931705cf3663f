/**
 * A stream is words as they come: chunks numbered from 0, each committed before anyone sees it.
 *
 * PENDING → STREAMING with the first chunk → one of COMPLETED, FAILED, CANCELLED, INTERRUPTED, which are final.
 * It is written either by the attempt of a task in one of our servers (its right to write is the open stream itself, which
 * is closed in the transaction that takes the task's lease away), or by a program elsewhere under a lease of its own.
 */

import type { NewEvent, Work } from '../events/work.ts'
import { Prisma } from '../generated/sqlite/client.ts'
import './stream-figures.ts'

export type StreamStatus = 'PENDING' | 'STREAMING' | 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'INTERRUPTED'
export type FinalStreamStatus = Exclude<StreamStatus, 'PENDING' | 'STREAMING'>
export type ChunkKind = 'TEXT' | 'REASONING' | 'TOOL_CALL' | 'TOOL_RESULT' | 'DATA'

/** A producer elsewhere has this long between signs of life. */
export const OUTSIDE_LEASE_MS = 60_000

export interface NewChunk {
  kind: ChunkKind
  content: string
}

export interface Chunk extends NewChunk {
  seq: number
  createdAtMs: number
}

export const isFinal = (status: StreamStatus): status is FinalStreamStatus => status !== 'PENDING' && status !== 'STREAMING'

/** The topic that says "look again" to those who follow a stream. */
export const streamTopic = (id: string): string => `stream:${id}`

/** What an event about a stream carries. */
export interface StreamValues {
  id: string
  ownerId: string
  taskId: string | null
  producerTaskId: string | null
  attempt: number | null
  status: StreamStatus
  lastSeq: number
  error: string | null
}

export const STREAM_VALUES = Prisma.raw('"id", "ownerId", "taskId", "producerTaskId", "attempt", "status", "lastSeq", "error"')

/** Rows of `RETURNING`, with numbers as numbers. */
export const toStreamValues = (row: Record<string, unknown>): StreamValues =>
  Object.fromEntries(Object.entries(row).map(([column, value]) => [column, typeof value === 'bigint' ? Number(value) : value])) as unknown as StreamValues

/** Notes a change of a stream: its event, and the signal to its followers. */
export function streamChanged(
  work: Work,
  kind: 'OPENED' | 'STARTED' | 'EXPIRED' | 'DELETED' | FinalStreamStatus,
  after: StreamValues,
  before?: Partial<StreamValues>,
): void {
  const event: NewEvent = {
    kind: `STREAM_${kind}`,
    subjectType: 'Stream',
    subjectId: after.id,
    ownerId: after.ownerId,
    data: { taskId: after.taskId, attempt: after.attempt, status: after.status, lastSeq: after.lastSeq, error: after.error, ...(before && { before }) },
  }
  work.events.push(event)
  work.signals.add(streamTopic(after.id))
}
