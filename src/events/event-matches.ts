import { type Filter, type FilterFields, filterMatches } from '../core/filter.ts'
import type { LoggedEvent } from './log.ts'

/** Whether what an event is about matched before or after it: what leaves a list is told too. */
export function eventMatches(filter: Filter | null | undefined, event: LoggedEvent, fields: FilterFields): boolean {
  if (!filter) return true
  const after = { ...event.data, id: event.subjectId, ownerId: event.ownerId }
  if (filterMatches(filter, after, fields)) return true
  const before = event.data.before
  return typeof before === 'object' && before !== null && filterMatches(filter, { ...after, ...before }, fields)
}
