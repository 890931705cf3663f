/**
 * An import: a file that is read into a collection.
 *
 * Its bytes come in parts, which lie in the database, so that whichever server runs its task has them. The task reads a window of some
 * parts, writes the documents in it, and says in the same transaction how far it came: so it goes on from there wherever it was stopped,
 * and nothing is there twice. What was read is removed.
 */
import { Prisma } from '../generated/sqlite/client.ts'
import type { IfExists } from './documents-write.ts'

export const IMPORT_FORMATS = ['JSONL', 'CSV', 'TEXT', 'MARKDOWN', 'HTML'] as const
export type ImportFormat = (typeof IMPORT_FORMATS)[number]

/** With what base64 adds, it fits into a request. */
export const MAX_PART_BYTES = 700_000
export const MAX_FILE_NAME = 200
/** So many faults are kept; how many there were is counted. */
export const MAX_FAULTS = 100

export interface ImportFault {
  /** From 1; in a file that is one document, 1. */
  row: number
  message: string
}

export interface ImportValues {
  id: string
  ownerId: string
  collectionId: string
  format: ImportFormat
  name: string | null
  ifExists: IfExists
  receivedParts: number
  receivedBytes: number
  isComplete: boolean
  readBytes: number
  readRows: number
  state: unknown
  added: number
  updated: number
  unchanged: number
  failed: number
  faults: ImportFault[]
  error: string | null
  taskId: string | null
  completedAtMs: number | null
}

export const IMPORT_VALUES = Prisma.raw(
  [
    'id',
    'ownerId',
    'collectionId',
    'format',
    'name',
    'ifExists',
    'receivedParts',
    'receivedBytes',
    'isComplete',
    'readBytes',
    'readRows',
    'state',
    'added',
    'updated',
    'unchanged',
    'failed',
    'faults',
    'error',
    'taskId',
    'completedAtMs',
  ]
    .map((column) => `"SearchImport"."${column}"`)
    .join(', '),
)

export const toImportValues = (row: Record<string, unknown>): ImportValues => {
  const json = (value: unknown) => (typeof value === 'string' ? JSON.parse(value) : value)
  return { ...row, isComplete: Boolean(row.isComplete), faults: json(row.faults) ?? [], state: json(row.state) ?? null } as unknown as ImportValues
}
