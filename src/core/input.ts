/** Rules for input fields that every room uses. Absent and null are the same, and come out as undefined. */
import { z } from 'zod'

const given = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined)

/** Text that both databases can keep as it is: no null characters, and no halves of characters, which have no UTF-8. */
export const text = (min: number, max: number) =>
  z
    .string()
    .min(min, { error: min === 1 ? 'Must not be empty' : `Must have at least ${min} characters`, abort: true })
    .max(max, `Must have at most ${max} characters`)
    .refine((value) => !value.includes('\u0000'), 'Must not hold null characters')
    .refine((value) => !/\p{Surrogate}/u.test(value), 'Must be valid Unicode: it holds half a character')

/** A word or name on one line. */
export const name = (max: number) => text(1, max).refine((value) => value.trim().length > 0, 'Must not be blank')

export const optionalText = (max: number) => given(text(0, max))
export const optionalName = (max: number) => given(name(max))
export const whole = (min: number, max: number) => z.int().min(min, `Must be at least ${min}`).max(max, `Must be at most ${max}`)
export const optionalWhole = (min: number, max: number) => given(whole(min, max))
export const optionalNumber = (min: number, max: number) => given(z.number().min(min, `Must be at least ${min}`).max(max, `Must be at most ${max}`))
export const id = z.string().max(200, 'Is not an id')
export const optionalId = given(id)
export const idempotencyKey = given(text(1, 200))

/** A JSON value whose text has at most so many bytes. */
export const json = (maxBytes: number) =>
  z
    .unknown()
    .optional()
    .refine((value) => value === undefined || Buffer.byteLength(JSON.stringify(value) ?? '') <= maxBytes, `Must have at most ${maxBytes} bytes as JSON`)

/** A JSON object. */
export const jsonObject = (maxBytes: number) =>
  json(maxBytes).refine((value) => value === null || value === undefined || (typeof value === 'object' && !Array.isArray(value)), 'Must be a JSON object')

/** A moment between 2000 and 2200. */
export const optionalDate = given(z.date().min(new Date('2000-01-01'), 'Is before the year 2000').max(new Date('2200-01-01'), 'Is after the year 2200'))

/** Absent leaves a value as it is, null clears it. */
export const clearable = <T extends z.ZodType>(schema: T) => schema.nullish()

export { given }
