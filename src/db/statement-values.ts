/** Values as statements of both databases take them, and JSON as they give it. */
import { Prisma } from '../generated/sqlite/client.ts'

/** A boolean: as a parameter of a SELECT, PostgreSQL would take it for a text. */
export const truth = (value: boolean): Prisma.Sql => Prisma.raw(value ? 'TRUE' : 'FALSE')

/** The most that an INTEGER column of PostgreSQL holds; of milliseconds some 25 days. */
export const MAX_INT = 2_147_483_647

/** A whole number or none. */
export const wholeInt = (value: number | null): Prisma.Sql => Prisma.sql`CAST(${value} AS INTEGER)`
/** The same where it may be larger. */
export const whole = (value: number | null): Prisma.Sql => Prisma.sql`CAST(${value === null ? null : BigInt(value)} AS BIGINT)`

/** JSON columns come as text or as what they hold, by database and statement. For columns whose values are no texts themselves. */
export const fromJson = <T>(value: unknown): T => (typeof value === 'string' ? JSON.parse(value) : value) as T
