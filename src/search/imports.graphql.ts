/** Reading files into collections. */
import { z } from 'zod'
import { BadUserInput } from '../core/errors.ts'
import { type FilterFields, filterCheck, filterWhere, idIn, moment } from '../core/filter.ts'
import { idOf, newIdOf } from '../core/ids.ts'
import { given, id, idempotencyKey, optionalId, optionalName, whole } from '../core/input.ts'
import { builder, rights } from '../graphql/builder.ts'
import { NEWEST_FIRST, readPage } from '../graphql/connection.ts'
import type { Context } from '../graphql/context.ts'
import { DateTimeFilter, filterInput, IdFilter } from '../graphql/filter-inputs.ts'
import { filterOwn } from '../graphql/filter-own.ts'
import { type InputBuilder, mutation } from '../graphql/mutation.ts'
import { insideOf } from './collection.ts'
import { KEY } from './collections-mutations.graphql.ts'
import { intoFields, intoRules, toInto } from './document-inputs.graphql.ts'
import { IfExistsEnum } from './documents-add-many.graphql.ts'
import { ImportFormatEnum, ImportPages, ImportRef } from './import.graphql.ts'
import { IMPORT_FORMATS, MAX_FILE_NAME, MAX_PART_BYTES } from './import.ts'
import { importAppend } from './import-append.ts'
import { importCreate } from './import-create.ts'

type Made = { importId: string }

// biome-ignore lint/suspicious/noExplicitAny: the field builder's type depends on each payload
const importField = (t: any) => ({
  import: t.prismaField({
    type: ImportRef,
    nullable: true,
    description: 'The import as it is now; null where nothing was changed.',
    resolve: (query: object, { made }: { made: Made | null }, _args: unknown, ctx: Context) =>
      made && ctx.db.searchImport.findFirst({ ...query, where: { id: made.importId, ...insideOf(ctx.actor) } }),
  }),
})

const partFields = (t: InputBuilder, isLastByDefault: boolean) => ({
  text: t.string({ description: `The next part of the file, as text; at most ${MAX_PART_BYTES} bytes. Or \`base64\`.` }),
  base64: t.string({ description: `The same for files that are cut anywhere, as base64; at most ${MAX_PART_BYTES} bytes of the file.` }),
  isLast: t.boolean({ defaultValue: isLastByDefault, description: 'Whether the file ends with it. Then the task is made that reads it.' }),
})

const partRules = { text: given(z.string()), base64: given(z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, 'Is no base64')), isLast: given(z.boolean()) }

function partOf(ctx: Context, { text, base64, isLast }: { text?: string | undefined; base64?: string | undefined; isLast: boolean }) {
  if ((text === undefined) === (base64 === undefined)) throw new BadUserInput('Give either text or base64.', ['input', 'text'])
  const bytes = text === undefined ? Buffer.from(base64!, 'base64') : Buffer.from(text)
  if (bytes.length > MAX_PART_BYTES)
    throw new BadUserInput(`A part has at most ${MAX_PART_BYTES} bytes; this one has ${bytes.length}.`, ['input', text === undefined ? 'base64' : 'text'])
  return { bytes, isLast, maxFileBytes: ctx.app.config.SEARCH_IMPORT_MAX_BYTES }
}

mutation('searchImportCreate', {
  description:
    'Reads a file into a collection, by a task of the type `search.import`. A file of more than one part goes on with `searchImportAppend`. Rows that are no documents are counted and named, and the others are read.',
  rights: 'SEARCH_WRITE',
  inputDescription: 'What file, where it goes, and its first part.',
  input: (t) => ({
    id: t.id({ description: 'An id of your own making, `SearchImport:<UUIDv7>`, so that sending this again is harmless.' }),
    ...intoFields(t),
    format: t.field({ type: ImportFormatEnum, required: true, description: 'What the file is.' }),
    name: t.string({ description: `What it is called, at most ${MAX_FILE_NAME} characters.` }),
    ifExists: t.field({ type: IfExistsEnum, defaultValue: 'REPLACE', description: 'What becomes of a document whose external id is there already.' }),
    ...partFields(t, true),
    idempotencyKey: t.string({ description: KEY }),
  }),
  validate: z.object({
    id: optionalId,
    ...intoRules,
    format: z.enum(IMPORT_FORMATS),
    name: optionalName(MAX_FILE_NAME),
    ifExists: given(z.enum(['FAIL', 'REPLACE', 'KEEP'])),
    ...partRules,
    idempotencyKey,
  }),
  payload: importField,
  run: async (input, ctx) => {
    const into = toInto(input)
    const part = partOf(ctx, { ...input, isLast: input.isLast ?? true })
    const creation = {
      id: input.id === undefined ? undefined : newIdOf('SearchImport', input.id),
      format: input.format,
      name: input.name,
      ifExists: input.ifExists ?? 'REPLACE',
    }
    return ctx.once(
      { mutation: 'searchImportCreate', key: input.idempotencyKey, id: input.id, input },
      async (work): Promise<Made> => ({ importId: await importCreate(work, into, creation, part) }),
    )
  },
})

mutation('searchImportAppend', {
  description: 'Brings the next part of a file. Who does not know whether a part has come reads `receivedParts`, and goes on from there.',
  rights: 'SEARCH_WRITE',
  inputDescription: 'Which import, and the next part of its file.',
  input: (t) => ({
    id: t.id({ required: true, description: 'The import’s id.' }),
    afterPart: t.int({ required: true, description: 'How many parts came before it.' }),
    ...partFields(t, false),
    idempotencyKey: t.string({ description: KEY }),
  }),
  validate: z.object({ id, afterPart: whole(0, 1_000_000), ...partRules, idempotencyKey }),
  payload: importField,
  run: async (input, ctx) => {
    const importId = idOf('SearchImport', input.id, ['input', 'id']) ?? ''
    const part = partOf(ctx, { ...input, isLast: input.isLast ?? false })
    return ctx.once({ mutation: 'searchImportAppend', key: input.idempotencyKey, input }, async (work): Promise<Made> => {
      await importAppend(work, importId, input.afterPart, part)
      return { importId }
    })
  },
})

const FILTER_FIELDS: FilterFields = {
  collectionId: idIn('SearchCollection', 'collectionId'),
  createdAt: moment('createdAtMs'),
}

const ImportFilter = filterInput('SearchImportFilter', 'Which imports.', {
  collectionId: { type: IdFilter, description: 'The id of the collection that they are read into.' },
  createdAt: { type: DateTimeFilter, description: 'When their first part came.' },
})

builder.queryFields((t) => ({
  searchImport: t.prismaField({
    type: ImportRef,
    nullable: true,
    description: 'An import by its id; null where there is none that you may see.',
    ...rights('SEARCH_READ'),
    args: { id: t.arg.id({ required: true, description: 'The import’s id.' }) },
    resolve: (query, _root, args, ctx) => {
      const importId = idOf('SearchImport', args.id, ['id'])
      return importId ? ctx.db.searchImport.findFirst({ ...query, where: { id: importId, ...insideOf(ctx.actor) } }) : null
    },
  }),
  searchImports: t.connection(
    {
      type: ImportRef,
      description: 'Your imports, for ADMINs everybody’s; newest first.',
      ...rights('SEARCH_READ'),
      args: { filter: t.arg({ type: ImportFilter, description: 'Which imports.' }) },
      resolve: async (_root, args, ctx, info) => {
        filterCheck(args.filter, FILTER_FIELDS)
        const filter = await filterOwn(ctx.reading, args.filter, { collectionId: 'SearchCollection' })
        return readPage(ctx, info, {
          typeName: 'SearchImport',
          delegate: ctx.db.searchImport as never,
          where: { AND: [filterWhere(filter, FILTER_FIELDS), insideOf(ctx.actor)] },
          order: NEWEST_FIRST,
          args,
        }) as never
      },
    },
    ...ImportPages,
  ),
}))
