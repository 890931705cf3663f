/** The comparators of filters, as input types. */
import type { Filter } from '../core/filter.ts'
import { MAX_PATH } from '../db/filter-metadata.ts'
import { builder, type SchemaTypes } from './builder.ts'

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>
type InputType = Parameters<PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>['field']>[0]['type']

const equal = (what: string) => ({
  eq: `Is this ${what}.`,
  ne: `Is another ${what}; an absent one does not count as another.`,
})

/** `<name>Filter` over values of `type`: equality and lists, for ordered values ranges, for values that may be absent `isNull`. */
export function comparators(name: string, type: InputType, what: string, traits: { ordered?: boolean; nullable?: boolean } = {}) {
  return builder.inputType(`${name}Filter`, {
    description: `Conditions on a ${what}; all that are given must hold.`,
    fields: (t) => {
      const one = (description: string) => t.field({ type, description } as never)
      const many = (description: string) => t.field({ type: [type], description } as never)
      const words = equal(what)
      return {
        eq: one(words.eq),
        ne: one(words.ne),
        in: many('Is one of these.'),
        notIn: many('Is none of these; an absent one does not count.'),
        ...(traits.ordered && {
          gt: one('Is after, or greater than, this.'),
          gte: one('Is this, or after or greater.'),
          lt: one('Is before, or less than, this.'),
          lte: one('Is this, or before or less.'),
        }),
        ...(traits.nullable && { isNull: t.boolean({ description: 'Is absent (true), or is there (false).' }) }),
      } as never
    },
  })
}

export const IdFilter = comparators('Id', 'ID', 'id')
export const StringFilter = comparators('String', 'String', 'text', { ordered: true, nullable: true })
export const IntFilter = comparators('Int', 'Int', 'whole number', { ordered: true, nullable: true })
export const FloatFilter = comparators('Float', 'Float', 'number', { ordered: true, nullable: true })
export const BooleanFilter = comparators('Boolean', 'Boolean', 'yes or no')
export const DateTimeFilter = comparators('DateTime', 'DateTime', 'moment', { ordered: true, nullable: true })

export const TagsFilter = builder.inputType('TagsFilter', {
  description: 'Conditions on tags; all that are given must hold.',
  fields: (t) => ({
    any: t.stringList({ description: 'Has at least one of these.' }),
    all: t.stringList({ description: 'Has all of these.' }),
    none: t.stringList({ description: 'Has none of these.' }),
  }),
})

export const MetadataFilter = builder.inputType('MetadataFilter', {
  description:
    'Conditions on one value in the metadata; all that are given must hold. A value of another type is as good as absent, and so is null: no comparison with it holds, nor its opposite.',
  fields: (t) => ({
    path: t.stringList({
      required: true,
      description: `The keys that lead to it, from the outermost, as \`["author", "name"]\`; 1 to ${MAX_PATH}. They lead through objects, not through lists.`,
    }),
    string: t.field({ type: StringFilter, description: 'Of a text.' }),
    number: t.field({ type: FloatFilter, description: 'Of a number.' }),
    boolean: t.field({ type: BooleanFilter, description: 'Of true and false.' }),
    isPresent: t.boolean({ description: 'Whether there is a value other than null.' }),
  }),
})

/** A filter input with `and`, `or`, `not` over itself. */
export function filterInput(name: string, description: string, fields: Record<string, { type: unknown; description: string }>) {
  const ref = builder.inputRef<Filter>(name)
  ref.implement({
    description: `${description} All conditions that are given must hold.`,
    fields: (t) =>
      ({
        ...Object.fromEntries(Object.entries(fields).map(([field, { type, description }]) => [field, t.field({ type, description } as never)])),
        and: t.field({ type: [ref], description: 'All of these must hold.' }),
        or: t.field({ type: [ref], description: 'At least one of these must hold.' }),
        not: t.field({ type: ref, description: 'This must not hold.' }),
      }) as never,
  })
  return ref
}
