/**
 * What a task's process and the server tell each other: one JSON text a line, over two pipes of their own.
 *
 * The process writes to its pipe and waits until there is room; that is all the back-pressure there is, and it also holds for
 * code that never gives its event loop a turn.
 */
import type { ChunkKind } from '../../streams/stream.ts'
import type { TaskOutcome } from '../task-type.ts'
import type { ToldError } from './told-error.ts'

/** File descriptors in the process. */
export const TO_SERVER = 3
export const FROM_SERVER = 4
/** The first of the files that it was given open. */
export const GIVEN_FILES = 5

export interface GivenTask {
  id: string
  ownerId: string
  type: string
  attempt: number
  params: unknown
}

/** What a function may ask of the server. */
export const ASKED = ['openStream', 'dependencies', 'children', 'createChild'] as const
export type Asked = (typeof ASKED)[number]

export type ToProcess =
  /** `module` is null where the process knows what to run. */
  | { kind: 'run'; module: string | null; task: GivenTask }
  | { kind: 'abort'; reason: string }
  | { kind: 'answer'; to: number; value: unknown }
  /** Also of a stream, once it takes nothing more. */
  | { kind: 'refusal'; to: number; error: ToldError }

export type FromProcess =
  /** Everything is loaded; the function begins. */
  | { kind: 'ready' }
  | { kind: 'progress'; fraction: number; message?: string | undefined }
  /** Numbered, so that the answer finds its question. */
  | { kind: 'ask'; number: number; what: Asked; args: unknown[] }
  /** To the stream that the question of this number opened. */
  | { kind: 'write'; stream: number; chunk: ChunkKind; content: string }
  | { kind: 'outcome'; outcome: TaskOutcome }
  | { kind: 'failed'; error: ToldError }
