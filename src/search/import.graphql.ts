/** The type SearchImport. */
import { toDate, toDateOrNull } from '../core/clock.ts'
import { builder } from '../graphql/builder.ts'
import { pagesOf } from '../graphql/connection.ts'
import { nodeLoader, nodeOf } from '../graphql/node.ts'
import { TaskRef } from '../tasks/task.graphql.ts'
import { insideOf } from './collection.ts'
import { IfExistsEnum } from './documents-add-many.graphql.ts'
import type { IfExists } from './documents-write.ts'
import { type ImportFault, type ImportFormat, MAX_FAULTS } from './import.ts'

export const ImportFormatEnum = builder.enumType('SearchImportFormat', {
  description: 'What a file is. What is not what it says is refused. Texts are UTF-8.',
  values: {
    JSONL: {
      description:
        'Lines of JSON, a document each: `content` (or `text`), and what it may have besides: `externalId` (or `id`), `title`, `metadata`, `tags`. Other keys go into the metadata.',
    },
    CSV: {
      description:
        'Rows of values. The first line names the columns: `content` (or `text`), and what there may be besides: `externalId` (or `id`), `title`, `tags` (between , ; or |). Other columns go into the metadata. The separator is , ; | or a tab.',
    },
    TEXT: { description: 'One document. Its external id is the file’s name.' },
    MARKDOWN: { description: 'One document, with its first heading as title. Its external id is the file’s name.' },
    HTML: { description: 'One document: the text of the page, with its title. Its external id is the file’s name.' },
  } as const satisfies Record<ImportFormat, { description: string }>,
})

const ImportStatus = builder.enumType('SearchImportStatus', {
  description: 'How an import stands.',
  values: {
    RECEIVING: { description: 'More parts of the file are to come.' },
    READING: { description: 'The file is there, and its task reads it, or will: see `task`.' },
    COMPLETED: { description: 'All of it was read.' },
    REFUSED: { description: 'It is not what it is said to be: `error` says why. What was read before is there.' },
  } as const,
})

const FaultRef = builder.objectRef<ImportFault>('SearchImportFault').implement({
  description: 'A row of a file that is no document.',
  fields: (t) => ({
    row: t.exposeInt('row', { description: 'Which row, from 1; a CSV’s first line does not count, nor do empty ones.' }),
    message: t.exposeString('message', { description: 'What is wrong with it.' }),
  }),
})

export const ImportRef = builder.prismaNode('SearchImport', {
  description: 'A file that is read into a collection, by a task of the type `search.import`. It is kept for 30 days.',
  id: { field: 'id', description: 'The global id, `SearchImport:<uuid>`.' },
  select: { id: true },
  fields: (t) => ({
    name: t.exposeString('name', { nullable: true, description: 'What the file is called.' }),
    format: t.field({ type: ImportFormatEnum, select: { format: true }, description: 'What it is.', resolve: ({ format }) => format as ImportFormat }),
    ifExists: t.field({
      type: IfExistsEnum,
      select: { ifExists: true },
      description: 'What becomes of a document whose external id is there.',
      resolve: ({ ifExists }) => ifExists as IfExists,
    }),
    status: t.field({
      type: ImportStatus,
      select: { isComplete: true, completedAtMs: true, error: true },
      description: 'How it stands.',
      resolve: ({ isComplete, completedAtMs, error }) =>
        completedAtMs !== null ? 'COMPLETED' : error !== null ? 'REFUSED' : isComplete ? 'READING' : 'RECEIVING',
    }),
    error: t.exposeString('error', { nullable: true, description: 'Why nothing more of it is read.' }),
    receivedParts: t.exposeInt('receivedParts', { description: 'How many parts have come: the `afterPart` of the next one.' }),
    receivedBytes: t.field({
      type: 'SafeInt',
      select: { receivedBytes: true },
      description: 'How many bytes have come.',
      resolve: ({ receivedBytes }) => Number(receivedBytes),
    }),
    readBytes: t.field({
      type: 'SafeInt',
      select: { readBytes: true },
      description: 'How many of them were read.',
      resolve: ({ readBytes }) => Number(readBytes),
    }),
    rows: t.int({ select: { readRows: true }, description: 'How many rows were read.', resolve: ({ readRows }) => readRows }),
    added: t.exposeInt('added', { description: 'How many documents were added.' }),
    updated: t.exposeInt('updated', { description: 'How many documents were changed.' }),
    unchanged: t.exposeInt('unchanged', { description: 'How many were there and said the same, or were kept.' }),
    failed: t.exposeInt('failed', { description: 'How many rows are no documents.' }),
    faults: t.field({
      type: [FaultRef],
      select: { faults: true },
      description: `The first ${MAX_FAULTS} of them, with what is wrong.`,
      resolve: ({ faults }) => faults as unknown as ImportFault[],
    }),
    task: t.field({
      type: TaskRef,
      nullable: true,
      select: { taskId: true },
      description: 'The task that reads it; null while parts are to come, and once that is deleted.',
      resolve: ({ taskId }, _args, ctx, info) => nodeOf(ctx, info, 'Task', taskId),
    }),
    collection: t.relation('collection', { description: 'The collection that it is read into.' }),
    owner: t.relation('owner', { description: 'Whose it is: the collection’s owner.' }),
    createdAt: t.field({
      type: 'DateTime',
      select: { createdAtMs: true },
      description: 'When its first part came.',
      resolve: ({ createdAtMs }) => toDate(createdAtMs),
    }),
    completedAt: t.field({
      type: 'DateTime',
      nullable: true,
      select: { completedAtMs: true },
      description: 'When all of it was read.',
      resolve: ({ completedAtMs }) => toDateOrNull(completedAtMs),
    }),
  }),
})

export const ImportPages = pagesOf(ImportRef, 'SearchImport', 'imports')

nodeLoader('SearchImport', 'SEARCH_READ', (ctx, ids, query) => ctx.db.searchImport.findMany({ ...query, where: { id: { in: ids }, ...insideOf(ctx.actor) } }))
