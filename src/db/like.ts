/** Searching in texts without regard to case, with every character of the searched text meaning itself. */
import type { Dialect } from './sql.ts'

/** In patterns of LIKE, and so in Prisma's `contains` and `startsWith`, % and _ stand for others; a backslash takes that away. */
export const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&')

type Filter = { contains: string } | { startsWith: string }

/**
 * A Prisma filter for texts that contain `text`, whatever the case. SQLite knows cases of ASCII letters only, and has no
 * `mode` because it never looks at them; the SQLite client's types, which are used everywhere, do not have it either.
 */
export const containsIgnoringCase = (dialect: Dialect, text: string) => ignoringCase(dialect, { contains: escapeLike(text) })

export const startsWithIgnoringCase = (dialect: Dialect, text: string) => ignoringCase(dialect, { startsWith: escapeLike(text) })

const ignoringCase = <F extends Filter>(dialect: Dialect, filter: F): F => (dialect === 'postgresql' ? { ...filter, mode: 'insensitive' } : filter)
